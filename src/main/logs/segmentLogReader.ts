/**
 * Reads logs from segment files through the table log_chunks. Reads only the chunks that a range touches, so the end of
 * a log of a gigabyte costs as much as the beginning.
 */
import { open, type FileHandle } from 'node:fs/promises'
import type { AttemptStatus, LogStream } from '../../shared/enums.ts'
import { parseTaskId } from '../../shared/ids.ts'
import { linesAfter, linesBefore } from '../engine/rules/attemptLines.ts'
import type { LogLine, LogReader, StreamPiece } from './logReader.ts'
import { segmentFile } from './segments.ts'
import type { ReadDatabase } from '../store/connection.ts'
import { bytesOfStreams, hasStreams, linesOf, type LogRun } from './logRuns.ts'

/** Chunks of a stream that are read together. */
const CHUNKS_AT_ONCE = 32

type ReadSegment = (segment: number, offset: number, bytes: number) => Promise<Buffer>

interface ChunkRow {
  position: number
  bytes: number
  first_line: number
  lines: number
  segment_id: number
  segment_offset: number
  runs: string
}

interface AttemptInfo {
  id: number
  number: number
  log_bytes: number
  log_lines: number
  /** The farm's lines around the attempt's own in the log of the whole task. */
  before: string
  after: string
}

interface AttemptRow extends Omit<AttemptInfo, 'before' | 'after'> {
  status: AttemptStatus
  startedAt: number
  endedAt: number | null
  name: string
  public_id: string
}

export class SegmentLogReader implements LogReader {
  constructor(
    private readonly db: ReadDatabase,
    private readonly folder: string,
  ) {}

  async info(taskId: string, attempt: number): Promise<{ bytes: number; lines: number } | undefined> {
    const found = await this.attempt(taskId, attempt)
    return found && { bytes: found.log_bytes, lines: found.log_lines }
  }

  async read(taskId: string, attempt: number, from: number, length: number): Promise<Buffer> {
    const found = await this.attempt(taskId, attempt)
    return found ? this.readBytes(found.id, from, Math.min(length, found.log_bytes - from)) : Buffer.alloc(0)
  }

  async lines(taskId: string, attempt: number, first: number, count: number): Promise<LogLine[]> {
    const found = await this.attempt(taskId, attempt)
    if (!found || count <= 0) return []
    const chunks = await this.db.all<ChunkRow>(
      `select * from log_chunks where attempt_id = ?1 and first_line < ?2
         and position >= coalesce((select max(position) from log_chunks where attempt_id = ?1 and first_line <= ?3), 0) order by position`,
      [found.id, first + count, first],
    )
    const lines: LogLine[] = []
    await this.withFiles(async (read) => {
      for (const chunk of chunks) {
        for (const line of linesOf(runsOf(chunk), await read(chunk.segment_id, chunk.segment_offset, chunk.bytes), chunk.first_line)) {
          if (line.line >= first && line.line < first + count) lines.push(line)
        }
      }
    })
    return lines
  }

  async *streams(taskId: string, attempt: number, streams: readonly LogStream[], from = 0): AsyncGenerator<StreamPiece> {
    const found = await this.attempt(taskId, attempt)
    for (let position = from; found !== undefined;) {
      const chunks = await this.db.all<ChunkRow>(
        'select * from log_chunks where attempt_id = ?1 and position >= ?2 order by position limit ?3',
        [found.id, position, CHUNKS_AT_ONCE],
      )
      const last = chunks.at(-1)
      if (last === undefined) return
      position = last.position + last.bytes
      const parts: Buffer[] = []
      await this.withFiles(async (read) => {
        for (const chunk of chunks) parts.push(...(await partsOf(chunk, streams, read)))
      })
      yield { bytes: Buffer.concat(parts), next: position }
    }
  }

  async streamTail(taskId: string, attempt: number, stream: LogStream, maxBytes: number): Promise<{ bytes: Buffer; isCut: boolean }> {
    const found = await this.attempt(taskId, attempt)
    const parts: Buffer[] = []
    let size = 0
    for (let end = found?.log_bytes ?? 0; found !== undefined && end > 0 && size <= maxBytes;) {
      const chunks = await this.db.all<ChunkRow>(
        'select * from log_chunks where attempt_id = ?1 and position < ?2 order by position desc limit ?3',
        [found.id, end, CHUNKS_AT_ONCE],
      )
      const first = chunks.at(-1)
      if (first === undefined) break
      end = first.position
      await this.withFiles(async (read) => {
        for (const chunk of chunks) {
          if (size > maxBytes) break
          const piece = Buffer.concat(await partsOf(chunk, [stream], read))
          parts.unshift(piece)
          size += piece.length
        }
      })
    }
    const bytes = Buffer.concat(parts)
    return { bytes: bytes.subarray(Math.max(0, bytes.length - maxBytes)), isCut: size > maxBytes }
  }

