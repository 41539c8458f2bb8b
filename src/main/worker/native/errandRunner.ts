/** Errands: commands that the manager has run beside the tasks, for their result. Only those that look and change nothing. */
import { ERRAND_COMMANDS, type Errand, type ErrandAnswer } from '../../../shared/schemas/agent.ts'
import { AttemptRun, type AttemptDeps, type AttemptSink } from '../attempt.ts'
import { StoppedError } from '../commands/types.ts'
import type { Logger } from '../logger.ts'
import type { AgentApi } from './agentApi.ts'
import type { CheckoutCopies } from './checkouts.ts'

export interface ErrandRunnerOptions {
  api: AgentApi
  deps: AttemptDeps
  checkouts: CheckoutCopies
  log: Logger
}

/** More at once would take the machine from its tasks. */
const MAX_AT_ONCE = 4

export class ErrandRunner {
  private readonly running = new Set<AttemptRun>()
  private ended = false

  constructor(private readonly options: ErrandRunnerOptions) {}

  /** Runs it and sends the answer; never fails. */
  start(errand: Errand): void {
    void this.run(errand)
      .then((answer) => (this.ended ? undefined : this.options.api.answerErrand(errand.id, answer)))
      // Who asked hears from the manager that there was no answer.
      .catch((error: unknown) => this.options.log.warn({ err: error, errand: errand.command.name }, 'could not answer the manager'))
  }

  end(): void {
    this.ended = true
    for (const run of this.running) run.stop(new StoppedError('the worker ends'))
  }

  private async run({ id, command, maxRunMs, checkout }: Errand): Promise<ErrandAnswer> {
    const { deps, checkouts } = this.options
    if (!ERRAND_COMMANDS.some((name) => name === command.name)) return { problem: `"${command.name}" is no errand that this worker runs` }
    if (this.running.size >= MAX_AT_ONCE) return { problem: 'this worker answers other questions already; try again soon' }
    const task = { taskId: id, attempt: 1, jobId: id, jobName: 'question', jobType: '', taskName: command.name, kind: 'errand' }
    const prepare = checkout && ((signal: AbortSignal) => checkouts.localise([command], checkout, signal))
    const run = new AttemptRun({ task, commands: [command], maxRunMs, maxSilenceMs: 0, prepare }, SILENT, deps)
    this.running.add(run)
    try {
      const { outcome, reason, result } = await run.done
      return outcome === 'success' && result !== undefined ? { result } : { problem: (reason || 'there is no result').slice(0, 4000) }
    } finally {
      this.running.delete(run)
    }
  }
}

const SILENT: AttemptSink = {
  started: () => undefined,
  log: () => undefined,
  congested: () => undefined,
  progress: () => undefined,
  activity: () => undefined,
  output: () => undefined,
  finished: () => undefined,
  settled: () => Promise.resolve(),
}
