/**
 * Reads attempts' logs. A log is stored as chunks in segment files (see segments.ts); readers see the plain log: the
 * bytes of all lines in order.
 */
import type { LogStream } from '../../shared/enums.ts'

export interface LogLine {
  /** From 0, within the attempt. */
  line: number
  /** Milliseconds since the epoch at which the worker received the line. */
  at: number
  stream: LogStream
  /** As a terminal shows it: text that a carriage return overwrites is omitted, and bytes that are not UTF-8 become U+FFFD. */
  text: string
}

export interface StreamPiece {
  bytes: Buffer
  /** Position in the log after this part. */
  next: number
}

export interface LogReader {
  /** Bytes and lines of an attempt's log; undefined when there is no such attempt. */
  info(taskId: string, attempt: number): Promise<{ bytes: number; lines: number } | undefined>
  /** Bytes [from, from+length) of the plain log of one attempt; shorter at the end. */
  read(taskId: string, attempt: number, from: number, length: number): Promise<Buffer>
  /** Lines [first, first+count) with time and stream. A line ends with a newline, or where the program paused within it. */
  lines(taskId: string, attempt: number, first: number, count: number): Promise<LogLine[]>
  /**
   * The bytes of some streams as the program wrote them, up to the current end. @param from where an earlier call ended
   * (`next`)
   */
  streams(taskId: string, attempt: number, streams: readonly LogStream[], from?: number): AsyncGenerator<StreamPiece>
  /** The last `maxBytes` of one stream; `isCut`: there is more before. Reads no more than that from disk. */
  streamTail(taskId: string, attempt: number, stream: LogStream, maxBytes: number): Promise<{ bytes: Buffer; isCut: boolean }>
  /** The logs of all attempts of a task one after another, as in Flamenco's task log file: total bytes, then any part. */
  taskInfo(taskId: string): Promise<{ bytes: number }>
  readTask(taskId: string, from: number, length: number): Promise<Buffer>
}
