/** Log texts of running attempts: what arrives between two commits is one chunk in the log segments, and one row. */
import { crc32 } from 'node:zlib'
import { LOG_STREAMS, type LogStream } from '../../../shared/enums.ts'
import type { AttemptState } from '../../engine/base/model.ts'
import { addRun, countLines, type LogRun } from '../../logs/logRuns.ts'
import type { LogSegments } from '../../logs/segments.ts'
import { encodeRaw } from '../../system/rawText.ts'
import * as rows from './index.ts'
import type { Writer } from '../writer.ts'

const LINE_FEED = Buffer.from('\n')

/** Log text of one attempt that goes into the next commit as one chunk. */
interface OpenChunk {
  position: number
  firstLine: number
  lines: number
  texts: Buffer[]
  runs: LogRun[]
}

export class AttemptLogs {
  private readonly chunks = new Map<number, OpenChunk>()

  constructor(
    private readonly writer: Writer,
    private readonly segments: LogSegments,
  ) {}

  /** Appends to the attempt's log and counts bytes and lines on it. Returns where the text starts, and its bytes. */
  append(attempt: AttemptState, at: number, stream: LogStream, text: string): { position: number; bytes: number } {
    const position = attempt.logBytes
    let chunk = this.chunks.get(attempt.id)
    if (!chunk) {
      chunk = { position, firstLine: attempt.logLines, lines: 0, texts: [], runs: [] }
      this.chunks.set(attempt.id, chunk)
      this.writer.save(rows.ADD_LOG_CHUNKS, attempt.id, () => this.closeChunk(attempt.id))
    }
    const number = LOG_STREAMS.indexOf(stream)
    const bytes = encodeRaw(text)
    const added = [bytes]
    if (attempt.logLineOpen && stream === 'farm') {
      // The farm's messages start on a new line, even if the program did not end its last one.
      added.unshift(LINE_FEED)
      chunk.runs.push([0, at, number, LINE_FEED.length])
    }
    const lines = addRun(chunk.runs, attempt.logLineOpen, [countLines(bytes), at, number, bytes.length])
    const size = added.reduce((sum, part) => sum + part.length, 0)
    chunk.texts.push(...added)
    chunk.lines += lines
    attempt.logLineOpen = bytes.length > 0 ? bytes.at(-1) !== LINE_FEED[0] : attempt.logLineOpen
    attempt.logBytes += size
    attempt.logLines += lines
    this.writer.save(rows.SAVE_LOG_LENGTHS, attempt.id, () => [attempt.id, attempt.logBytes, attempt.logLines])
    return { position, bytes: size }
  }

  private closeChunk(attemptId: number): (string | number)[] {
    const chunk = this.chunks.get(attemptId)
    if (!chunk) throw new Error(`attempt ${attemptId} has no open log chunk`)
    this.chunks.delete(attemptId)
    const text = chunk.texts.length === 1 && chunk.texts[0] ? chunk.texts[0] : Buffer.concat(chunk.texts)
    const place = this.segments.append(text)
    return [
      attemptId,
      chunk.position,
      text.length,
      chunk.firstLine,
      chunk.lines,
      place.segment,
      place.offset,
      JSON.stringify(chunk.runs),
      crc32(text),
    ]
  }
}
