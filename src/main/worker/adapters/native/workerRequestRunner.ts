/** Worker requests: read-only commands that the manager has run alongside the tasks, for their result. */
import { Type } from 'typebox'
import { WORKER_REQUEST_COMMANDS, PREVIEW_REQUEST, type WorkerRequest, type WorkerRequestAnswer } from '../../../../shared/schemas/agent.ts'
import { AttemptRun, type AttemptDeps, type AttemptSink } from '../../attempt/attempt.ts'
import { readParameters } from '../../commands/parameters.ts'
import { StoppedError, type PreviewMaker } from '../../contract/commands.ts'
import { RefusedError } from '../../link/http.ts'
import type { Logger } from '../../../../shared/logger.ts'
import type { AgentApi } from './agentApi.ts'
import type { CheckoutCopies } from './checkouts.ts'
import { inOrder } from './previewUploads.ts'

export interface WorkerRequestRunnerOptions {
  api: AgentApi
  deps: AttemptDeps
  checkouts: CheckoutCopies
  /** Missing: this worker creates no previews. */
  previews: PreviewMaker | undefined
  log: Logger
}

const PreviewParameters = Type.Object({ file: Type.String({ minLength: 1 }) })

/** More at the same time would take the machine from its tasks. */
const MAX_AT_ONCE = 4
const MAX_PROBLEM_CHARS = 4000

export class WorkerRequestRunner {
  private readonly open = new Set<string>()
  private readonly running = new Set<AttemptRun>()
  private readonly ending = new AbortController()
  private pictures = 0

  constructor(private readonly options: WorkerRequestRunnerOptions) {}

  /** Requests without an answer so far. */
  ids(): string[] {
    return [...this.open]
  }

  /** Runs a request and sends the result; never fails. Ignores one that is already running. */
  start(request: WorkerRequest): void {
    if (this.open.has(request.id)) return
    this.open.add(request.id)
    void this.run(request)
      .then((answer) => this.answer(request, answer))
      .finally(() => this.open.delete(request.id))
  }

  end(): void {
    this.ending.abort()
    for (const run of this.running) run.stop(new StoppedError('the worker ends'))
  }

  /** When the manager rejects a result (it is too large), an error is sent instead; when that fails too, the manager stops waiting by itself. */
  private async answer({ id, command }: WorkerRequest, answer: WorkerRequestAnswer): Promise<void> {
    const { api, log } = this.options
    if (this.ending.signal.aborted) return
    try {
      await api.answerWorkerRequest(id, answer).catch((error: unknown) => {
        if (!(error instanceof RefusedError) || error.status === 404) throw error
        return api.answerWorkerRequest(id, { problem: error.message.slice(0, MAX_PROBLEM_CHARS) })
      })
    } catch (error) {
      log.warn({ err: error, request: command.name }, 'could not send a result to the manager')
    }
  }

  private async run(request: WorkerRequest): Promise<WorkerRequestAnswer> {
    const { id, command, maxRunMs, checkout } = request
    const { deps, checkouts } = this.options
    if (command.name === PREVIEW_REQUEST) return this.makePreview(request)
    if (!WORKER_REQUEST_COMMANDS.some((name) => name === command.name)) return { problem: `"${command.name}" is not a supported request` }
    if (this.running.size >= MAX_AT_ONCE) return { problem: 'this worker is busy with other requests; try again later' }
    const task = { taskId: id, attempt: 1, jobId: id, jobName: 'question', jobType: '', taskName: command.name, kind: 'request' }
    const prepare = checkout && ((signal: AbortSignal) => checkouts.localise([command], checkout, signal))
    const run = new AttemptRun({ task, commands: [command], maxRunMs, maxSilenceMs: 0, prepare }, SILENT, deps)
    this.running.add(run)
    try {
      const { outcome, reason, result } = await run.done
      return outcome === 'success' && result !== undefined
        ? { result }
        : { problem: (reason || 'there is no result').slice(0, MAX_PROBLEM_CHARS) }
    } finally {
      this.running.delete(run)
    }
  }

  private async makePreview({ id, command, maxRunMs }: WorkerRequest): Promise<WorkerRequestAnswer> {
    const { previews, api } = this.options
    if (previews === undefined) return { problem: 'this worker does not create previews' }
    if (this.pictures >= MAX_AT_ONCE) return { problem: 'this worker is busy with other previews; try again later' }
    const signal = AbortSignal.any([this.ending.signal, AbortSignal.timeout(maxRunMs)])
    this.pictures++
    try {
      const { file } = readParameters(PreviewParameters, command)
      const made = await previews.previews(file)
      if (made === undefined) return { problem: `"${file}" is not a picture` }
      const sent = inOrder(made)
      for (const [size, body] of sent) await api.workerRequestPreview(id, size, body, signal)
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
  warning: () => undefined,
  inputs: () => undefined,
  handOver: () => undefined,
  finished: () => undefined,
  settled: () => Promise.resolve(),
}
