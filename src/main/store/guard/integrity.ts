/**
 * Checks the farm's files for damage while the farm works: the database with its indexes some time after the start and
 * then once a day, the logs gradually all day. Uses its own connection, so that no request waits for it.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { crc32 } from 'node:zlib'
import { DataDamagedError } from '../../engine/base/errors.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { Every } from '../../engine/timers.ts'
import { segmentFile } from '../../logs/segments.ts'
import { Connection, isDamage, type ReadDatabase } from '../connection.ts'
import { databaseDamage, logDamage } from './damage.ts'
import { DATABASE } from './dataFolder.ts'
import type { Faults } from './faults.ts'

const LOOK_MS = 60_000
const DATABASE_EVERY_MS = 24 * 3_600_000
/** At a start all clients reconnect and send requests: checking a million tasks keeps a processor busy for a second or two. */
const FIRST_AFTER_MS = 10 * 60_000
/** Log bytes per check: 20 GB a day. */
const LOG_BYTES_A_LOOK = 16 * 1024 * 1024

interface ChunkRow {
  bytes: number
  segment_id: number
  segment_offset: number
  checksum: number | null
}

export class Integrity {
  private stopLooking: (() => void) | undefined
  private looking: Promise<void> = Promise.resolve()
  private stopped = false
  /** On the monotonic clock. */
  private databaseDueAt = Number.POSITIVE_INFINITY
  /** The segment of the next check, and the position in it. */
  private cursor = { segment: 0, offset: 0 }
  private readonly damagedLogs = new Map<number, string>()

  constructor(
    private readonly folder: string,
    private readonly read: ReadDatabase,
    private readonly faults: Faults,
    private readonly log: Logger,
  ) {}

  start(every: Every): void {
    this.databaseDueAt = performance.now() + FIRST_AFTER_MS
    this.stopLooking = every(LOOK_MS, () => {
      this.looking = this.look()
      return this.looking
    })
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.stopLooking?.()
    await this.looking.catch(() => undefined)
  }

  private async look(): Promise<void> {
    if (performance.now() >= this.databaseDueAt) {
      this.databaseDueAt = performance.now() + DATABASE_EVERY_MS
      await this.checkDatabase()
    }
    await this.checkLogs(LOG_BYTES_A_LOOK)
  }

  /** Checks rows, indexes and free pages. */
  async checkDatabase(): Promise<void> {
    const file = join(this.folder, DATABASE)
    const found = await damageIn(file)
    if (this.stopped) return
    if (found.length === 0) this.faults.heal('database-damaged')
    else this.faults.raise(await databaseDamage(this.folder, file, found.slice(0, 3).join('; ')))
    this.log.debug({ found: found.length }, 'checked the database')
  }

  /** Checks the next bytes of the logs; starts over after the last. */
  async checkLogs(budget: number): Promise<void> {
    for (let left = budget; left > 0 && !this.stopped;) {
      const next = await this.read.get<{ id: number }>('select id from log_segments where id >= ? order by id limit 1', [
        this.cursor.segment,
      ])
      if (!next) {
        this.cursor = { segment: 0, offset: 0 }
        break
      }
      if (next.id !== this.cursor.segment) this.cursor = { segment: next.id, offset: 0 }
      left -= await this.checkSegment(next.id, left)
    }
    if (this.damagedLogs.size > 0) this.faults.raise(await logDamage(this.folder, [...this.damagedLogs.values()]))
    else this.faults.heal('logs-damaged')
  }

  /** Continues in a segment for about this many bytes. Returns the number of bytes read. */
  private async checkSegment(segment: number, budget: number): Promise<number> {
    const chunks = await this.read.all<ChunkRow>(
      `select bytes, segment_id, segment_offset, checksum from log_chunks
       where segment_id = ? and segment_offset >= ? order by segment_offset limit 5000`,
      [segment, this.cursor.offset],
    )
    if (this.cursor.offset === 0) this.damagedLogs.delete(segment)
    const path = segmentFile(join(this.folder, 'logs'), segment)
    let file: FileHandle | undefined
    let done = 0
    try {
      file = chunks.length > 0 ? await open(path, 'r') : undefined
      for (const chunk of chunks) {
        if (done >= budget || this.stopped) return done
        const problem = file && (await chunkProblem(file, chunk))
        if (problem !== undefined) this.damagedLogs.set(segment, `${basename(path)} ${problem}`)
        done += chunk.bytes
        this.cursor.offset = chunk.segment_offset + Math.max(1, chunk.bytes)
      }
    } catch (error) {
      // A job that was purged in the meantime takes its segment along.
      const isWanted = await this.read.get('select 1 from log_segments where id = ? and live_bytes > 0', [segment])
      if (isWanted)
        this.damagedLogs.set(segment, `cannot read ${basename(path)}: ${error instanceof Error ? error.message : String(error)}`)
      this.cursor = { segment: segment + 1, offset: 0 }
      return done
    } finally {
      await file?.close()
    }
    if (chunks.length === 0 || done < budget) this.cursor = chunks.length === 5_000 ? this.cursor : { segment: segment + 1, offset: 0 }
    return Math.max(1, done)
  }
}

/** The problem with the bytes of a chunk; undefined: none. */
export async function chunkProblem(file: FileHandle, { bytes, segment_offset: offset, checksum }: ChunkRow): Promise<string | undefined> {
  const buffer = Buffer.alloc(bytes)
  const { bytesRead } = await file.read(buffer, 0, bytes, offset)
  if (bytesRead < bytes) return `is truncated: it ends before byte ${offset + bytes}`
  if (checksum !== null && crc32(buffer) !== checksum) return `has changed bytes near byte ${offset}`
  return undefined
}

/** What SQLite finds when it checks a whole database; empty: no damage. */
export async function damageIn(file: string): Promise<string[]> {
  try {
    const connection = await Connection.open(file, 'read')
    try {
      const rows = await connection.all<{ integrity_check: string }>('pragma integrity_check(20)')
      return rows.map((row) => row.integrity_check).filter((line) => line !== 'ok')
    } finally {
      await connection.close()
    }
  } catch (error) {
    if (!isDamage(error) && !(error instanceof DataDamagedError)) throw error
    return [error instanceof Error ? error.message : String(error)]
  }
}
