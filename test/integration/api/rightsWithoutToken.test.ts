/**
 * Every route × callers that show no credentials, or wrong ones, where the farm lets some of them in all the same: the owner at the
 * manager's own machine, and the network that a farm was opened to.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveManager } from '../../support/liveManager.ts'
import { rawRequest, request } from '../../support/rawHttp.ts'
import { ask, nowhere, ruleName, type Credentials } from './rightsAsking.ts'
import { OPEN_TO_LAN, OWN_ROUTES, RULES, type OwnThings, type Rule } from './rightsTable.ts'

interface Route {
  method: string
  name: string
  rule: Rule
}

const isIn = (status: number): boolean => status !== 401 && status !== 403
const changes = ({ method }: Route): boolean => method !== 'GET'
const asNobody = ({ rule }: Route): boolean => rule === 'public' || rule === 'ask' || rule === 'actors'
/** Wrong credentials are reported, even where strangers may ask. */
const asLiar = ({ rule }: Route): boolean => rule === 'public'
/** Some of its reads take something away, so no foreign page may call it. */
const isActors = ({ name }: Route): boolean => name.includes(' /actors')
/** A wrong key in the address counts as none where strangers may call. */
const asKeyLiar = (route: Route): boolean => asLiar(route) || route.rule === 'actors'
const asOwner = ({ rule }: Route): boolean => rule !== 'worker'

type Caller = [name: string, credentials: Credentials, mayCall: (route: Route) => boolean]

/** Asks every route as every caller. Returns where the answer was another than the table's. */
async function wrongAnswers(farm: LiveManager, callers: readonly Caller[]): Promise<string[]> {
  const wrong: string[] = []
  for (const { method, url } of farm.manager.routes) {
    const name = ruleName({ method, url })
    const rule = RULES[name]
    // HEAD is guarded by the same hook as GET.
    if (rule === undefined || method === 'HEAD' || url.startsWith('/app/assets')) continue
    await Promise.all(
      callers.map(async ([caller, credentials, mayCall]) => {
        const status = await ask(farm, { method, path: nowhere(url) }, credentials)
        if (isIn(status) !== mayCall({ method, name, rule }) || status >= 500)
          wrong.push(`${method} ${url} (${rule}) by ${caller}: ${status}`)
      }),
    )
  }
  return wrong
}

/** A job of another owner, with what the routes for own things need. */
async function thingsOfAdmin(farm: LiveManager): Promise<{ token: string; things: OwnThings }> {
  const { accounts } = farm.manager.context.security
  const { text: token } = await accounts.createToken({ kind: 'token', name: 'admin', role: 'admin', scopes: ['admin'], createdBy: 'test' })
  const headers = { authorization: `Bearer ${token}` }
  const { id: workerId } = await farm.worker('worker', { headers })
  const { id: jobId } = await farm.submit({ paused: true }, { token })
  const job = { name: 'echo', type: 'echo-sleep-test', settings: { message: 'x', sleep_duration_seconds: 0 } }
  const schedule = { name: 's', trigger: { kind: 'cron', expression: '0 0 1 1 *' }, job }
  const scheduleId = (await farm.call('POST', '/schedules', { token, body: schedule })).body.id as string
  const made = await fetch(`${farm.url}/tasks/rights/`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ image: 'busybox', command: 'true' }),
  })
  const { jobId: fastlaneJob, executionId } = (await made.json()) as { jobId: string; executionId: string }
  return { token, things: { jobId, taskId: `00000001${jobId.slice(8)}`, workerId, scheduleId, fastlaneJob, executionId } }
}

/** What tests must not have changed. */
function snapshot(farm: LiveManager): Promise<unknown[]> {
  const { read } = farm.manager.context
  return Promise.all([
    read.all('select public_id, status, priority, name, owner_id, deleted_at from jobs order by id'),
    read.all('select id, status from tasks order by id'),
    read.all('select public_id, state, name, template, deleted_at from schedules order by id'),
  ])
}

