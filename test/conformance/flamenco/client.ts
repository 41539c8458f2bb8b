/**
 * A client of `/api/v3` that trusts nothing: every reply must have the status that the test names, a JSON content type
 * where there is JSON, no null anywhere, and exactly the properties that the specification knows.
 */
import { Buffer } from 'node:buffer'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { expect } from 'vitest'
import type { FlamencoManager } from '../../support/flamencoManager.ts'
import * as schemas from './schemas.ts'

export interface Credentials {
  uuid: string
  secret: string
}

export interface CallOptions {
  body?: unknown
  /** Sent as it is. */
  raw?: string | Buffer
  as?: Credentials
  headers?: Record<string, string>
}

/** What a 2xx reply of an operation must look like; undefined: it has no body. */
export const OPERATIONS: Record<string, TSchema | 'text' | undefined> = {
  'GET /version': schemas.FlamencoVersion,
  'GET /status': schemas.FarmStatusReport,
  'GET /configuration': schemas.ManagerConfiguration,
  'POST /configuration/check/shared-storage': schemas.PathCheckResult,
  'GET /configuration/check/blender': schemas.BlenderPathFindResult,
  'POST /configuration/check/blender': schemas.BlenderPathCheckResult,
  'POST /configuration/setup-assistant': undefined,
  'GET /configuration/file': schemas.ConfigurationFile,
  'PUT /configuration/file': undefined,
  'GET /configuration/variables/{audience}/{platform}': schemas.ManagerVariables,
  'GET /configuration/shared-storage/{audience}/{platform}': schemas.SharedStorageLocation,
  'POST /worker/register-worker': schemas.RegisteredWorker,
  'POST /worker/sign-on': schemas.WorkerStateChange,
  'POST /worker/sign-off': undefined,
  'GET /worker/state': schemas.WorkerStateChange,
  'POST /worker/state-changed': undefined,
  'POST /worker/task': schemas.AssignedTask,
  'POST /worker/task/{task_id}': undefined,
  'GET /worker/task/{task_id}/may-i-run': schemas.MayKeepRunning,
  'POST /worker/task/{task_id}/output-produced': undefined,
  'GET /worker-mgt/workers': schemas.WorkerList,
  'GET /worker-mgt/workers/{worker_id}': schemas.Worker,
  'DELETE /worker-mgt/workers/{worker_id}': undefined,
  'POST /worker-mgt/workers/{worker_id}/setstatus': undefined,
  'POST /worker-mgt/workers/{worker_id}/settags': undefined,
  'GET /worker-mgt/workers/{worker_id}/sleep-schedule': schemas.WorkerSleepSchedule,
  'POST /worker-mgt/workers/{worker_id}/sleep-schedule': undefined,
  'GET /worker-mgt/tags': schemas.WorkerTagList,
  'POST /worker-mgt/tags': schemas.WorkerTag,
  'GET /worker-mgt/tag/{tag_id}': schemas.WorkerTag,
  'PUT /worker-mgt/tag/{tag_id}': undefined,
  'DELETE /worker-mgt/tag/{tag_id}': undefined,
  'GET /jobs/types': schemas.AvailableJobTypes,
  'GET /jobs/type/{typeName}': schemas.AvailableJobType,
  'GET /jobs': schemas.Jobs,
  'POST /jobs': schemas.Job,
  'POST /jobs/query': schemas.Jobs,
  'POST /jobs/check': undefined,
  'DELETE /jobs/mass-delete': undefined,
  'GET /jobs/last-rendered': schemas.JobLastRenderedImageInfo,
  'GET /jobs/{job_id}': schemas.Job,
  'DELETE /jobs/{job_id}': undefined,
  'GET /jobs/{job_id}/what-would-delete-do': schemas.JobDeletionInfo,
  'GET /jobs/{job_id}/last-rendered': schemas.JobLastRenderedImageInfo,
  'POST /jobs/{job_id}/setstatus': undefined,
  'POST /jobs/{job_id}/setpriority': undefined,
  'POST /jobs/{job_id}/settag': undefined,
  'GET /jobs/{job_id}/tasks': schemas.JobTasksSummary,
  'GET /jobs/{job_id}/blocklist': schemas.JobBlocklist,
  'DELETE /jobs/{job_id}/blocklist': undefined,
  'GET /tasks/{task_id}': schemas.Task,
  'GET /tasks/{task_id}/logtail': 'text',
  'GET /tasks/{task_id}/log': schemas.TaskLogInfo,
  'POST /tasks/{task_id}/setstatus': undefined,
  'POST /shaman/checkout/requirements': schemas.ShamanRequirements,
  'POST /shaman/checkout/create': schemas.ShamanCheckoutResult,
  'GET /shaman/files/{checksum}/{filesize}': schemas.ShamanSingleFileStatus,
  'POST /shaman/files/{checksum}/{filesize}': undefined,
}

