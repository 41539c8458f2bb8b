/** The shell's own requests to the manager: state for the tray, ended jobs for notifications, the local worker. */
import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { getSignIn } from '../../../shared/operations/agent/agent.ts'
import { getStatus } from '../../../shared/operations/farm/farm.ts'
import { listJobs } from '../../../shared/operations/jobs/jobs.ts'
import { API_BASE, addressOf, queryText, type CallArguments, type Operation } from '../../../shared/operations/operation.ts'
import { actOnWorker, listWorkers } from '../../../shared/operations/workers/workers.ts'
import { SignInState } from '../../../shared/schemas/agent.ts'
import { Status } from '../../../shared/schemas/farm.ts'
import { JobStatus } from '../../../shared/enums.ts'
import { Worker } from '../../../shared/schemas/worker.ts'
import type { ShellTexts } from '../texts/index.ts'

/** Of a job, only what a notification says. */
const EndedJob = Type.Object({
  id: Type.String(),
  name: Type.String(),
  status: JobStatus,
  finishedAt: Type.Union([Type.String(), Type.Null()]),
  frameCount: Type.Integer(),
})
export type EndedJob = Static<typeof EndedJob>
const EndedJobs = Type.Object({ items: Type.Array(EndedJob) })
const Workers = Type.Object({ items: Type.Array(Worker) })

export interface FarmClient {
  status(): Promise<Static<typeof Status>>
  /** The jobs that ended last, newest first. */
  ended(): Promise<EndedJob[]>
  workers(): Promise<Worker[]>
  signIn(key: string): Promise<SignInState>
  requestStatus(workerId: string, status: 'awake' | 'asleep'): Promise<void>
}

const TIMEOUT_MS = 10_000

/** The farm answered, but not with what was asked for. */
export class FarmRefusal extends Error {
  override readonly name = 'FarmRefusal'
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message)
  }
}

/** @param base address of the manager, @param headers e.g. Authorization */
export function farmClient(base: string, headers: Record<string, string> = {}, request: typeof fetch = fetch): FarmClient {
  async function send<O extends Operation>(operation: O, ...[input]: CallArguments<O>): Promise<Response> {
    const address = addressOf(operation, input?.params)
    const response = await request(`${base}${API_BASE}${address}${queryText(input?.query)}`, {
      method: operation.method,
      headers: input?.body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      ...(input?.body !== undefined && { body: JSON.stringify(input.body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!response.ok) throw new FarmRefusal(response.status, `${operation.method} ${address}: ${response.status}`)
    return response
  }
  /** @param schema what the shell uses of the reply: a manager of another version may reply with more, or less of the rest */
  async function ask<S extends TSchema, O extends Operation>(schema: S, operation: O, ...input: CallArguments<O>): Promise<Static<S>> {
    const body: unknown = await (await send(operation, ...input)).json()
    if (!Value.Check(schema, body)) throw new Error(`${operation.method} ${operation.url}: unexpected reply`)
    return body
  }
  return {
    status: () => ask(Status, getStatus),
    ended: async () =>
      (await ask(EndedJobs, listJobs, { query: { status: ['completed', 'failed'], sort: '-finishedAt', limit: 20 } })).items,
    workers: async () => (await ask(Workers, listWorkers)).items,
    signIn: (key) => ask(SignInState, getSignIn, { query: { key } }),
    async requestStatus(workerId, status) {
      await send(actOnWorker, { params: { workerId }, body: { status, lazy: true } })
    },
  }
}

export interface Notice {
  title: string
  body: string
  jobId: string
}

/** The notices for jobs that ended since the last look. `seen`: ids with the time at which they had ended. Pure. */
export function noticesFor(
  ended: readonly EndedJob[],
  seen: ReadonlyMap<string, string>,
  since: number,
  wanted: { notifyOnFinish: boolean; notifyOnFailure: boolean },
  { notice }: Pick<ShellTexts, 'notice'>,
): Notice[] {
  const notices: Notice[] = []
  for (const job of ended) {
    if (!job.finishedAt || Date.parse(job.finishedAt) < since || seen.get(job.id) === job.finishedAt) continue
    if (job.status === 'completed' && wanted.notifyOnFinish) {
      notices.push({ title: job.name, body: job.frameCount > 0 ? notice.frames(job.frameCount) : notice.done, jobId: job.id })
    }
    if (job.status === 'failed' && wanted.notifyOnFailure) notices.push({ title: job.name, body: notice.failed, jobId: job.id })
  }
  return notices
}
