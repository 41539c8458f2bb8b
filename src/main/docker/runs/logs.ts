/** The output of a container as the engine multiplexes it: an 8-byte header (stream, length), then so many bytes. */
import type { Readable } from 'node:stream'
import type { OutputStream } from '../executor.ts'

const HEADER_BYTES = 8
/** The engine keeps a line in pieces of this size. */
const PIECE_BYTES = 16_384
const LINE_FEED = Buffer.from('\n')
/** Streams 0 (stdin) and 1 are standard output. */
const STDERR = 2

/**
 * Takes chunks as the connection gives them and answers what is in them, neighbouring pieces of one stream together:
 * a container that writes line by line sends a header for each line, and a call for each would cost more than the line.
 */
export class OutputSplitter {
  #header: Buffer = Buffer.alloc(0)
  #stream: OutputStream = 'stdout'
  /** Bytes of the current piece that have not come yet, and of the whole piece. */
  #left = 0
  #size = 0
  #last: number | undefined
  readonly #owesEnd = { stdout: false, stderr: false }

  /**
   * @param isKept what the engine kept, not what is written as it comes: each piece is a line or a part of a long one then, and the driver
   * `local` leaves out the end of a line that it kept in several parts. It is put back when more follows.
   */
  constructor(private readonly isKept = false) {}

  push(chunk: Buffer): { stream: OutputStream; bytes: Buffer }[] {
    const found: { stream: OutputStream; parts: Buffer[] }[] = []
    const add = (piece: Buffer): void => {
      const last = found.at(-1)
      if (last?.stream === this.#stream) last.parts.push(piece)
      else found.push({ stream: this.#stream, parts: [piece] })
    }
    let at = 0
    while (at < chunk.length) {
      if (this.#left === 0) {
        const missing = HEADER_BYTES - this.#header.length
        const piece = chunk.subarray(at, at + missing)
        at += piece.length
        this.#header = this.#header.length === 0 ? piece : Buffer.concat([this.#header, piece])
        if (this.#header.length < HEADER_BYTES) break
        this.#stream = this.#header[0] === STDERR ? 'stderr' : 'stdout'
        this.#size = this.#left = this.#header.readUInt32BE(4)
        this.#header = Buffer.alloc(0)
        this.#last = undefined
        if (this.#begins()) add(LINE_FEED)
        if (this.#left === 0) this.#ends()
        continue
      }
      const piece = chunk.subarray(at, at + this.#left)
      at += piece.length
      this.#left -= piece.length
      this.#last = piece.at(-1)
      add(piece)
      if (this.#left === 0) this.#ends()
    }
    return found.map(({ stream, parts: [first = Buffer.alloc(0), ...rest] }) => ({
      stream,
      bytes: rest.length === 0 ? first : Buffer.concat([first, ...rest]),
    }))
  }

  /** A piece begins: the end of the line before it may be missing. */
  #begins(): boolean {
    const owes = this.#owesEnd[this.#stream]
    this.#owesEnd[this.#stream] = false
    return owes
  }

  #ends(): void {
    if (this.isKept) this.#owesEnd[this.#stream] = this.#size !== PIECE_BYTES && this.#last !== LINE_FEED[0]
  }
}

/**
 * Passes a container's output on to its end, no faster than `output` takes it: while it waits the connection fills, and
 * with it the container's own pipe, so a flood costs no memory and no line.
 * @param isKept as OutputSplitter's
 * @throws Error when the connection breaks
 */
export async function pumpOutput(
  source: Readable,
  output: (stream: OutputStream, bytes: Buffer) => Promise<void> | undefined,
  isKept = false,
): Promise<void> {
  const splitter = new OutputSplitter(isKept)
  for await (const chunk of source) {
    // No encoding is set, so chunks are Buffers.
    for (const { stream, bytes } of splitter.push(chunk as Buffer)) {
      const room = output(stream, bytes)
      if (room !== undefined) await room
    }
  }
}
