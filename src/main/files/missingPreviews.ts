/**
 * Creates missing previews. A worker creates the preview of a frame beside its next task and sends it later; if it is
 * killed in between, the frame exists and its preview is never created. The manager periodically searches for such
 * frames, and has a worker that reaches the file create the preview (a request); or creates it itself where no worker
 * can and it may read the file (frames of foreign workers on the shared storage, a farm whose workers are gone).
 */
import { parseTaskId } from '../../shared/ids.ts'
import { pictureKind } from '../../shared/pictures/pictures.ts'
import { WorkerRequestFailedError } from '../engine/workers/workerRequests.ts'
import { FarmError, UnavailableError } from '../engine/base/errors.ts'
import type { FarmEngine } from '../engine/base/farmEngine.ts'
import type { Logger } from '../../shared/logger.ts'
import type { WorkerState } from '../engine/base/model.ts'
import type { Every } from '../engine/timers.ts'
import type { VariableSettings } from '../engine/compile/variables.ts'
import type { ReadDatabase } from '../store/connection.ts'
import { firstFrameSince, unseenFrames, type UnseenFrame } from '../store/queries/tasks/frames.ts'
import { PreviewMaker, type FrameFile } from './previewMaker.ts'
import type { Previews } from './previews.ts'
import { outputsOfTask } from '../store/queries/jobs/outputs.ts'
import { isNamedInside, pathHere, sharedFile, withFoldersOf, withVariable, type FileHost, type OutputsOf } from './sharedFiles.ts'

const LOOK_EVERY_MS = 10_000
const PAGE = 200
/** A restarted worker continues with previews stored on its disk; one that left may be back shortly. */
const SETTLE_MS = 20_000
/** Even a long queue of previews is processed by then: it was dropped. */
const GIVEN_UP_MS = 15 * 60_000
/** A foreign worker's frame without a log line: it was found on the disk, and nothing else creates its preview. */
const UNNAMED_MS = 60_000
/** Frames that are older are left as they are. */
const MAX_AGE_MS = 7 * 86_400_000
const MAX_RUN_MS = 60_000
/** WorkerRequests at a time; a worker runs few beside its tasks. */
const AT_ONCE = 2
/** Workers that may refuse before the preview counts as impossible. */
const MAX_TRIES = 3
const MAX_REASON_CHARS = 1000

export interface MissingPreviewsOptions {
  farm: FarmEngine
  read: ReadDatabase
  previews: Previews
  settings(): VariableSettings
  host(): FileHost
  log: Logger
  /** Milliseconds since the epoch. */
  now(): number
}

/** What is known of the worker that saved a frame; undefined when it was deleted. */
export interface Saver {
  adapter: string
  status: string
  /** Of this run of the manager; undefined when it has not signed on since. */
  signedOnAt: number | undefined
}

/**
 * Whether the preview of a frame will not come otherwise: its worker is gone, was restarted, or had enough time for a
 * long queue. Foreign workers send none: the manager creates those when it learns of them, and loses the queue when it
 * stops.
 */
export function isDue(
  frame: Pick<UnseenFrame, 'path' | 'createdAt'>,
  saver: Saver | undefined,
  now: number,
  managerStartedAt: number,
): boolean {
  const kind = pictureKind(frame.path)
  const age = now - frame.createdAt
  if (kind === undefined || age < SETTLE_MS || age > MAX_AGE_MS) return false
  if (saver === undefined || age > GIVEN_UP_MS) return true
  if (saver.adapter === 'flamenco') return kind === 'by-helper' || frame.createdAt < managerStartedAt || age > UNNAMED_MS
  if (saver.status === 'offline' || saver.status === 'error') return true
  return saver.signedOnAt !== undefined && saver.signedOnAt > frame.createdAt && now - saver.signedOnAt >= SETTLE_MS
}

/** Workers to ask, the best first: the one that saved the file, then workers of the same platform, then the others. */
export function whomToAsk(workers: readonly WorkerState[], frame: Pick<UnseenFrame, 'workerId' | 'platform'>): WorkerState[] {
  const rank = (worker: WorkerState): number => (worker.id === frame.workerId ? 0 : worker.platform === frame.platform ? 1 : 2)
  return workers.filter(mayBeAsked).sort((a, b) => rank(a) - rank(b))
}

/** A native worker that is online. */
export function mayBeAsked({ adapter, approvedAt, status }: Pick<WorkerState, 'adapter' | 'approvedAt' | 'status'>): boolean {
  return adapter === 'native' && approvedAt !== null && (status === 'awake' || status === 'asleep')
}

export class MissingPreviews {
  private readonly startedAt: number
  private readonly maker: PreviewMaker
  /** Where the next look begins; it goes round and round. */
  private after = 0
  /** Frames that workers could not read, and who they were. Those of frames that are settled are forgotten. */
  private refusals = new Map<number, { workers: Set<number>; reason: string }>()
  private looking: Promise<void> | undefined
  private stopped = false
  private stopTimer: (() => void) | undefined

