/** The agent for a foreign Flamenco Manager: each slot registers as a separate worker, because the protocol has no capacity. */
import type { Agent, AgentEnd, AgentOptions, AgentStatus } from '../../agent.ts'
import { FLAMENCO_TIMING, FlamencoWorker, type FlamencoTiming } from './flamencoWorker.ts'

export class FlamencoAgent implements Agent {
  private readonly workers: FlamencoWorker[]
  private ended: Promise<AgentEnd> | undefined

  constructor(options: AgentOptions, timing: FlamencoTiming = FLAMENCO_TIMING) {
    this.workers = Array.from({ length: options.slots }, (_, slot) => new FlamencoWorker(options, slot, timing))
  }

  /** Resolves when all slots have ended. The Manager may shut one of them down and keep the others. */
  run(): Promise<AgentEnd> {
    this.ended ??= Promise.all(this.workers.map((worker) => worker.run())).then(
      (ends) => ends.find((end) => end === 'restart') ?? ends.find((end) => end === 'offline') ?? 'stopped',
    )
    return this.ended
  }

  async stop(options: { graceful: boolean }): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop(options.graceful)))
    await this.ended?.catch(() => {})
  }

  status(): AgentStatus {
    const [first] = this.workers
    return {
      adapter: 'flamenco',
      connected: this.workers.some((worker) => worker.connected),
      workerIds: this.workers.map((worker) => worker.workerId).filter((id) => id !== ''),
      status: first?.state ?? 'starting',
      approved: true,
      running: this.workers.flatMap(({ task, taskStartedAt }) =>
        task === undefined ? [] : [{ taskId: task.uuid, attempt: 1, jobName: '', taskName: task.name, startedAt: taskStartedAt }],
      ),
      undelivered: this.workers.reduce((sum, worker) => sum + worker.undelivered, 0),
      problem: this.workers.find((worker) => !worker.connected)?.problem ?? '',
    }
  }
}
