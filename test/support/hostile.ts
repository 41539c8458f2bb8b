/** Output that loses bytes wherever a stream is taken for lines of text: no UTF-8, carriage returns, escapes, a line of 100 kB, no end. */
import { encodeRaw } from '../../src/main/system/rawText.ts'

const BEGINNING = Buffer.concat([
  Buffer.from('10%\r20%\r\n\r\n\n'),
  Buffer.of(0xe9, 0xff, 0xc3, 0x28, 0xf0, 0x9f, 0x0a),
  Buffer.from('\u001b]0;title\u0007\u001b[2J\0 äöü €\n'),
])
const END = Buffer.from('\nlast, without an end €')

export const HOSTILE = Buffer.concat([BEGINNING, Buffer.from('x'.repeat(100_000)), END])

/** The same as an expression of Node's, which is short enough for an argument. */
export const HOSTILE_IN_NODE = `Buffer.concat([Buffer.from('${BEGINNING.toString('base64')}', 'base64'), Buffer.alloc(100_000, 'x'), Buffer.from('${END.toString('base64')}', 'base64')])`
/** The same in Python. */
export const HOSTILE_IN_PYTHON = `(bytes.fromhex('${BEGINNING.toString('hex')}') + b'x' * 100_000 + bytes.fromhex('${END.toString('hex')}'))`
/** A shell command that writes it. */
export const hostileInShell = (): string =>
  `printf '%b' '${escaped(BEGINNING)}'; head -c 100000 /dev/zero | tr '\\000' x; printf '%b' '${escaped(END)}'`
const escaped = (bytes: Buffer): string => [...bytes].map((byte) => `\\0${byte.toString(8).padStart(3, '0')}`).join('')

/** What the log has of a stream, without our process ids before its lines. */
export function bytesOfStream(entries: readonly { stream: string; text: string }[], stream: string): Buffer {
  const text = entries.filter((entry) => entry.stream === stream).map((entry) => entry.text)
  return encodeRaw(text.join('').replace(/^pid=\d+ > /gm, ''))
}

/** A program that writes them, as its code. */
export const WRITES_HOSTILE = `process.stdout.write(${HOSTILE_IN_NODE})`

/** Where the bytes differ first, in words that a person can read; undefined when they are the same. */
export function differenceOf(found: Buffer, wanted: Buffer): string | undefined {
  if (found.equals(wanted)) return undefined
  let at = 0
  while (found[at] === wanted[at] && at < wanted.length && at < found.length) at++
  const part = (bytes: Buffer): string => JSON.stringify(bytes.subarray(Math.max(0, at - 10), at + 20).toString('latin1'))
  return `${found.length} bytes instead of ${wanted.length}; the first difference is at ${at}: ${part(found)} instead of ${part(wanted)}`
}

/** The same for bytes that are part of a log; what stands before and behind them does not matter. */
export function differenceIn(log: Buffer, wanted: Buffer): string | undefined {
  const at = log.indexOf(wanted.subarray(0, 6))
  return at < 0 ? 'not there at all' : differenceOf(log.subarray(at, at + wanted.length), wanted)
}
