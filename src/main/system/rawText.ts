/**
 * What a program wrote, as text that can be turned back into the same bytes. A byte that is no UTF-8 becomes one lone low
 * surrogate, U+DC80 to U+DCFF (Python calls this "surrogateescape"): no valid UTF-8 decodes to one, and JSON carries it. So bytes of any
 * encoding reach the log unchanged, and how to show them is up to the viewer.
 */
import { isUtf8 } from 'node:buffer'

const ESCAPE = 0xdc00
/** With the flag `u` a surrogate matches only where it is not half of a pair. */
const ESCAPED = /[\udc80-\udcff]/gu

/** The bytes as text. A character of which a part is missing becomes escapes, so cut where one ends. */
export function decodeRaw(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let text = ''
  let valid = 0
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at)
    if (length > 0) {
      at += length
      continue
    }
    text += bytes.toString('utf8', valid, at) + String.fromCharCode(ESCAPE + (bytes[at] ?? 0))
    valid = ++at
  }
  return text + bytes.toString('utf8', valid)
}

/** The bytes that `decodeRaw` made the text of. Surrogates that stand alone and are no escape become U+FFFD. */
export function encodeRaw(text: string): Buffer {
  const parts: Buffer[] = []
  let start = 0
  for (const match of text.matchAll(ESCAPED)) {
    parts.push(Buffer.from(text.slice(start, match.index)), Buffer.of(match[0].charCodeAt(0) - ESCAPE))
    start = match.index + 1
  }
  return parts.length === 0 ? Buffer.from(text) : Buffer.concat([...parts, Buffer.from(text.slice(start))])
}

/** How many bytes `encodeRaw` makes of the text. */
export function rawByteLength(text: string): number {
  // A lone surrogate counts as three bytes, those of U+FFFD.
  return Buffer.byteLength(text) - 2 * (text.match(ESCAPED)?.length ?? 0)
}

/** Length of the UTF-8 sequence at this place; 0 when there is none. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0
  if (first < 0x80) return 1
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2
  return first >= 0xc2 && first <= 0xf4 && isUtf8(bytes.subarray(at, at + length)) && at + length <= bytes.length ? length : 0
}
