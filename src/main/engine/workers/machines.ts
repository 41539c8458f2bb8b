/** The computers that workers run on: their load, and what people record about them. */
import type { Load } from '../../../shared/schemas/worker.ts'
import type { Core } from '../base/core.ts'
import { NotFoundError } from '../base/errors.ts'
import type { WorkerState } from '../base/model.ts'

/** Interval of load samples in the history. */
const SAMPLE_MS = 60_000

export class Machines {
  private readonly sampledAt = new Map<number, number>()

  constructor(private readonly core: Core) {}

  /** The clock was set: the next load of each machine is a sample. */
  clockJumped(): void {
    this.sampledAt.clear()
  }

  /** The machine's current load; a sample of it is kept for the history now and then. */
  noteLoad(worker: WorkerState, load: Load): void {
    const { machineId } = worker
    if (machineId === null) return
    const now = this.core.now()
    const due = now - (this.sampledAt.get(machineId) ?? 0) >= SAMPLE_MS
    if (due) this.sampledAt.set(machineId, now)
    const memory = load.memoryUsed !== null && load.memoryTotal ? load.memoryUsed / load.memoryTotal : null
    this.core.store.workers.saveMachineLoad(
      machineId,
      JSON.stringify(load),
      due ? { cpu: load.cpu, memory, gpu: load.gpus[0]?.load ?? null } : null,
      now,
    )
  }

  /** @throws NotFoundError */
  change(publicId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }): Promise<void> {
    return this.core.store.workers.changeMachine(publicId, changes).then((found) => {
      if (!found) throw new NotFoundError('machine', publicId)
      this.core.bus.emit({ type: 'machine', at: this.core.now(), machineId: publicId })
    })
  }
}
