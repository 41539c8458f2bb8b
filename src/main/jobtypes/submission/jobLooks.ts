/**
 * Inspects the .blend of each job that was submitted (by a person, a program or a schedule) or requeued, so that people
 * learn of missing files before it is rendered. One at a time, each file once for all jobs that wait for it, and only
 * for jobs that still wait: a native render reports the same about its own file.
 */
import { FINISHED_JOB_STATUSES } from '../../../shared/enums.ts'
import { missingFileWarning } from '../../../shared/schemas/jobs/warning.ts'
import type { FarmEngine } from '../../engine/base/farmEngine.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { JobState } from '../../engine/base/model.ts'
import type { Every } from '../../engine/timers.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import type { BlendInspector } from './blendInspector.ts'
import { NoBlenderError } from './blendInspector.ts'

/** A job that begins immediately needs no inspection. */
const PATIENCE_MS = 5_000
const CHECK_MS = 5_000
/** After this time without a worker with Blender, the render will report it. */
const GIVE_UP_MS = 3_600_000
/** Files that may wait for a look. */
const MAX_WAITING = 500
/** Missing files that become warnings; the rest is counted in one. */
const MAX_NAMED = 50

export interface JobLooksParts {
  farm: Pick<FarmEngine, 'results' | 'jobs'>
  read: ReadDatabase
  inspector: Pick<BlendInspector, 'inspect' | 'recent'>
  /** Fills in a text's variables as the manager itself would: a submitter's own look named the file so. */
  toValue(text: string): string
  log: Logger
  now(): number
}

interface Waiting {
  readonly blendfile: string
  readonly checkoutId: string | null
  readonly since: number
  readonly jobs: Set<string>
}

export class JobLooks {
  /** By file (and checkout). */
  private readonly waiting = new Map<string, Waiting>()
  private looking: Promise<void> | undefined
  private stopTimer: () => void = () => undefined
  private stopped = false

  constructor(private readonly parts: JobLooksParts) {}

  start(every: Every): void {
    this.stopTimer = every(CHECK_MS, () => this.check())
  }

  /** Does not wait for a running inspection: its worker answers a manager that is gone. */
  stop(): void {
    this.stopped = true
    this.stopTimer()
  }

  /** A job was submitted. Uses the submitter's own recent inspection if there is one. Never fails. */
  async submitted(job: Pick<JobState, 'publicId' | 'checkoutId'>, settings: Record<string, unknown>): Promise<void> {
    const { blendfile } = settings
    if (typeof blendfile !== 'string' || blendfile === '') return
    try {
      const known = this.parts.inspector.recent(blendfile) ?? this.parts.inspector.recent(this.parts.toValue(blendfile))
      if (known) return await this.tell([job.publicId], known)
      this.waitFor(job, blendfile)
    } catch (error) {
      this.parts.log.warn({ error: String(error), job: job.publicId }, 'cannot record missing files')
    }
  }

  /** A job was requeued: its file may have been corrected, so an earlier inspection no longer counts. Never fails. */
  async requeued({ publicId }: Pick<JobState, 'publicId'>): Promise<void> {
    await this.awaitStored('j.public_id = ?', publicId)
  }

  /** Jobs that waited for a look when the manager stopped. Never fails. */
  async resume(): Promise<void> {
    await this.awaitStored(
      `j.status in ('queued', 'paused', 'active') and j.created_at > ?
         and not exists (select 1 from warnings w where w.job_id = j.id and w.code in ('missing-file', 'missing-library'))`,
      this.parts.now() - GIVE_UP_MS,
    )
  }

  private async awaitStored(condition: string, value: string | number): Promise<void> {
    try {
      const jobs = await this.parts.read.all<{ publicId: string; checkoutId: string | null; blendfile: string }>(
        `select j.public_id as publicId, j.checkout_id as checkoutId, j.settings->>'blendfile' as blendfile from jobs j
         where ${condition} and j.deleted_at is null and coalesce(j.settings->>'blendfile', '') <> '' order by j.id limit ${MAX_WAITING}`,
        [value],
      )
      for (const { blendfile, ...job } of jobs) this.waitFor(job, blendfile)
    } catch (error) {
      this.parts.log.warn({ error: String(error) }, 'cannot search for missing files')
    }
  }

  private waitFor({ publicId, checkoutId }: Pick<JobState, 'publicId' | 'checkoutId'>, blendfile: string): void {
    const key = `${blendfile}\n${checkoutId ?? ''}`
    const entry = this.waiting.get(key)
    if (entry) entry.jobs.add(publicId)
    else if (this.waiting.size < MAX_WAITING) {
      this.waiting.set(key, { blendfile, checkoutId, since: this.parts.now(), jobs: new Set([publicId]) })
    }
  }

  /** Inspects files that have waited long enough, unless an inspection is running. */
  check(): void {
    this.looking ??= this.lookAll().finally(() => (this.looking = undefined))
  }

  private async lookAll(): Promise<void> {
    for (const [key, entry] of this.waiting) {
      if (this.stopped) return
      const waited = this.parts.now() - entry.since
      if (waited < PATIENCE_MS) continue
      const jobs = await this.stillUnknown([...entry.jobs])
      if (jobs.length === 0 || waited > GIVE_UP_MS) {
        this.waiting.delete(key)
        continue
      }
      try {
        const found = await this.parts.inspector.inspect(entry.blendfile, {}, entry.checkoutId ?? undefined)
        // Jobs that arrived in the meantime are included.
        this.waiting.delete(key)
        await this.tell([...new Set([...jobs, ...entry.jobs])], found)
      } catch (error) {
        // A worker with Blender may still come; a file that cannot be opened makes the render fail.
        if (error instanceof NoBlenderError) return
        this.waiting.delete(key)
        this.parts.log.info({ error: String(error), blendfile: entry.blendfile }, 'no worker could inspect a blend file')
      }
    }
  }

  /** Jobs that still wait, and whose file no native worker has opened. */
  private async stillUnknown(jobs: string[]): Promise<string[]> {
    const rows = await this.parts.read.all<{ id: string; status: string }>(
      `select public_id as id, status from jobs j where public_id in (select value from json_each(?)) and deleted_at is null and not exists
         (select 1 from attempts a join workers w on w.id = a.worker_id join tasks t on t.id = a.task_id
          where a.job_id = j.id and w.adapter = 'native' and t.kind = 'blender')`,
      [JSON.stringify(jobs)],
    )
    return rows.filter(({ status }) => !FINISHED_JOB_STATUSES.some((finished) => finished === status)).map(({ id }) => id)
  }

  private async tell(jobs: string[], found: { missing: string[]; missingLibraries?: string[]; missingCount?: number }): Promise<void> {
    const libraries = new Set(found.missingLibraries)
    const warnings = found.missing.slice(0, MAX_NAMED).map((path) => missingFileWarning(path, libraries.has(path) ? 'library' : 'file'))
    const more = (found.missingCount ?? found.missing.length) - warnings.length
    if (more > 0) warnings.push({ code: 'missing-file', text: 'more files of the scene are missing', count: more })
    for (const job of jobs) {
      // A deleted job needs no warning.
      if (!(await this.parts.farm.jobs.find(job))) continue
      await Promise.all(warnings.map((warning) => this.parts.farm.results.warn(job, null, warning)))
    }
  }
}
