/**
 * Random requests to every route of both OpenAPI documents, native and Flamenco. Whatever comes in, nothing ends with a 5xx,
 * a request that is refused changes nothing in the database, and the manager still works afterwards.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { LiveManager, type LiveWorker } from '../../support/liveManager.ts'
import { RequestMaker, routesOf, seeded, type FuzzRequest } from '../../support/fuzz.ts'

/** Requests to each route, and where they begin: more and others for a longer hunt. */
const TIMES = Number(process.env['FUZZ_TIMES'] ?? 8)
const SEED = Number(process.env['FUZZ_SEED'] ?? 0)
/** A refused request is sent so often before it is reported to change something: the farm also writes by itself. */
const TRIES = 4
/** These answer when something happens, when workers have answered, or for as long as a client listens. */
const WAITING = /\/(take|follow|events|reachability)/

let farm: LiveManager
let worker: LiveWorker
let known: Record<string, string>

beforeAll(async () => {
  farm = await LiveManager.start()
  worker = await farm.worker('tester')
  const job = await farm.submit()
  const tasks = await farm.get(`/jobs/${job.id}/tasks`)
  const tag = await farm.call('POST', '/tags', { body: { name: 'gpu' } })
  known = { job: job.id, task: tasks.body.items[0].id, worker: worker.id, tag: tag.body.id, attempt: '1', frame: '1' }
  // Where files are written, mostly not somewhere on this machine.
  known['storage'] = join(farm.folder, 'storage')
})
afterAll(() => farm.stop())

/** A number that changes with every commit of another connection. */
async function dataVersion(): Promise<unknown> {
  const { read, security } = farm.manager.context
  await security.audit.flush()
  return (await read.get<{ data_version: number }>('pragma data_version'))?.data_version
}

async function send(request: FuzzRequest, headers: Record<string, string>): Promise<number | 'waits'> {
  const signal = AbortSignal.timeout(WAITING.test(request.url) ? 300 : 20_000)
  try {
    const reply = await fetch(farm.url + request.url, {
      method: request.method,
      headers: { ...headers, ...request.headers },
      redirect: 'manual',
      signal,
      ...(request.body === undefined || request.method === 'GET' ? {} : { body: request.body }),
    })
    await reply.text()
    return reply.status
  } catch (error) {
    if (signal.aborted && WAITING.test(request.url)) return 'waits'
    throw new Error(`${describeRequest(request)}: ${String(error)}`, { cause: error })
  }
}

/** The database has another content after each of several tries. */
async function alwaysChanges(request: FuzzRequest): Promise<boolean> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const before = await dataVersion()
    await send(request, {})
    if ((await dataVersion()) === before) return false
  }
  return true
}

/** Wrong passwords are written into the audit log. */
const isLogin = ({ url }: FuzzRequest): boolean => /\/(login|session)$/.test(url)

const describeRequest = ({ method, url, body }: FuzzRequest): string => `${method} ${url.slice(0, 300)} ${body?.slice(0, 300) ?? ''}`

it.each([
  ['native', '/api/v1/openapi.json', 1],
  ['Flamenco', '/api/v3/openapi3.json', 2],
])(
  'no request of the %s API ends with a 5xx, and none that is refused changes anything',
  { timeout: 240_000 },
  async (_name, path, seed) => {
    const document = (await farm.get(path)).body
    const routes = routesOf(document)
    expect(routes.length).toBeGreaterThan(40)
    const maker = new RequestMaker(document, seeded(seed + SEED), known)
    const broken: string[] = []
    const seen = new Map<number | 'waits', number>()
    for (let round = 0; round < TIMES; round++) {
      for (const route of routes) {
        const isWorkers = /\/agent\/|\/api\/v3\/worker\//.test(route.path)
        const request = maker.request(route)
        const status = await send(request, isWorkers ? worker.headers : {})
        seen.set(status, (seen.get(status) ?? 0) + 1)
        if (status === 'waits') continue
        if (status >= 500) broken.push(`${status} ${describeRequest(request)}`)
        else if (status >= 400 && !isWorkers && !isLogin(request) && (await alwaysChanges(request))) {
          broken.push(`${status}, yet something changes: ${describeRequest(request)}`)
        }
      }
    }
    expect(broken).toEqual([])
    // Neither only refusals nor none: the requests are worth something.
    expect(seen.get(200) ?? 0).toBeGreaterThan(routes.length)
    expect(seen.get(400) ?? 0).toBeGreaterThan(routes.length)
    expect(farm.errors).toEqual([])
  },
)

it('afterwards the manager works as before', async () => {
  const job = await farm.submit({ name: 'after all that' })
  expect((await farm.get(`/jobs/${job.id}`)).body).toMatchObject({ name: 'after all that' })
})
