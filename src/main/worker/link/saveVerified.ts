/** A file that the manager sends, known by its hash. */
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export interface ExpectedFile {
  /** SHA-256, hexadecimal. */
  sha256: string
  place: string
  /** Beside it: what is not whole has this name, and is removed when it does not become whole. */
  unfinished: string
}

/** Writes the stream to its place once all of it has the expected hash. @throws Error when it has another one, or what the stream throws */
export async function saveVerified(source: Readable, { sha256, place, unfinished }: ExpectedFile, signal: AbortSignal): Promise<void> {
  const hash = createHash('sha256')
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  try {
    await pipeline(source, hashing, createWriteStream(unfinished, { mode: 0o600 }), { signal })
    if (hash.digest('hex') !== sha256) throw new Error(`the manager sent content that does not match SHA-256 ${sha256}`)
    await rename(unfinished, place)
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  }
}
