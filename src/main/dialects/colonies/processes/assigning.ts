/** Handing out processes: an attempt at once, or a long poll until there is one. */
import type { ApiContext } from '../../../http/context.ts'
import { FarmError } from '../../../engine/base/errors.ts'
import type { Call } from '../messages/message.ts'
import type { Colony, Executor } from '../people/registry.ts'
import { findProcess } from '../store/processes.ts'
import { ColoniesError } from '../wire/errors.ts'
import type { Offer, Queues } from './queues.ts'
import type { Processes } from './processes.ts'
import type { ReadAhead } from './jobs/readAhead.ts'
import { startedView, type WireProcess } from './views.ts'

const NOTHING = 'No process available for assignment'

/** Its job was deleted. */
function ignoreGone(error: unknown): void {
  if (!(error instanceof FarmError)) throw error
}

export class Assigning {
  /** Called when a colony goes on after a pause. */
  private readonly resumed = new Set<() => void>()

  constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'read' | 'now'>,
    private readonly queues: Queues,
    private readonly processes: Processes,
    private readonly readAhead: ReadAhead,
  ) {}

  /**
   * @param seconds how long to wait; negative: one attempt
   * @throws ColoniesError 404 when there is nothing, 408 and 503 while the colony is paused
   */
  async assign(executor: Executor, seconds: number, offer: Offer, call: Pick<Call, 'signal' | 'onUndelivered'>): Promise<WireProcess> {
    const { farm, now } = this.context
    const until = now() + Math.max(0, seconds) * 1_000
    for (;;) {
      const left = until - now()
      if (executor.colony.paused) {
        if (seconds < 0) throw new ColoniesError(503, 'Colony assignments are paused')
        if (left <= 0 || call.signal.aborted) throw new ColoniesError(408, 'Assignment timeout: colony assignments are paused')
        await this.untilResumed(left, call.signal)
        continue
      }
      const take = { kinds: this.queues.kindsOf(executor, offer), waitMs: Math.max(0, left), signal: call.signal }
      const task = await farm.external.take(executor.workerId, take)
      if (task) {
        call.onUndelivered(() => farm.external.undo(executor.workerId, task.taskId))
        // Without an earlier attempt there is nothing else to know of it.
        const facts = task.attempt === 1 ? await this.readAhead.take(task.taskKey) : undefined
        if (facts) return startedView(facts, task, executor.executorId)
        const row = await findProcess(this.context.read, task.jobId, Number.parseInt(task.taskId.slice(0, 8), 16))
        if (row) return this.processes.view(row)
        // It was removed, and a person requeued what the farm had kept of it, or it is removed at this moment.
        await farm.tasks.act(task.taskId, 'cancel', 'its removal').catch(ignoreGone)
        continue
      }
      // Its call was ended early: what it may take has changed, or it was removed.
      if (seconds < 0 || now() >= until || call.signal.aborted || farm.workers.find(executor.workerId) === undefined) {
        throw new ColoniesError(404, NOTHING)
      }
    }
  }

  /** Open calls of the colony's executors find out that it is paused. */
  paused(colony: Colony): void {
    for (const { workerId } of colony.executors.values()) {
      if (workerId !== '' && this.context.farm.workers.find(workerId)) this.context.farm.external.nudge(workerId)
    }
  }

  goOn(): void {
    for (const wake of [...this.resumed]) wake()
  }

  private untilResumed(ms: number, signal: Call['signal']): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        this.resumed.delete(wake)
        signal.removeEventListener('abort', wake)
        resolve()
      }
      const timer = setTimeout(wake, Math.min(ms, 2_147_483_647))
      this.resumed.add(wake)
      signal.addEventListener('abort', wake, { once: true })
    })
  }
}
