/** Executors that listen for processes of a type to enter a state: one of them, in turn, receives each event. */
import type { ApiContext } from '../../../http/context.ts'
import { specOf, type WireProcess } from './views.ts'
import type { Processes } from './processes.ts'
import type { Watching } from './watching.ts'
import { parseTaskId } from '../../../../shared/ids.ts'

export interface Listener {
  colonyId: number
  type: string
  state: number
  tell(view: WireProcess): void
}

export class Listeners {
  private readonly waiting = new Set<Listener>()
  private unwatch: (() => void) | undefined

  constructor(
    private readonly context: Pick<ApiContext, 'log'>,
    private readonly processes: Processes,
    private readonly watching: Watching,
  ) {}

  /** Returns the function that ends it. */
  add(listener: Listener): () => void {
    this.waiting.add(listener)
    this.unwatch ??= this.watching.watchAll((taskId) => {
      void this.look(taskId).catch((error: unknown) => this.context.log.error({ err: error }, 'cannot tell a listener'))
    })
    return () => {
      this.waiting.delete(listener)
      if (this.waiting.size > 0) return
      this.unwatch?.()
      this.unwatch = undefined
    }
  }

  private async look(taskId: string): Promise<void> {
    const parsed = parseTaskId(taskId)
    const row = parsed && (await this.processes.findByTail(parsed.jobTail, parsed.index))
    if (!row) return
    const { executortype } = specOf(row.spec).conditions
    for (const listener of this.waiting) {
      if (listener.colonyId !== row.colonyId || listener.type !== executortype || listener.state !== row.state) continue
      // The next event is another one's.
      this.waiting.delete(listener)
      this.waiting.add(listener)
      listener.tell(await this.processes.view(row))
      return
    }
  }
}
