/** What the executor of a running process says of it: output, success, failure. */
import { taskPublicId } from '../../../../shared/ids.ts'
import type { ApiContext } from '../../../http/context.ts'
import { ConflictError } from '../../../engine/base/errors.ts'
import type { Executor, Registry } from '../people/registry.ts'
import { ColoniesError } from '../wire/errors.ts'
import { parseProcessId } from '../wire/values.ts'
import type { Functions } from './functions.ts'
import type { FoundProcess, Processes } from './processes.ts'
import { readResult, storedResult } from './results.ts'
import { CANCELLED, FAILED, RUNNING, SUCCESS } from './views.ts'

export interface HeldProcess {
  executor: Executor
  taskId: string
}

export class Ending {
  constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'now'>,
    private readonly registry: Registry,
    private readonly processes: Processes,
    private readonly functions: Functions,
  ) {}

  /** @throws ColoniesError 400, 403, 404 */
  async succeed(processId: string, signer: string, out: unknown[]): Promise<void> {
    const held = this.held(processId, signer)
    if (!held) return this.refuse(processId, signer, 'successful')
    const counted = this.functions.counts(held.executor) ? await this.processes.find(processId) : undefined
    // Output that was set earlier stays when none comes with the end.
    const result = out.length > 0 ? { result: storedResult({ out }) } : {}
    await this.end(held, { succeeded: true, reason: '', ...result }, () => this.refuse(processId, signer, 'successful'))
    if (counted) await this.functions.ran(held.executor, counted, this.context.now())
  }

  /** @throws ColoniesError 400, 403, 404 */
  async fail(processId: string, signer: string, errors: string[]): Promise<void> {
    const held = this.held(processId, signer)
    if (!held) return this.refuse(processId, signer, 'failed')
    const row = await this.processes.find(processId)
    const { out } = readResult(row?.result ?? null)
    const reason = errors.join('; ').slice(0, 2_000)
    const result = storedResult({ ...(out.length > 0 && { out }), errors })
    await this.end(held, { succeeded: false, reason, result }, () => this.refuse(processId, signer, 'failed'))
  }

  /** An empty list is ignored. @throws ColoniesError 403, 404 */
  async setOutput(processId: string, signer: string, out: unknown[]): Promise<void> {
    const held = await this.needHeld(processId, signer, 'Failed to set output, process is not running', 'set output')
    if (out.length > 0) await this.context.farm.external.setResult(held.executor.workerId, held.taskId, storedResult({ out }))
  }

  /** The process, when this signer is the executor that runs it. Only memory is asked. */
  held(processId: string, signer: string): HeldProcess | undefined {
    const parsed = parseProcessId(processId)
    if (!parsed || parsed.index === 0) return undefined
    const taskId = taskPublicId(parsed.jobId, parsed.index)
    for (const executor of this.registry.executorsOf(signer)) {
      const { workerId } = executor
      if (executor.status === 1 && this.context.farm.workers.find(workerId) && this.context.farm.external.holds(workerId, taskId))
        return { executor, taskId }
    }
    return undefined
  }

  /** @throws ColoniesError 403, 404 */
  async needHeld(processId: string, signer: string, notRunning: string, verb: string): Promise<HeldProcess> {
    const held = this.held(processId, signer)
    if (held) return held
    const { row } = await this.processes.need(processId, signer)
    if (row.state !== RUNNING) throw new ColoniesError(403, notRunning)
    throw new ColoniesError(403, `Access denied, not allowed to ${verb}, the process is assigned to another executor`)
  }

  private async end(
    held: HeldProcess,
    ending: Parameters<ApiContext['farm']['external']['end']>[2],
    refuse: () => Promise<void>,
  ): Promise<void> {
    try {
      await this.context.farm.external.end(held.executor.workerId, held.taskId, ending)
    } catch (error) {
      // It was taken away a moment ago.
      if (error instanceof ConflictError) return refuse()
      throw error
    }
  }

  /** Why it cannot be closed. Closing again as it was closed changes nothing. */
  private async refuse(processId: string, signer: string, as: 'successful' | 'failed'): Promise<void> {
    const found = await this.processes.need(processId, signer)
    const { row } = found
    assertWasIts(found, signer, as)
    if (row.state === (as === 'successful' ? SUCCESS : FAILED)) return
    const is = row.state === SUCCESS ? 'successful' : row.state === FAILED ? 'failed' : 'cancelled'
    throw new ColoniesError(400, `Tried to set ${is} process as ${as}`)
  }
}

function assertWasIts({ row }: FoundProcess, signer: string, as: string): void {
  const ended = row.state === SUCCESS || row.state === FAILED || row.state === CANCELLED
  if (!ended && row.state !== RUNNING) throw new ColoniesError(403, `Failed to close process as ${as}, process is not assigned`)
  if (row.executorId !== signer || row.state === RUNNING)
    throw new ColoniesError(403, `Access denied, not allowed to close process as ${as}: it is assigned to another executor`)
}