export interface Reply {
  status: number
  headers: Headers
  // Tests read what the schema has just checked.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- checked by the schema
  body: any
  text: string
}

export class Client {
  /** `GET /jobs 200`, for every reply that was seen. */
  readonly seen = new Set<string>()

  constructor(readonly manager: Pick<FlamencoManager, 'url'>) {}

  /** Calls an operation by its name in OPERATIONS, with values for the braces; the reply must have this status. */
  async call(operation: string, status: number, params: string[] = [], options: CallOptions = {}): Promise<Reply> {
    expect(OPERATIONS, `operation ${operation}`).toHaveProperty([operation])
    const [method = '', pattern = ''] = operation.split(' ')
    let next = 0
    const path = pattern.replace(/\{\w+\}/g, () => encodeURIComponent(params[next++] ?? ''))
    const reply = await this.request(method, `/api/v3${path}`, options)
    expect(`${reply.status} ${reply.status === status ? '' : reply.text}`.trim(), `${method} ${path}`).toBe(String(status))
    this.check(operation, reply)
    this.seen.add(`${operation} ${status}`)
    return reply
  }

  /** Any request, without checks. */
  async request(method: string, path: string, { body, raw, as, headers = {} }: CallOptions = {}): Promise<Reply> {
    const sent: Record<string, string> = { 'user-agent': 'Flamenco/3.9-beta1 (abc123)', ...headers }
    if (body !== undefined) sent['content-type'] ??= 'application/json'
    if (as) sent.authorization = `Basic ${Buffer.from(`${as.uuid}:${as.secret}`).toString('base64')}`
    const payload = raw ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await fetch(this.manager.url + path, {
      method,
      headers: sent,
      redirect: 'manual',
      ...(payload === undefined ? {} : { body: typeof payload === 'string' ? payload : new Uint8Array(payload) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true && text !== ''
    return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
  }

  private check(operation: string, reply: Reply): void {
    const { status, text, headers, body } = reply
    if (status === 204 || status === 202 || status === 208) {
      expect(text).toBe('')
      return
    }
    if (OPERATIONS[operation] === 'text' && status < 300) {
      expect(headers.get('content-type')).toContain('text/plain')
      return
    }
    expect(headers.get('content-type')).toContain('application/json')
    expect(pathsOfNull(body), 'null in the reply').toEqual([])
    const schema = status === 423 ? schemas.WorkerStateChange : status >= 400 ? schemas.ErrorReply : OPERATIONS[operation]
    assertShape(schema as TSchema, body)
    if (status >= 400 && status !== 423) expect(body.code).toBe(status)
  }
}

/** Fails with what is wrong where. */
export function assertShape(schema: TSchema, value: unknown): void {
  const problems = [...Value.Errors(schema, value)].map(({ instancePath, message }) => `${instancePath} ${message}`)
  expect(problems, JSON.stringify(value)).toEqual([])
}

/** Where null stands. Values of settings and commands are the client's own. */
export function pathsOfNull(value: unknown, path = ''): string[] {
  if (value === null) return [path]
  if (typeof value !== 'object') return []
  return Object.entries(value)
    .filter(([key]) => key !== 'settings' && key !== 'parameters')
    .flatMap(([key, inner]) => pathsOfNull(inner, `${path}/${key}`))
}
