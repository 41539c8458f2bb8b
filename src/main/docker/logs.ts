/** The output of a container as the engine multiplexes it: an 8-byte header (stream, length), then so many bytes. */
import type { Readable } from 'node:stream'
import type { OutputStream } from './executor.ts'

const HEADER_BYTES = 8
/** Streams 0 (stdin) and 1 are standard output. */
const STDERR = 2

/**
 * Takes chunks as the connection gives them and answers what is in them, neighbouring pieces of one stream together:
 * a container that writes line by line sends a header for each line, and a call for each would cost more than the line.
 */
export class OutputSplitter {
  #header: Buffer = Buffer.alloc(0)
  #stream: OutputStream = 'stdout'
  /** Bytes of the current piece that have not come yet. */
  #left = 0

  push(chunk: Buffer): { stream: OutputStream; bytes: Buffer }[] {
    const found: { stream: OutputStream; parts: Buffer[] }[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#left === 0) {
        const missing = HEADER_BYTES - this.#header.length
        const piece = chunk.subarray(at, at + missing)
        at += piece.length
        this.#header = this.#header.length === 0 ? piece : Buffer.concat([this.#header, piece])
        if (this.#header.length < HEADER_BYTES) break
        this.#stream = this.#header[0] === STDERR ? 'stderr' : 'stdout'
        this.#left = this.#header.readUInt32BE(4)
        this.#header = Buffer.alloc(0)
        continue
      }
      const piece = chunk.subarray(at, at + this.#left)
      at += piece.length
      this.#left -= piece.length
      const last = found.at(-1)
      if (last?.stream === this.#stream) last.parts.push(piece)
      else found.push({ stream: this.#stream, parts: [piece] })
    }
    return found.map(({ stream, parts: [first = Buffer.alloc(0), ...rest] }) => ({
      stream,
      bytes: rest.length === 0 ? first : Buffer.concat([first, ...rest]),
    }))
  }
}

/**
 * Passes a container's output on to its end, no faster than `output` takes it: while it waits the connection fills, and
 * with it the container's own pipe, so a flood costs no memory and no line.
 * @throws Error when the connection breaks
 */
export async function pumpOutput(
  source: Readable,
  output: (stream: OutputStream, bytes: Buffer) => Promise<void> | undefined,
): Promise<void> {
  const splitter = new OutputSplitter()
  for await (const chunk of source) {
    // No encoding is set, so chunks are Buffers.
    for (const { stream, bytes } of splitter.push(chunk as Buffer)) {
      const room = output(stream, bytes)
      if (room !== undefined) await room
    }
  }
}
