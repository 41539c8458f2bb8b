/** Sends the files of a job to the manager: hashes them, asks which are missing, sends these, and lays them out as the job's input folder. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { askForContent, createInputs, sendContent } from '../../../shared/operations/jobs/content.ts'
import type { InputFile, Inputs, MissingContent } from '../../../shared/schemas/jobs/content.ts'
import { pause } from './pause.ts'
import { CliError, EXIT, UnreachableError } from '../errors.ts'
import { call, sendBody, type Connection } from './http.ts'

/** A file of this machine, and its place below the job's folder. */
export interface LocalFile {
  file: string
  place: string
  /** Only these frames need it; null: all do. */
  frames: number[] | null
}

export interface SendProgress {
  hashed(done: number, total: number): void
  /** @param bytes of those that are sent in this run */
  sent(bytes: number, total: number): void
}

export interface SentFiles extends Inputs {
  /** What this run sent; the rest was there. */
  sentFiles: number
  sentBytes: number
}

/** Files that one question names. */
const ASK_AT_ONCE = 5_000
const AT_ONCE = 4
/** Times that a file is tried while the connection keeps breaking; each goes on where the last one stopped. */
const TRIES = 20
const PAUSE_MS = 1_000

/** @throws CliError */
export async function sendFiles(to: Connection, files: readonly LocalFile[], progress: SendProgress): Promise<SentFiles> {
  const hashed: (InputFile & { file: string })[] = []
  for (const [at, { file, place, frames }] of files.entries()) {
    hashed.push({ file, path: place, ...(await contentOf(file)), ...(frames !== null && frames.length > 0 && { frames }) })
    progress.hashed(at + 1, files.length)
  }
  const missing = await missingOf(to, hashed)
  const total = missing.reduce((sum, { bytes, offset }) => sum + bytes - offset, 0)
  let sent = 0
  let next = 0
  const lane = async (): Promise<void> => {
    for (let one = missing[next++]; one !== undefined; one = missing[next++]) {
      const { sha256 } = one
      const file = hashed.find((each) => each.sha256 === sha256)?.file
      if (file === undefined) continue
      await sendOne(to, file, one)
      sent += one.bytes - one.offset
      progress.sent(sent, total)
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, missing.length) }, lane))
  const body = { files: hashed.map(({ path, sha256, bytes, frames }) => ({ path, sha256, bytes, ...(frames && { frames }) })) }
  const inputs = await call(to, createInputs, { body })
  return { ...inputs, sentFiles: missing.length, sentBytes: total }
}

type Missing = MissingContent['missing'][number]

async function missingOf(to: Connection, files: readonly { sha256: string; bytes: number }[]): Promise<Missing[]> {
  const contents = [...new Map(files.map(({ sha256, bytes }) => [sha256, { sha256, bytes }])).values()]
  const missing: Missing[] = []
  for (let at = 0; at < contents.length; at += ASK_AT_ONCE) {
    const body = { files: contents.slice(at, at + ASK_AT_ONCE) }
    missing.push(...(await call(to, askForContent, { body })).missing)
  }
  return missing
}

/** Goes on where a broken connection left it. */
async function sendOne(to: Connection, file: string, { sha256, bytes, offset }: Missing): Promise<void> {
  for (let from = offset, tries = 1; ; tries++) {
    try {
      const content = bytes === from ? Readable.from([]) : createReadStream(file, { start: from, end: bytes - 1 })
      await sendBody(to, sendContent, { params: { sha256, bytes }, query: { offset: from }, content, bytes: bytes - from })
      return
    } catch (error) {
      if (error instanceof CliError && error.code === 'content-mismatch')
        throw new CliError(EXIT.conflict, `"${file}" changed while it was sent; submit again`, 'content-mismatch')
      if (!(error instanceof UnreachableError) || tries === TRIES) throw error
      await pause(PAUSE_MS * Math.min(tries, 10), to.signal)
      const [left] = await missingOf(to, [{ sha256, bytes }]).catch(() => [{ sha256, bytes, offset: from }])
      if (left === undefined) return
      from = left.offset
    }
  }
}

async function contentOf(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 })) {
      // Without an encoding a file's stream gives buffers.
      const data = chunk as Buffer
      hash.update(data)
      bytes += data.length
    }
  } catch (error) {
    throw new CliError(EXIT.invalid, `cannot read "${file}": ${error instanceof Error ? error.message : String(error)}`, 'unreadable')
  }
  return { sha256: hash.digest('hex'), bytes }
}

/** The bytes of the files, which are not read for it. */
export async function bytesOf(files: readonly LocalFile[]): Promise<number> {
  const sizes = await Promise.all(files.map(async ({ file }) => (await stat(file).catch(() => undefined))?.size ?? 0))
  return sizes.reduce((sum, size) => sum + size, 0)
}
