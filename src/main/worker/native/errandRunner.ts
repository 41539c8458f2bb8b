/** Errands: commands that the manager has run beside the tasks, for their result. Only those that look and change nothing. */
import { Type } from 'typebox'
import { ERRAND_COMMANDS, PREVIEW_ERRAND, type Errand, type ErrandAnswer } from '../../../shared/schemas/agent.ts'
import { AttemptRun, type AttemptDeps, type AttemptSink } from '../attempt.ts'
import { readParameters } from '../commands/parameters.ts'
import { StoppedError, type PreviewMaker } from '../commands/types.ts'
import { RefusedError } from '../http.ts'
import type { Logger } from '../logger.ts'
import type { AgentApi } from './agentApi.ts'
import type { CheckoutCopies } from './checkouts.ts'
import { inOrder } from './previewUploads.ts'

export interface ErrandRunnerOptions {
  api: AgentApi
  deps: AttemptDeps
  checkouts: CheckoutCopies
  /** Missing: this worker makes no previews. */
  previews: PreviewMaker | undefined
  log: Logger
}

const PreviewParameters = Type.Object({ file: Type.String({ minLength: 1 }) })

/** More at once would take the machine from its tasks. */
const MAX_AT_ONCE = 4
const MAX_PROBLEM_CHARS = 4000

export class ErrandRunner {
  private readonly open = new Set<string>()
  private readonly running = new Set<AttemptRun>()
  private readonly ending = new AbortController()
  private pictures = 0

  constructor(private readonly options: ErrandRunnerOptions) {}

  /** Those that are not answered yet. */
  ids(): string[] {
    return [...this.open]
  }

  /** Runs it and sends the answer; never fails. One that it is on already is not begun again. */
  start(errand: Errand): void {
    if (this.open.has(errand.id)) return
    this.open.add(errand.id)
    void this.run(errand)
      .then((answer) => this.answer(errand, answer))
      .finally(() => this.open.delete(errand.id))
  }

  end(): void {
    this.ending.abort()
    for (const run of this.running) run.stop(new StoppedError('the worker ends'))
  }

  /** An answer that the manager does not take (it is too large) is told as one; when that fails too, the manager stops waiting by itself. */
  private async answer({ id, command }: Errand, answer: ErrandAnswer): Promise<void> {
    const { api, log } = this.options
    if (this.ending.signal.aborted) return
    try {
      await api.answerErrand(id, answer).catch((error: unknown) => {
        if (!(error instanceof RefusedError) || error.status === 404) throw error
        return api.answerErrand(id, { problem: error.message.slice(0, MAX_PROBLEM_CHARS) })
      })
    } catch (error) {
      log.warn({ err: error, errand: command.name }, 'could not answer the manager')
    }
  }

  private async run(errand: Errand): Promise<ErrandAnswer> {
    const { id, command, maxRunMs, checkout } = errand
    const { deps, checkouts } = this.options
    if (command.name === PREVIEW_ERRAND) return this.makePreview(errand)
    if (!ERRAND_COMMANDS.some((name) => name === command.name)) return { problem: `"${command.name}" is no errand that this worker runs` }
    if (this.running.size >= MAX_AT_ONCE) return { problem: 'this worker answers other questions already; try again soon' }
    const task = { taskId: id, attempt: 1, jobId: id, jobName: 'question', jobType: '', taskName: command.name, kind: 'errand' }
    const prepare = checkout && ((signal: AbortSignal) => checkouts.localise([command], checkout, signal))
    const run = new AttemptRun({ task, commands: [command], maxRunMs, maxSilenceMs: 0, prepare }, SILENT, deps)
    this.running.add(run)
    try {
      const { outcome, reason, result } = await run.done
      return outcome === 'success' && result !== undefined ? { result } : { problem: (reason || 'there is no result').slice(0, MAX_PROBLEM_CHARS) }
    } finally {
      this.running.delete(run)
    }
  }

  private async makePreview({ id, command, maxRunMs }: Errand): Promise<ErrandAnswer> {
    const { previews, api } = this.options
    if (previews === undefined) return { problem: 'this worker makes no previews' }
    if (this.pictures >= MAX_AT_ONCE) return { problem: 'this worker makes other previews already; try again soon' }
    const signal = AbortSignal.any([this.ending.signal, AbortSignal.timeout(maxRunMs)])
    this.pictures++
    try {
      const { file } = readParameters(PreviewParameters, command)
      const made = await previews.previews(file)
      if (made === undefined) return { problem: `"${file}" is no picture` }
      const sent = inOrder(made)
      for (const [size, body] of sent) await api.errandPreview(id, size, body, signal)
      return { result: { sent: sent.map(([size]) => size) } }
    } catch (error) {
      return { problem: (error instanceof Error ? error.message : String(error)).slice(0, MAX_PROBLEM_CHARS) || 'unknown' }
    } finally {
      this.pictures--
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
