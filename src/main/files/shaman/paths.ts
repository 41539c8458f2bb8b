/** Names in a Shaman folder, and which ones clients may choose. Pure. (Flamenco §10.3) */
import path from 'node:path'
import { InvalidInputError } from '../../engine/errors.ts'

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
function shaFolder(sha: string): string {
  if (!SHA.test(sha)) throw new InvalidInputError('sha', `"${sha.slice(0, 80)}" is not a SHA-256 in lower-case hexadecimal`)
  return path.join(sha.slice(0, 2), sha.slice(2))
}

export function blobPath(root: string, { sha, size }: BlobId): string {
  return path.join(root, 'file-store', 'stored', shaFolder(sha), `${size}.blob`)
}

/** Which blob a file of the folder `stored` is; undefined for any other file. */
export function blobOfPath(stored: string, file: string): BlobId | undefined {
  const [head, tail, name, ...more] = path.relative(stored, file).split(path.sep)
  const size = /^(\d+)\.blob$/.exec(name ?? '')?.[1]
  if (!head || !tail || size === undefined || more.length > 0 || !SHA.test(head + tail)) return undefined
  return { sha: head + tail, size: Number(size) }
}

export function uploadPath(root: string, { sha, size }: BlobId, random: string): string {
  return path.join(root, 'file-store', 'uploading', shaFolder(sha), `${size}-${random}.tmp`)
}

/** The folder that checkouts lie in. */
export function checkoutRoot(root: string): string {
  return path.join(root, 'jobs')
}

/** Control characters, and what Windows or a URL cannot have in a name. */
const FORBIDDEN_IN_CHECKOUT = /[\u0000-\u001f\u007f?*:;{}\\]/
const FORBIDDEN_IN_FILE = /[\u0000-\u001f\u007f\\]/

/** @throws InvalidInputError unless it is a relative path of proper names that stays below the checkout root */
export function assertCheckoutPath(checkoutPath: string): void {
  assertRelative(checkoutPath, 'checkoutPath')
  if (FORBIDDEN_IN_CHECKOUT.test(checkoutPath)) {
    throw new InvalidInputError(
      'checkoutPath',
      `checkoutPath "${checkoutPath}" has a character that is not allowed in it: ? * : ; { } \\ or a control character`,
    )
  }
}

/** @throws InvalidInputError unless it is a relative path that stays inside its checkout */
export function assertFilePath(filePath: string, field: string): void {
  assertRelative(filePath, field)
  if (FORBIDDEN_IN_FILE.test(filePath))
    throw new InvalidInputError(field, `${field} "${filePath}" has a backslash or control character in it`)
  if (/^[A-Za-z]:/.test(filePath)) throw new InvalidInputError(field, `${field} "${filePath}" starts with a drive letter`)
}

function assertRelative(value: string, field: string): void {
  if (value === '') throw new InvalidInputError(field, `${field} is empty`)
  for (const part of value.split(/[/\\]/)) {
    if (part === '') throw new InvalidInputError(field, `${field} "${value}" must be relative, without empty parts`)
    if (part === '.' || part === '..') throw new InvalidInputError(field, `${field} "${value}" must not contain "${part}" as a part`)
  }
}
