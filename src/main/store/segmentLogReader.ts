/**
 * Reads logs out of segment files by way of the table log_chunks. Only the chunks that a range touches are read, so the
 * end of a log of a gigabyte costs as much as the beginning.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { LOG_STREAMS, type AttemptStatus } from '../../shared/enums.ts'
import { parseTaskId } from '../../shared/ids.ts'
import { linesAfter, linesBefore } from '../engine/attemptLines.ts'
import type { LogLine, LogReader } from '../files/logReader.ts'
import { segmentFile } from '../files/segments.ts'
import type { ReadDatabase } from './connection.ts'

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
        for (const line of splitChunk(chunk, await read(chunk.segment_id, chunk.segment_offset, chunk.bytes))) {
          if (line.line >= first && line.line < first + count) lines.push(line)
        }
      }
    })
    return lines
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

  /** All attempts with the lines around each in the log of the whole task; made of columns, so they cost no storage. */
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

  private async withFiles(
    use: (read: (segment: number, offset: number, bytes: number) => Promise<Buffer>) => Promise<void>,
  ): Promise<void> {
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

/** What of `bytes`, which stand at `at`, lies in [from, end). */
function overlap(bytes: Buffer, at: number, from: number, end: number): Buffer {
  return bytes.subarray(Math.max(0, from - at), Math.max(0, end - at))
}

/** The lines of a chunk with their time and stream, which its runs give. */
function splitChunk(chunk: ChunkRow, bytes: Buffer): LogLine[] {
  // Written by farmStore.closeChunk.
  const runs: [lines: number, at: number, stream: number][] = JSON.parse(chunk.runs)
  const texts = bytes.toString('utf8').split('\n')
  const lines: LogLine[] = []
  let index = 0
  for (const [count, at, stream] of runs) {
    for (let i = 0; i < count; i++, index++) {
      lines.push({ line: chunk.first_line + index, at, stream: LOG_STREAMS[stream] ?? 'stdout', text: texts[index] ?? '' })
    }
  }
  return lines
}
