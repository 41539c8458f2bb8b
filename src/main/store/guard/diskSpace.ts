/**
 * Free space on the disk of the data folder. A reserve file holds some of it: when the disk is full, the file is
 * deleted, so that running work can still be written to its end, while new work is refused. The farm resumes on its own
 * when there is room again.
 */
import { open, statfs, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Every } from '../../engine/timers.ts'
import type { Faults } from './faults.ts'

const RESERVE_FILE = 'reserve'
const MB = 1024 * 1024
const LOOK_MS = 5_000
/** Warns below this, on a disk that is nearly full: a twentieth of it. */
const LOW_BYTES = 5 * 1024 * MB
const LOW_SHARE = 0.05

export interface Space {
  /** Bytes that this user can still write. */
  readonly free: number
  readonly total: number
}

export type SpaceState = 'ok' | 'low' | 'full'

/** Bytes held in reserve: a hundredth of the disk, within limits. */
export function reserveBytes(total: number): number {
  return Math.round(Math.min(16 * MB, Math.max(2 * MB, total / 100)))
}

/**
 * The new state. Full stays full until there is room for the reserve and as much again, so that the state does not
 * flicker. Pure.
 */
export function spaceState({ free, total }: Space, was: SpaceState): SpaceState {
  const reserve = reserveBytes(total)
  if (free < (was === 'full' ? 3 * reserve : reserve)) return 'full'
  return free < LOW_BYTES && free < total * LOW_SHARE ? 'low' : 'ok'
}

export class DiskSpace {
  private state: SpaceState = 'ok'
  private stopLooking: (() => void) | undefined
  private looking: Promise<void> | undefined
  /** Called when there is room again. */
  onRoom: () => void = () => undefined

  constructor(
    private readonly folder: string,
    private readonly faults: Faults,
    /** For tests of the rules. */
    private readonly measure: (folder: string) => Promise<Space> = measureSpace,
  ) {}

  /** Whether new work must be refused. */
  get isFull(): boolean {
    return this.state === 'full'
  }

  start(every: Every): void {
    this.stopLooking = every(LOOK_MS, () => this.look())
  }

  async stop(): Promise<void> {
    this.stopLooking?.()
    await this.looking
    await unlink(join(this.folder, RESERVE_FILE)).catch(() => undefined)
  }

  /** A write found no room. Frees the reserve. */
  async noteFull(): Promise<void> {
    await unlink(join(this.folder, RESERVE_FILE)).catch(() => undefined)
    this.become('full', await this.measure(this.folder).catch(() => ({ free: 0, total: 0 })))
  }

  /** Measures, and acts on the result. One measurement at a time. */
  look(): Promise<void> {
    this.looking ??= this.lookOnce().finally(() => (this.looking = undefined))
    return this.looking
  }

  private async lookOnce(): Promise<void> {
    const space = await this.measure(this.folder).catch(() => undefined)
    if (!space) return
    const state = spaceState(space, this.state)
    if (state === 'full') await unlink(join(this.folder, RESERVE_FILE)).catch(() => undefined)
    else await this.holdReserve(reserveBytes(space.total)).catch(() => undefined)
    this.become(state, space)
  }

  private become(state: SpaceState, { free }: Space): void {
    const was = this.state
    this.state = state
    const room = `${Math.floor(free / MB)} MB`
    if (state === 'full') {
      this.faults.raise({
        kind: 'disk-full',
        severity: 'error',
        message: `The disk of the data folder ${this.folder} is full (${room} free): new work is refused, running work is still written.`,
        remedy: 'Free space on that disk, or enlarge it. The farm resumes on its own a few seconds later; no restart is needed.',
      })
    } else this.faults.heal('disk-full')
    if (state === 'low') {
      this.faults.raise({
        kind: 'disk-low',
        severity: 'warning',
        message: `The disk of the data folder ${this.folder} is nearly full: ${room} are free.`,
        remedy: 'Free space on that disk, or enlarge it, before it is full. Delete old jobs, backups and checkouts first.',
      })
    } else if (state === 'ok') this.faults.heal('disk-low')
    if (was === 'full' && state !== 'full') this.onRoom()
  }

  /** Real bytes: a sparse file reserves nothing. */
  private async holdReserve(size: number): Promise<void> {
    const file = join(this.folder, RESERVE_FILE)
    if ((await stat(file).catch(() => undefined))?.size === size) return
    const handle = await open(file, 'w', 0o600)
    try {
      // No zeros: some file systems do not store them.
      const block = Buffer.alloc(MB, 'framehouse reserve ')
      for (let left = size; left > 0; left -= block.length) await handle.write(block, 0, Math.min(left, block.length))
    } catch (error) {
      await unlink(file).catch(() => undefined)
      throw error
    } finally {
      await handle.close()
    }
  }
}

async function measureSpace(folder: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { free: bavail * bsize, total: blocks * bsize }
}

/** Whether a write failed because the disk, or this user's quota, is full. */
export function isDiskFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT'
}
