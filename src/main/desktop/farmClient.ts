/** What the shell itself asks of the manager: state for the tray, jobs that ended for notifications, the local worker. */
import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { Status } from '../../shared/schemas/farm.ts'
import { JobStatus } from '../../shared/enums.ts'
import { Worker } from '../../shared/schemas/worker.ts'

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
  requestStatus(workerId: string, status: 'awake' | 'asleep'): Promise<void>
}

const TIMEOUT_MS = 10_000

/** @param base address of the manager, @param headers e.g. Authorization */
export function farmClient(base: string, headers: Record<string, string> = {}, request: typeof fetch = fetch): FarmClient {
  async function ask<S extends TSchema>(schema: S, path: string): Promise<Static<S>> {
    const response = await request(`${base}/api/v1${path}`, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) })
    if (!response.ok) throw new Error(`${path}: ${response.status}`)
    const body: unknown = await response.json()
    if (!Value.Check(schema, body)) throw new Error(`${path}: unexpected reply`)
    return body
  }
  return {
    status: () => ask(Status, '/status'),
    ended: async () => (await ask(EndedJobs, '/jobs?status=completed,failed&sort=-finishedAt&limit=20')).items,
    workers: async () => (await ask(Workers, '/workers')).items,
    async requestStatus(workerId, status) {
      const response = await request(`${base}/api/v1/workers/${workerId}/actions`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ status, lazy: true }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      if (!response.ok) throw new Error(`worker ${workerId}: ${response.status}`)
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
): Notice[] {
  const notices: Notice[] = []
  for (const job of ended) {
    if (!job.finishedAt || Date.parse(job.finishedAt) < since || seen.get(job.id) === job.finishedAt) continue
    if (job.status === 'completed' && wanted.notifyOnFinish) {
      notices.push({ title: job.name, body: job.frameCount > 0 ? `Done, ${job.frameCount} frames` : 'Done', jobId: job.id })
    }
    if (job.status === 'failed' && wanted.notifyOnFailure) notices.push({ title: job.name, body: 'Failed', jobId: job.id })
  }
  return notices
}
