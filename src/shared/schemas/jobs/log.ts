/** Logs of attempts as the native API shows them. */
import { Type, type Static } from 'typebox'
import { LogStream } from '../../enums.ts'
import { Time } from '../common.ts'

export const LogLine = Type.Object({
  /** From 0, within the attempt. */
  line: Type.Integer(),
  at: Time,
  stream: LogStream,
  /** Without the newline. */
  text: Type.String(),
})
export type LogLine = Static<typeof LogLine>

/** GET …/log/lines */
export const LogLinesQuery = Type.Object({
  from: Type.Optional(Type.Integer({ minimum: 0, default: 0 })),
  count: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 1_000 })),
})
export const LogLines = Type.Object({
  /** Number of the first line of `lines`. */
  first: Type.Integer(),
  /** Number of lines in the log so far. */
  total: Type.Integer(),
  lines: Type.Array(LogLine),
})
export type LogLines = Static<typeof LogLines>

/** GET …/log/search: a text, or a JavaScript regular expression when `regex` is true. */
export const LogSearchQuery = Type.Object({
  q: Type.String({ minLength: 1, maxLength: 500 }),
  regex: Type.Optional(Type.Boolean()),
  /** True: case-sensitive. */
  case: Type.Optional(Type.Boolean()),
  /** Number of the line to start at: `scannedTo` of the previous reply. */
  from: Type.Optional(Type.Integer({ minimum: 0 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5_000, default: 500 })),
})
export const LogMatches = Type.Object({
  /** Text is cut to 1,000 characters around the match; `start` and `end` give the match's position in it. */
  matches: Type.Array(Type.Object({ line: Type.Integer(), text: Type.String(), start: Type.Integer(), end: Type.Integer() })),
  /** All lines before this one were searched. */
  scannedTo: Type.Integer(),
  /** False: a limit of matches, time or bytes was reached; continue at `scannedTo`. */
  done: Type.Boolean(),
})
export type LogMatches = Static<typeof LogMatches>
