/**
 * Requests that a worker answers beside its work (can it reach this folder, what is in this .blend). They are in memory
 * only: the caller waits for the answer, and asks again after a restart of the manager.
 */
import type { WorkerRequest, WorkerRequestAnswer } from '../../../shared/schemas/agent.ts'
import { FarmError, NotFoundError, UnavailableError } from '../base/errors.ts'
import type { WorkerState } from '../base/model.ts'

/** The worker tried, and reports why it has no answer. */
export class WorkerRequestFailedError extends FarmError {
  readonly code = 'request-failed'
}

export type WorkerRequestOrder = Omit<WorkerRequest, 'id'>

interface Open {
  request: WorkerRequest
  worker: WorkerState
  resolve(result: unknown): void
  reject(error: FarmError): void
  timer: NodeJS.Timeout
}

/** Allowance beyond the command's own limit: fetching a file first, and the round trip. */
const SLACK_MS = 20_000
/** More than a worker can need: a caller is looping. */
const MAX_OPEN = 100

export class WorkerRequests {
  private readonly open = new Map<string, Open>()

  constructor(
    private readonly newId: () => string,
    /** Ends the worker's long poll, so that it receives the request immediately. */
    private readonly nudge: (workerId: number) => void,
  ) {}

  /**
   * Resolves with the command's result.
   * @throws UnavailableError when the worker does not answer in time, WorkerRequestFailedError with its own message
   */
  ask(worker: WorkerState, order: WorkerRequestOrder): Promise<unknown> {
    if (this.open.size >= MAX_OPEN) return Promise.reject(new UnavailableError('too many requests to workers are open; try again soon'))
    return new Promise((resolve, reject) => {
      const request = { ...order, id: this.newId() }
      const timer = setTimeout(
        () => this.close(request.id)?.reject(new UnavailableError(`worker "${worker.name}" did not answer in time`)),
        order.maxRunMs + SLACK_MS,
      )
      timer.unref()
      this.open.set(request.id, { request, worker, resolve, reject, timer })
      this.nudge(worker.id)
    })
  }

  /**
   * Requests to include in a reply to the worker.
   * @param known those that the worker reports as open: a reply with others never reached it
   */
  newFor(workerId: number, known: readonly string[]): WorkerRequest[] {
    if (this.open.size === 0) return []
    const told = new Set(known.map((id) => id.toLowerCase()))
    return [...this.open.values()].flatMap(({ request, worker }) => (worker.id === workerId && !told.has(request.id) ? [request] : []))
  }

  /** An open request of the worker. @throws NotFoundError when nothing waits for it (any longer), or it was another worker's */
  need(workerId: number, requestId: string): WorkerRequest {
    const open = this.open.get(requestId.toLowerCase())
    if (open?.worker.id !== workerId) throw new NotFoundError('request', requestId)
    return open.request
  }

  /** @throws NotFoundError as `need` */
  answer(workerId: number, requestId: string, answer: WorkerRequestAnswer): void {
    const open = this.close(this.need(workerId, requestId).id)
    if ('problem' in answer) open?.reject(new WorkerRequestFailedError(answer.problem))
    else open?.resolve(answer.result)
  }

  /** The worker is gone: who asked it may ask another one. */
  drop(worker: WorkerState): void {
    for (const { request, worker: asked } of [...this.open.values()]) {
      if (asked.id === worker.id) this.close(request.id)?.reject(new UnavailableError(`worker "${worker.name}" is ${worker.status}`))
    }
  }

  /** The farm is stopping: no caller is answered any longer. */
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
