/** The end of a task's log, as Flamenco shows it (§7). Pure. */

/** The most that is shown. */
export const TAIL_BYTES = 2048

const NEWLINE = 0x0a

/**
 * The text of the log's last bytes. When the log is longer (`cut`), the first line is incomplete and is dropped, unless
 * it is the only one; then at least no partial character is shown.
 */
export function logTail(bytes: Buffer, cut: boolean): string {
  if (!cut) return bytes.toString('utf8')
  const newline = bytes.indexOf(NEWLINE)
  if (newline >= 0 && newline < bytes.length - 1) return bytes.subarray(newline + 1).toString('utf8')
  let start = 0
  while (start < Math.min(4, bytes.length) && isContinuation(bytes[start])) start++
  return bytes.subarray(start).toString('utf8')
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80
}
