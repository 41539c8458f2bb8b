/**
 * Folders as tar archives, written as they are read: what any system can unpack. POSIX ustar, with a pax header for long
 * names. Only plain files are written; each has the size that it had when its turn came.
 */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'

const BLOCK = 512
const MAX_NAME = 100
/** Beyond this a size needs more than eleven octal digits. */
const MAX_OCTAL = 0o77777777777

/** The archive's bytes: every file below `folder`, under `prefix/`. */
export async function* tarOf(folder: string, prefix: string): AsyncGenerator<Buffer> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const { size, mtimeMs } = await stat(path)
    yield* header([prefix, ...relative(folder, path).split(sep)].join('/'), size, mtimeMs)
    let written = 0
    // A log that grows meanwhile is cut where it ended when it was looked at.
    if (size > 0) {
      for await (const chunk of createReadStream(path, { end: size - 1 })) {
        const bytes = Buffer.from(chunk)
        written += bytes.length
        yield bytes
      }
    }
    if (written !== size) throw new Error(`${path} became shorter while it was read`)
    yield Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
  }
  yield Buffer.alloc(2 * BLOCK)
}

function* header(name: string, size: number, mtimeMs: number): Generator<Buffer> {
  const records = [...(Buffer.byteLength(name) > MAX_NAME ? [['path', name]] : []), ...(size > MAX_OCTAL ? [['size', String(size)]] : [])]
  if (records.length > 0) {
    const body = Buffer.from(records.map(([key = '', value = '']) => paxRecord(key, value)).join(''))
    yield block('pax', body.length, mtimeMs, 'x')
    yield body
    yield Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK)
  }
  yield block(Buffer.from(name).subarray(0, MAX_NAME).toString('latin1'), Math.min(size, MAX_OCTAL), mtimeMs, '0')
}

/** `LENGTH key=value\n`, where LENGTH counts itself too. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const bytes = Buffer.byteLength(rest)
  let length = bytes + String(bytes).length
  length = bytes + String(length).length
  return `${length}${rest}`
}

function block(name: string, size: number, mtimeMs: number, type: string): Buffer {
  const made = Buffer.alloc(BLOCK)
  made.write(name, 0, 'latin1')
  const octal = (value: number, at: number, width: number) => made.write(`${value.toString(8).padStart(width - 1, '0')}\0`, at, 'latin1')
  octal(0o600, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(Math.floor(mtimeMs / 1000), 136, 12)
  made.fill(' ', 148, 156)
  made.write(type, 156, 'latin1')
  made.write('ustar\0' + '00', 257, 'latin1')
  const sum = made.reduce((total, byte) => total + byte, 0)
  made.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return made
}
