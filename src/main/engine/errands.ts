/**
 * Errands: questions that a worker answers beside its work (can you reach this folder, what is in this .blend). They are
 * kept in memory only: who asks waits for the answer, and asks again after a restart of the manager.
 */
import type { Errand, ErrandAnswer } from '../../shared/schemas/agent.ts'
import { FarmError, NotFoundError, UnavailableError } from './errors.ts'
import type { WorkerState } from './model.ts'

/** The worker tried, and says why it has no answer. */
export class ErrandFailedError extends FarmError {
  readonly code = 'errand-failed'
}

export type ErrandOrder = Omit<Errand, 'id'>

interface Open {
  errand: Errand
  worker: WorkerState
  resolve(result: unknown): void
  reject(error: FarmError): void
  timer: NodeJS.Timeout
}

/** Beyond the command's own limit: fetching a file first, and the way there and back. */
const SLACK_MS = 20_000
/** More than a worker has any use for: somebody asks in a loop. */
const MAX_OPEN = 100

export class Errands {
  private readonly open = new Map<string, Open>()

  constructor(
    private readonly newId: () => string,
    /** Ends the worker's long poll, so that it learns of the errand at once. */
    private readonly nudge: (workerId: number) => void,
  ) {}

  /**
   * Resolves with the command's result.
   * @throws UnavailableError when the worker does not answer in time, ErrandFailedError with its own words
   */
  ask(worker: WorkerState, order: ErrandOrder): Promise<unknown> {
    if (this.open.size >= MAX_OPEN) return Promise.reject(new UnavailableError('too many questions to workers are open; try again soon'))
    return new Promise((resolve, reject) => {
      const errand = { ...order, id: this.newId() }
      const timer = setTimeout(
        () => this.close(errand.id)?.reject(new UnavailableError(`worker "${worker.name}" did not answer in time`)),
        order.maxRunMs + SLACK_MS,
      )
      timer.unref()
      this.open.set(errand.id, { errand, worker, resolve, reject, timer })
      this.nudge(worker.id)
    })
  }

  /**
   * What a reply to the worker takes along.
   * @param known those that it says it is on: a reply that brought others never reached it
   */
  newFor(workerId: number, known: readonly string[]): Errand[] {
    if (this.open.size === 0) return []
    const told = new Set(known.map((id) => id.toLowerCase()))
    return [...this.open.values()].flatMap(({ errand, worker }) => (worker.id === workerId && !told.has(errand.id) ? [errand] : []))
  }

  /** An errand that the worker is on. @throws NotFoundError when nobody waits for it (any more), or it was somebody else's */
  need(workerId: number, errandId: string): Errand {
    const open = this.open.get(errandId.toLowerCase())
    if (open?.worker.id !== workerId) throw new NotFoundError('errand', errandId)
    return open.errand
  }

  /** @throws NotFoundError as `need` */
  answer(workerId: number, errandId: string, answer: ErrandAnswer): void {
    const open = this.close(this.need(workerId, errandId).id)
    if ('problem' in answer) open?.reject(new ErrandFailedError(answer.problem))
    else open?.resolve(answer.result)
  }

  /** The farm stops: nobody is answered any more. */
  stop(): void {
    for (const id of [...this.open.keys()]) this.close(id)?.reject(new UnavailableError('the farm is stopping'))
  }

  private close(id: string): Open | undefined {
    const open = this.open.get(id)
    if (open) clearTimeout(open.timer)
    this.open.delete(id)
    return open
  }
}