describe('a manager that trusts its own machine', () => {
  let farm: LiveManager
  beforeAll(async () => {
    farm = await LiveManager.start({ trustLoopback: true })
  })
  afterAll(() => farm.stop())

  it('lets its owner do all but what workers do, and none who only comes by the same way', async () => {
    const foreign = (route: Route) => !changes(route) && asNobody(route) && !isActors(route)
    const callers: Caller[] = [
      ['the owner', {}, asOwner],
      ["the owner's own page", { headers: { origin: farm.url, 'sec-fetch-site': 'same-origin' } }, asOwner],
      ['a page of another site', { headers: { origin: 'https://evil.example' } }, foreign],
      ['a page of nowhere', { headers: { origin: 'null' } }, foreign],
      [
        'a form of another site',
        { headers: { 'sec-fetch-site': 'cross-site' } },
        (route) => !changes(route) && asOwner(route) && !isActors(route),
      ],
      ['a caller behind a proxy', { headers: { 'x-forwarded-for': '203.0.113.9' } }, asNobody],
      ['a caller behind a standard proxy', { headers: { forwarded: 'for=203.0.113.9' } }, asNobody],
      ['a caller with a wrong token', { headers: { authorization: 'Bearer fht_wrong' } }, asLiar],
      ['a caller with a wrong key', { prefix: '/k/fhk_wrong' }, asKeyLiar],
    ]
    expect(await wrongAnswers(farm, callers)).toEqual([])
  }, 300_000)

  it('refuses a name that is not its own from every caller', async () => {
    const { port } = new URL(farm.url)
    const routes = farm.manager.routes.filter(({ method, url }) => method !== 'HEAD' && !url.startsWith('/app/assets'))
    const replies = await Promise.all(
      routes.map(async ({ method, url }) => {
        const text = request(method, nowhere(url), { Host: 'rebound.example', Connection: 'close' })
        return { method, url, status: (await rawRequest(Number(port), text)).status }
      }),
    )
    expect(replies.filter(({ status }) => status !== 403)).toEqual([])
  }, 300_000)

  it("lets its owner act on everyone's things", async () => {
    const wrong: string[] = []
    for (const [route, asks] of Object.entries(OWN_ROUTES)) {
      const { things } = await thingsOfAdmin(farm)
      const status = await ask(farm, asks(things), {})
      // What the state of the thing does not allow (409) was let in.
      if (!isIn(status) || status === 400 || status === 404 || status >= 500) wrong.push(`${route}: ${status}`)
    }
    expect(wrong).toEqual([])
  }, 300_000)
})

describe('a farm that is open to the network', () => {
  let farm: LiveManager
  let token: string
  let things: OwnThings
  beforeAll(async () => {
    farm = await LiveManager.start({ trustLoopback: false })
    ;({ token, things } = await thingsOfAdmin(farm))
    expect((await farm.call('PATCH', '/settings', { token, body: { openToLan: true } })).status).toBe(200)
  })
  afterAll(() => farm.stop())

  it('lets those without a key do what an add-on does, and nothing else; a key that is wrong or may less gains nothing', async () => {
    const { accounts } = farm.manager.context.security
    const { text: viewer } = await accounts.createToken({ kind: 'token', name: 'v', role: 'viewer', scopes: ['read'], createdBy: 'test' })
    const isRead = ({ rule }: Route) => rule === 'read' || rule === 'media'
    const open = (route: Route) => asNobody(route) || OPEN_TO_LAN.has(route.name)
    const callers: Caller[] = [
      ['the network', {}, open],
      [
        'a page of another site',
        { headers: { origin: 'https://evil.example' } },
        (route) => !changes(route) && open(route) && !isActors(route),
      ],
      ['a caller with a wrong token', { headers: { authorization: 'Bearer fht_wrong' } }, asLiar],
      ['a viewer', { headers: { authorization: `Bearer ${viewer}` } }, (route) => asNobody(route) || isRead(route)],
    ]
    expect(await wrongAnswers(farm, callers)).toEqual([])
  }, 300_000)

  it('lets the network change nothing, neither of others nor what it submitted itself', async () => {
    const body = {
      name: 'of the network',
      type: 'echo-sleep-test',
      submitter_platform: 'linux',
      priority: 50,
      settings: { message: 'x', sleep_duration_seconds: 0 },
    }
    const made = await fetch(`${farm.url}/api/v3/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(made.status).toBe(200)
    const { id: jobId } = (await made.json()) as { id: string }
    const before = await snapshot(farm)
    const wrong: string[] = []
    for (const [route, asks] of Object.entries(OWN_ROUTES)) {
      for (const target of [things, { ...things, jobId, taskId: `00000001${jobId.slice(8)}` }]) {
        const status = await ask(farm, asks(target), {})
        if (isIn(status)) wrong.push(`${route}: ${status}`)
      }
    }
    expect(wrong).toEqual([])
    expect(await snapshot(farm)).toEqual(before)
  }, 300_000)

  it('is closed again at once', async () => {
    const types = () => ask(farm, { method: 'GET', path: '/api/v3/jobs/types' }, {})
    expect(await types()).toBe(200)
    await farm.call('PATCH', '/settings', { token, body: { openToLan: false } })
    expect(isIn(await types())).toBe(false)
  })
})
