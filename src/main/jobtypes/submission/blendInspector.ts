/** Inspects .blend files: a worker with Blender opens one beside its work and reports its contents, and its missing files. */
import { Value } from 'typebox/value'
import { BlendFacts, type Inspection } from '../../../shared/schemas/storage.ts'
import { WorkerRequestFailedError } from '../../engine/workers/workerRequests.ts'
import { ConflictError, UnavailableError } from '../../engine/base/errors.ts'
import type { FarmEngine } from '../../engine/base/farmEngine.ts'
import type { WorkerState } from '../../engine/base/model.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import { runningByWorker } from '../../store/queries/farm/workers.ts'

/** A large scene may take a minute to open. */
const MAX_RUN_MS = 90_000
/** One may be gone, or not see the file: then others are asked. */
const MAX_TRIES = 3
/** Looks that are remembered, and for how long they say how things are. */
const MAX_REMEMBERED = 200
const REMEMBERED_MS = 120_000

/** No worker that could inspect it is online. */
export class NoBlenderError extends ConflictError {
  override readonly code = 'no-blender'
}

export interface BlendInspectorParts {
  farm: Pick<FarmEngine, 'workers'>
  read: ReadDatabase
  /** Which upload a text names a file of. */
  uploads: { idIn(text: string): string | undefined }
  now(): number
}

export class BlendInspector {
  private readonly remembered = new Map<string, { at: number; found: Inspection }>()

  constructor(private readonly parts: BlendInspectorParts) {}

  /**
   * Has a worker open the file and evaluate these expressions; idle ones are asked first.
   * @throws NoBlenderError, WorkerRequestFailedError (why Blender could not open it), UnavailableError (no worker
   * answered)
   */
  async inspect(blendfile: string, expressions: Record<string, string>, checkout?: string): Promise<Inspection> {
    const workers = await this.candidates()
    if (workers.length === 0) throw new NoBlenderError('no worker with Blender is online: type the values, or start one')
    const command = { name: 'inspect-blend', parameters: { exe: '{blender}', blendfile, expressions }, totalStepCount: 0 }
    const checkoutId = checkout ?? this.parts.uploads.idIn(blendfile)
    let failure: unknown
    for (const worker of workers) {
      try {
        const question = { command, maxRunMs: MAX_RUN_MS, ...(checkoutId !== undefined && { checkoutId }) }
        const facts = await this.parts.farm.workers.ask(worker.publicId, question)
        if (!Value.Check(BlendFacts, facts)) throw new WorkerRequestFailedError(`worker "${worker.name}" sent an invalid answer`)
        return this.remember(blendfile, { worker: { id: worker.publicId, name: worker.name }, ...facts })
      } catch (error) {
        if (!(error instanceof WorkerRequestFailedError || error instanceof UnavailableError)) throw error
        failure = error
      }
    }
    throw failure
  }

  /** A recent inspection of the file. */
  recent(blendfile: string): Inspection | undefined {
    const last = this.remembered.get(blendfile)
    return last && this.parts.now() - last.at < REMEMBERED_MS ? last.found : undefined
  }

  private remember(blendfile: string, found: Inspection): Inspection {
    this.remembered.delete(blendfile)
    this.remembered.set(blendfile, { at: this.parts.now(), found })
    const [oldest] = this.remembered.keys()
    if (this.remembered.size > MAX_REMEMBERED && oldest !== undefined) this.remembered.delete(oldest)
    return found
  }

  /** Workers that can open a .blend, idle ones first. */
  private async candidates(): Promise<WorkerState[]> {
    const able = this.parts.farm.workers
      .all()
      .filter((worker) => worker.adapter === 'native' && worker.approvedAt !== null && worker.deletedAt === null)
      .filter((worker) => worker.kinds.includes('blender') && (worker.status === 'awake' || worker.status === 'asleep'))
    const running = await runningByWorker(this.parts.read)
    const load = (worker: WorkerState): number =>
      (running.get(worker.id) ?? []).length / worker.capacity + (worker.status === 'asleep' ? 1 : 0)
    return able.sort((a, b) => load(a) - load(b)).slice(0, MAX_TRIES)
  }
}
