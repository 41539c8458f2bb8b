/** The calls of `/api/v1/agent/results` (shared/schemas/jobs/content.ts), with validated replies. */
import type { Readable } from 'node:stream'
import { Compile } from 'typebox/compile'
import type { Fence } from '../../../../../shared/schemas/agent.ts'
import { EarlierResults, ResultState } from '../../../../../shared/schemas/jobs/content.ts'
import { UnreachableError } from '../../../link/http.ts'
import type { AgentApi } from '../agentApi.ts'

export interface ResultAbout {
  /** Below the job's root, with slashes. */
  path: string
  sha256: string
  bytes: number
}

const isState = Compile(ResultState)
const isEarlier = Compile(EarlierResults)

export class ResultsApi {
  constructor(private readonly api: AgentApi) {}

  /** Resolves when the file is in its place and on the manager's disk. @throws UnreachableError, RefusedError */
  async sendResult(
    fence: Fence,
    { path, sha256, bytes, offset }: ResultAbout & { offset: number },
    body: Buffer | Readable,
    signal: AbortSignal,
  ) {
    const query = { path, sha256, bytes: String(bytes), ...(offset > 0 && { offset: String(offset) }) }
    await this.api.upload(addressOf(fence), query, body, signal)
  }

  /** Whether the manager has it, and where to go on if not. */
  async resultState(fence: Fence, { path, sha256, bytes }: ResultAbout, signal: AbortSignal): Promise<ResultState> {
    const reply = await this.api.get(`${addressOf(fence)}/state`, { path, sha256, bytes: String(bytes) }, signal)
    if (!isState.Check(reply)) throw new UnreachableError('the reply about a result does not match the protocol')
    return reply
  }

  /** What the tasks that this one depends on saved: the next page. */
  async earlierResults(fence: Fence, after: number, signal: AbortSignal): Promise<EarlierResults> {
    const reply = await this.api.get(addressOf(fence), { after: String(after) }, signal)
    if (!isEarlier.Check(reply)) throw new UnreachableError('the list of earlier results does not match the protocol')
    return reply
  }

  /** The bytes of one of these. */
  earlierResult(fence: Fence, path: string, signal: AbortSignal): Promise<Readable> {
    return this.api.download(`${addressOf(fence)}/file`, { path }, signal)
  }
}

const addressOf = ({ taskId, attempt }: Fence): string => `results/${taskId}/${attempt}`
