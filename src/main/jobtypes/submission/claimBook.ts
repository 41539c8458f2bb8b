/**
 * The output folders of jobs during their submission: two simultaneous submissions never get the same one. Stored
 * claims are read from the database, claims about to be stored are kept here.
 */
import { Sequencer } from '../../../shared/async.ts'
import { sharers, type ClaimHolder, type OutputClaim } from '../../engine/rules/outputClaims.ts'

/** A job that was prepared and never came is forgotten after this long. */
const FORGOTTEN_MS = 60_000
/** Folders of which the last number is remembered; forgetting costs a few questions. */
const MAX_NUMBERED = 10_000

export class ClaimBook {
  private readonly coming = new Map<string, { claim: OutputClaim; name: string; until: number }>()
  /** By folder: the last number that was tried for jobs that had to make way. */
  private readonly numbers = new Map<string, number>()
  private readonly claims = new Sequencer<'claims'>()

  constructor(
    private readonly stored: (key: string) => Promise<ClaimHolder[]>,
    private readonly now: () => number,
  ) {}

  /**
   * Takes the folder for the job when no other job's files can be among its own. Answers all jobs that have the folder, and those
   * that share it; with any of these it was not taken, unless `anyway`.
   */
  take(jobId: string, name: string, claim: OutputClaim, anyway = false): Promise<{ all: ClaimHolder[]; shared: ClaimHolder[] }> {
    return this.claims.run('claims', async () => {
      const all = await this.holders(claim.key, jobId)
      const shared = sharers(claim, all)
      if (shared.length === 0 || anyway) this.coming.set(jobId, { claim, name, until: this.now() + FORGOTTEN_MS })
      return { all, shared }
    })
  }

  /** The holders of the folder, without claiming it. */
  async holders(key: string, exceptJobId: string): Promise<ClaimHolder[]> {
    for (const [jobId, { until }] of this.coming) if (until < this.now()) this.coming.delete(jobId)
    const stored = await this.stored(key)
    const known = new Set(stored.map(({ jobId }) => jobId))
    const coming = [...this.coming].flatMap(([jobId, { claim, name }]) =>
      claim.key === key && jobId !== exceptJobId && !known.has(jobId)
        ? [{ jobId, name, status: 'queued' as const, files: claim.files, frames: claim.frames }]
        : [],
    )
    return [...coming, ...stored]
  }

  /** A number for a folder beside this one, from `first` on; each is given once, so that a thousand jobs do not try a thousand each. */
  nextNumber(key: string, first: number): number {
    if (this.numbers.size > MAX_NUMBERED) this.numbers.clear()
    const number = Math.max(first, (this.numbers.get(key) ?? 0) + 1)
    this.numbers.set(key, number)
    return number
  }

  /** The job is stored, or will not be. */
  release(jobId: string): void {
    this.coming.delete(jobId)
  }
}