  async taskInfo(taskId: string): Promise<{ bytes: number }> {
    const attempts = await this.attempts(taskId)
    return { bytes: attempts.reduce((sum, attempt) => sum + partBytes(attempt), 0) }
  }

  async readTask(taskId: string, from: number, length: number): Promise<Buffer> {
    const parts: Buffer[] = []
    let start = 0
    const end = from + length
    for (const attempt of await this.attempts(taskId)) {
      const before = Buffer.from(attempt.before)
      const body = start + before.length
      const behind = body + attempt.log_bytes
      const after = Buffer.from(attempt.after)
      parts.push(overlap(before, start, from, end))
      const first = Math.max(0, from - body)
      const bytes = Math.min(attempt.log_bytes, end - body) - first
      if (bytes > 0) parts.push(await this.readBytes(attempt.id, first, bytes))
      parts.push(overlap(after, behind, from, end))
      start = behind + after.length
    }
    return Buffer.concat(parts)
  }

  private async readBytes(attemptId: number, from: number, length: number): Promise<Buffer> {
    if (length <= 0) return Buffer.alloc(0)
    const chunks = await this.db.all<ChunkRow>(
      `select * from log_chunks where attempt_id = ?1 and position < ?2
         and position >= coalesce((select max(position) from log_chunks where attempt_id = ?1 and position <= ?3), 0) order by position`,
      [attemptId, from + length, from],
    )
    const parts: Buffer[] = []
    await this.withFiles(async (read) => {
      for (const chunk of chunks) {
        const skip = Math.max(0, from - chunk.position)
        const bytes = Math.min(chunk.bytes, from + length - chunk.position) - skip
        if (bytes > 0) parts.push(await read(chunk.segment_id, chunk.segment_offset + skip, bytes))
      }
    })
    return Buffer.concat(parts)
  }

  private async attempt(taskId: string, number: number): Promise<AttemptInfo | undefined> {
    return (await this.attempts(taskId)).find((attempt) => attempt.number === number)
  }

  /** All attempts with the lines around each in the log of the whole task; derived from columns, so they need no storage. */
  private async attempts(taskId: string): Promise<AttemptInfo[]> {
    const parsed = parseTaskId(taskId)
    if (!parsed) return []
    const rows = await this.db.all<AttemptRow>(
      `select a.id, a.number, a.log_bytes, a.log_lines, a.status, a.started_at as startedAt, a.ended_at as endedAt, w.name, w.public_id
       from attempts a join tasks t on t.id = a.task_id join jobs j on j.id = t.job_id join workers w on w.id = a.worker_id
       where substr(j.public_id, 10) = ? and t.idx = ? order by a.number`,
      [parsed.jobTail, parsed.index],
    )
    return rows.map((row) => ({ ...row, before: linesBefore(row, row.name, row.public_id), after: linesAfter(row) }))
  }

  private async withFiles(use: (read: ReadSegment) => Promise<void>): Promise<void> {
    const files = new Map<number, FileHandle>()
    try {
      await use(async (segment, offset, bytes) => {
        let file = files.get(segment)
        if (!file) files.set(segment, (file = await open(segmentFile(this.folder, segment), 'r')))
        const buffer = Buffer.alloc(bytes)
        const { bytesRead } = await file.read(buffer, 0, bytes, offset)
        return buffer.subarray(0, bytesRead)
      })
    } finally {
      for (const file of files.values()) await file.close()
    }
  }
}

const partBytes = ({ before, log_bytes, after }: AttemptInfo): number => Buffer.byteLength(before) + log_bytes + Buffer.byteLength(after)

/** The part of `bytes`, which start at position `at`, that is in [from, end). */
function overlap(bytes: Buffer, at: number, from: number, end: number): Buffer {
  return bytes.subarray(Math.max(0, from - at), Math.max(0, end - at))
}

/** Written by farmStore.closeChunk. */
const runsOf = ({ runs }: ChunkRow): LogRun[] => JSON.parse(runs) as LogRun[]

/** The parts of a chunk that belong to the streams; a chunk without any is not read. */
async function partsOf(chunk: ChunkRow, streams: readonly LogStream[], read: ReadSegment): Promise<Buffer[]> {
  const runs = runsOf(chunk)
  if (!hasStreams(runs, streams)) return []
  return bytesOfStreams(runs, await read(chunk.segment_id, chunk.segment_offset, chunk.bytes), streams)
}