  constructor(private readonly options: MissingPreviewsOptions) {
    this.startedAt = options.now()
    this.maker = new PreviewMaker({
      previews: options.previews,
      log: options.log,
      onResult: ({ taskId, path }, preview, details) => options.farm.results.setFramePreview(taskId, path, preview, details),
    })
  }

  start(every: Every): void {
    this.stopTimer = every(LOOK_EVERY_MS, () => this.look())
  }

  async stop(): Promise<void> {
    this.stopped = true
    this.stopTimer?.()
    await this.maker.stop()
    await this.looking
  }

  /** Checks the next frames without a preview. Resolves when all that were due have been tried. */
  look(): Promise<void> {
    this.looking ??= this.lookOnce().finally(() => (this.looking = undefined))
    return this.looking
  }

  private async lookOnce(): Promise<void> {
    const { read, now, farm } = this.options
    if (this.after === 0) this.after = (await firstFrameSince(read, now() - MAX_AGE_MS)) - 1
    const frames = await unseenFrames(read, this.after, PAGE)
    this.after = frames.length < PAGE ? 0 : (frames.at(-1)?.id ?? 0)
    const due = frames.filter((frame) => isDue(frame, this.saverOf(frame), now(), this.startedAt))
    if (this.after === 0 && due.length === 0) this.refusals.clear()
    const workers = farm.workers.all()
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let frame = due.shift(); frame !== undefined && !this.stopped; frame = due.shift()) await this.make(frame, workers)
      }),
    )
    await this.maker.idle()
  }

  private saverOf({ workerId }: UnseenFrame): Saver | undefined {
    const worker = this.options.farm.workers.all().find(({ id }) => id === workerId)
    return worker && { adapter: worker.adapter, status: worker.status, signedOnAt: this.options.farm.workers.signedOnAt(worker.publicId) }
  }

  private async make(frame: UnseenFrame, workers: readonly WorkerState[]): Promise<void> {
    const { log, read, settings, host } = this.options
    const refused = this.refusals.get(frame.id)
    try {
      const written = await outputsOfTask(read, frame.jobId, parseTaskId(frame.taskId)?.index ?? 0)
      const saver = this.options.farm.workers.all().find(({ id }) => id === frame.workerId)
      const outputs = withFoldersOf(written, saver, settings(), host())
      // The worker that saved it may open it. Another worker only opens output of the job.
      const isOutput = isNamedInside(pathHere(frame.path, frame.platform, settings(), host()), settings(), host(), outputs)
      const [worker] = whomToAsk(workers, frame).filter(({ id }) => (isOutput || id === frame.workerId) && !refused?.workers.has(id))
      if (worker !== undefined && (refused?.workers.size ?? 0) < MAX_TRIES) await this.ask(worker, frame)
      else if (!(await this.makeHere(frame, outputs)) && refused !== undefined) await this.giveUp(frame, refused.reason)
    } catch (error) {
      // Its job was purged, or the farm is stopping.
      if (!(error instanceof FarmError)) throw error
      log.debug({ path: frame.path, error: error.message }, 'cannot create a missing preview')
    }
  }

  private async ask(worker: WorkerState, frame: UnseenFrame): Promise<void> {
    const { farm, settings, host } = this.options
    const file = withVariable(frame.path, frame.platform, settings(), host())
    const command = { name: 'make-preview', parameters: { file, frameId: frame.id }, totalStepCount: 0 }
    try {
      await farm.workers.ask(worker.publicId, { command, maxRunMs: MAX_RUN_MS })
    } catch (error) {
      if (error instanceof UnavailableError) return
      if (!(error instanceof WorkerRequestFailedError)) throw error
      const refused = this.refusals.get(frame.id) ?? { workers: new Set(), reason: '' }
      refused.workers.add(worker.id)
      this.refusals.set(frame.id, { ...refused, reason: error.message })
    }
  }

  /** True when the manager may read the file; the maker records the result. */
  private async makeHere(frame: UnseenFrame, outputs: OutputsOf | undefined): Promise<boolean> {
    const { host } = this.options
    const settings = this.options.settings()
    if (pictureKind(frame.path) !== 'direct') return false
    const file = await sharedFile(pathHere(frame.path, frame.platform, settings, host()), settings, host(), outputs)
    if (file === undefined) return false
    const picture: FrameFile = { taskId: frame.taskId, jobId: frame.jobId, path: frame.path, file }
    this.maker.add(picture)
    return true
  }

  private async giveUp(frame: UnseenFrame, problem: string): Promise<void> {
    this.refusals.delete(frame.id)
    await this.options.farm.results.setFramePreview(frame.taskId, frame.path, 'failed', { problem: problem.slice(0, MAX_REASON_CHARS) })
  }
}
