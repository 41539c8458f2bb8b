/**
 * The structure of a log chunk's bytes: runs of one stream, each with its time. A line of the log ends with a newline
 * or with its run: when a program pauses within a line, or writes a very long one, the text is in several runs, and no
 * byte is added. Pure.
 */
import { LOG_STREAMS, type LogStream } from '../../shared/enums.ts'
import type { LogLine } from './logReader.ts'

/**
 * As stored in log_chunks.runs; `stream` is an index into LOG_STREAMS. Runs of earlier versions have whole lines and no
 * `bytes`.
 */
export type LogRun = [lines: number, at: number, stream: number, bytes?: number]

const NEWLINE = 10

/** Adds a run, or extends the last one when it continues that run's line. Returns the number of additional lines. */
export function addRun(runs: LogRun[], lineOpen: boolean, run: LogRun): number {
  const [lines, , stream, bytes] = run
  const last = runs.at(-1)
  if (lineOpen && last !== undefined && last[0] > 0 && last[2] === stream && last[3] !== undefined && lines > 0) {
    last[0] += lines - 1
    last[3] += bytes ?? 0
    return lines - 1
  }
  runs.push(run)
  return lines
}

/** Lines of a run: those that end with a newline, and an incomplete last one. */
export function countLines(bytes: Buffer): number {
  let lines = bytes.length > 0 && bytes[bytes.length - 1] !== NEWLINE ? 1 : 0
  for (let at = bytes.indexOf(NEWLINE); at !== -1; at = bytes.indexOf(NEWLINE, at + 1)) lines++
  return lines
}

/** The lines of a chunk with their time and stream. @param first number of its first line */
export function linesOf(runs: readonly LogRun[], bytes: Buffer, first: number): LogLine[] {
  const lines: LogLine[] = []
  for (const { run, start, end } of placesOf(runs, bytes)) {
    const [count, at, stream] = run
    if (count === 0) continue
    const texts = bytes.toString('utf8', start, end).split('\n', count)
    for (const text of texts) lines.push({ line: first + lines.length, at, stream: LOG_STREAMS[stream] ?? 'stdout', text: shown(text) })
  }
  return lines
}

/** The bytes of some streams in a chunk, in their order. */
export function bytesOfStreams(runs: readonly LogRun[], bytes: Buffer, streams: readonly LogStream[]): Buffer[] {
  const wanted = numbersOf(streams)
  if (runs.every((run) => wanted.includes(run[2]))) return [bytes]
  return placesOf(runs, bytes).flatMap(({ run, start, end }) => (wanted.includes(run[2]) ? [bytes.subarray(start, end)] : []))
}

/** Whether a chunk contains any of the streams. */
export function hasStreams(runs: readonly LogRun[], streams: readonly LogStream[]): boolean {
  const wanted = numbersOf(streams)
  return runs.some((run) => wanted.includes(run[2]))
}

const numbersOf = (streams: readonly LogStream[]): number[] => streams.map((stream) => LOG_STREAMS.indexOf(stream))

function placesOf(runs: readonly LogRun[], bytes: Buffer): { run: LogRun; start: number; end: number }[] {
  let start = 0
  return runs.map((run) => {
    const end = Math.min(bytes.length, run[3] === undefined ? afterLines(bytes, start, run[0]) : start + run[3])
    const place = { run, start, end }
    start = end
    return place
  })
}

function afterLines(bytes: Buffer, start: number, count: number): number {
  let end = start
  for (let left = count; left > 0; left--) {
    const newline = bytes.indexOf(NEWLINE, end)
    if (newline === -1) return bytes.length
    end = newline + 1
  }
  return end
}

/** A line as a terminal finally shows it: a carriage return moves back to its start, and the following text overwrites it. */
function shown(text: string): string {
  if (!text.includes('\r')) return text
  const ended = text.replace(/\r+$/, '')
  return ended.slice(ended.lastIndexOf('\r') + 1)
}
