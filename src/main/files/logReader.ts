/**
 * Reading attempts' logs. A log is kept as chunks in segment files (see segments.ts); what is read here is the plain
 * log: the bytes of all lines in order.
 */
import type { LogStream } from '../../shared/enums.ts'

export interface LogLine {
  /** From 0, within the attempt. */
  line: number
  /** Milliseconds since the epoch; when the worker got the line. */
  at: number
  stream: LogStream
  text: string
}

export interface LogReader {
  /** Bytes and lines of an attempt's log; undefined when there is no such attempt. */
  info(taskId: string, attempt: number): Promise<{ bytes: number; lines: number } | undefined>
  /** Bytes [from, from+length) of the plain log of one attempt; shorter at the end. */
  read(taskId: string, attempt: number, from: number, length: number): Promise<Buffer>
  /** Lines [first, first+count) with time and stream. */
  lines(taskId: string, attempt: number, first: number, count: number): Promise<LogLine[]>
  /** The logs of all attempts of a task one after another, as Flamenco's task log file has them: total bytes, then any part. */
  taskInfo(taskId: string): Promise<{ bytes: number }>
  readTask(taskId: string, from: number, length: number): Promise<Buffer>
}
