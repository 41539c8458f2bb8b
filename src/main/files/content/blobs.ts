/** Names of blobs, and where they lie below a storage. The layout is Shaman's, so that one copy serves everyone. Pure. */
import path from 'node:path'
import { InvalidInputError } from '../../engine/base/errors.ts'

/** A file by its content. */
export interface BlobId {
  /** Lower-case hex SHA-256. */
  sha: string
  size: number
}

const SHA = /^[0-9a-f]{64}$/

/** One text per blob, for maps. */
export function blobKey({ sha, size }: BlobId): string {
  return `${sha}/${size}`
}

/** `aa/bbbb…`: two levels keep folders small. @throws InvalidInputError when it is no SHA-256: it becomes part of a path */
export function shaFolder(sha: string): string {
  if (!SHA.test(sha)) throw new InvalidInputError('sha', `"${sha.slice(0, 80)}" is not a SHA-256 in lower-case hexadecimal`)
  return path.join(sha.slice(0, 2), sha.slice(2))
}

/** The folder of whole, verified blobs. */
export function storedFolder(root: string): string {
  return path.join(root, 'file-store', 'stored')
}

/** The folder of what is on its way. */
export function uploadingFolder(root: string): string {
  return path.join(root, 'file-store', 'uploading')
}

export function blobPath(root: string, { sha, size }: BlobId): string {
  return path.join(storedFolder(root), shaFolder(sha), `${size}.blob`)
}

/** Which blob a file of the folder `stored` is; undefined for any other file. */
export function blobOfPath(stored: string, file: string): BlobId | undefined {
  const [head, tail, name, ...more] = path.relative(stored, file).split(path.sep)
  const size = /^(\d+)\.blob$/.exec(name ?? '')?.[1]
  if (!head || !tail || size === undefined || more.length > 0 || !SHA.test(head + tail)) return undefined
  return { sha: head + tail, size: Number(size) }
}
