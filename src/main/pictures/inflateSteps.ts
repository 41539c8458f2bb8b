/** Unpacks a zlib stream that comes in pieces, to its end, so that its checksum is compared. */
import { createInflate, inflateSync } from 'node:zlib'
import { DamagedError } from './verdict.ts'

/** Each piece is a trip to another thread: not too many of them. */
const OUTPUT_BYTES = 512 * 1024

/**
 * The same at once, for what takes less time to unpack than to hand to another thread.
 * @throws DamagedError
 */
export async function inflateAtOnce(pieces: AsyncIterable<Buffer>, onOutput: (bytes: Buffer) => void): Promise<number> {
  const all: Buffer[] = []
  for await (const piece of pieces) all.push(piece)
  try {
    const bytes = inflateSync(Buffer.concat(all))
    onOutput(bytes)
    return bytes.length
  } catch (error) {
    throw broken(error)
  }
}

/**
 * @param pieces of the stream; each stays unchanged until the next one is asked for
 * @param onOutput gets what was unpacked
 * @returns bytes unpacked
 * @throws DamagedError when the stream is broken, has the wrong checksum or does not end
 */
export async function inflateSteps(pieces: AsyncIterable<Buffer>, onOutput: (bytes: Buffer) => void): Promise<number> {
  const inflate = createInflate({ chunkSize: OUTPUT_BYTES })
  let total = 0
  let failure: Error | undefined
  let ended = false
  let wake: (() => void) | undefined
  const settled = new Promise<void>((resolve) => {
    inflate.once('end', () => {
      ended = true
      resolve()
    })
    inflate.once('error', (error) => {
      failure = error
      resolve()
    })
  })
  void settled.then(() => wake?.())
  inflate.on('data', (bytes: Buffer) => {
    total += bytes.length
    onOutput(bytes)
  })
  try {
    for await (const piece of pieces) {
      if (failure !== undefined) break
      // What comes after the stream's end is read (by the caller that brings the pieces) and ignored.
      if (ended) continue
      // The callback comes when the piece has been unpacked: only then may its memory be used again.
      await new Promise<void>((resolve) => {
        wake = resolve
        inflate.write(piece, () => resolve())
      })
    }
    inflate.end()
    await settled
  } finally {
    inflate.destroy()
  }
  if (failure !== undefined) throw broken(failure)
  return total
}

function broken(error: unknown): DamagedError {
  return new DamagedError(`its packed data is broken (${error instanceof Error ? error.message : String(error)})`)
}
