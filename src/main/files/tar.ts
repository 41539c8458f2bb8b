/** Folders as tar archives, written as they are read: what any system can unpack. Only plain files; each has the size that it had when its turn came. */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pack, type Pack } from 'tar-stream'
import { addFile } from '../system/tarEntry.ts'

/** The archive: every file below `folder`, under `prefix/`. The stream ends with the error when a file became shorter meanwhile. */
export function tarOf(folder: string, prefix: string): Readable {
  const archive = pack()
  addFiles(archive, folder, prefix).then(
    () => archive.finalize(),
    (error: unknown) => archive.destroy(error instanceof Error ? error : new Error(String(error))),
  )
  // tar-stream's streams are not Node's own.
  return Readable.from(archive, { objectMode: false })
}

async function addFiles(archive: Pack, folder: string, prefix: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (archive.destroyed) return
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const { size, mtime } = await stat(path)
    const name = [prefix, ...relative(folder, path).split(sep)].join('/')
    await addFile(archive, { name, size, mtime, mode: 0o600 }, firstBytes(path, size))
  }
}

/** A log that grows meanwhile is cut where it ended when it was looked at. @throws Error when the file became shorter */
async function* firstBytes(path: string, size: number): AsyncGenerator<Buffer> {
  if (size === 0) return
  let read = 0
  for await (const chunk of createReadStream(path, { end: size - 1 })) {
    const bytes = Buffer.from(chunk)
    read += bytes.length
    yield bytes
  }
  if (read !== size) throw new Error(`${path} became shorter while it was read`)
}
