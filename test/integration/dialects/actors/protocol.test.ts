/** Status codes, forms and rules of the actors API, as users behind a gateway meet them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ActorsFarm, type SendOptions } from '../../../support/actorsFarm.ts'
import { Gateway } from '../../../support/gateway.ts'
import { until } from '../../../support/liveManager.ts'

let farm: ActorsFarm
const gateway = new Gateway()
const as = (user: string, roles?: string, tenant?: string): SendOptions => ({
  headers: gateway.headers(user, { ...(roles !== undefined && { roles }), ...(tenant !== undefined && { tenant }) }),
})
const admin = as('root', 'Internal/everyone,Internal/abaco-admin')
const privileged = as('priv', 'Internal/abaco-privileged')
const anna = as('anna')
const ben = as('ben')

beforeAll(async () => {
  farm = await ActorsFarm.start()
  await farm.startWorker()
  await farm.change({ actorsGatewayKey: gateway.publicKey })
})
afterAll(async () => {
  expect(farm.farm.errors).toEqual([])
  await farm.stop()
})

describe('who calls', () => {
  it('a signed assertion names user and tenant, also under the gateway’s own name of the algorithm', async () => {
    for (const alg of ['RS256', 'SHA256withRSA']) {
      const reply = await farm.get('/actors', { headers: gateway.headers('anna', { alg, tenant: 'dev_other' }) })
      expect([reply.status, reply.result]).toEqual([200, []])
    }
  })

  it.each([
    ['a wrong signature', { signs: false }],
    ['no signature', { alg: 'none', signs: false }],
    ['an assertion whose time is over', { expires: 1_000_000 }],
  ])('%s is refused', async (_what, options) => {
    const reply = await farm.get('/actors', { headers: gateway.headers('anna', options) })
    expect([reply.status, reply.body.message]).toEqual([400, 'No JWT or nonce provided.'])
  })

  it('an unknown role is no role', async () => {
    const reply = await farm.get('/actors', as('x', 'Studio/janitor'))
    expect([reply.status, reply.body.message]).toEqual([400, 'Not authorized -- missing required role.'])
  })

  it('a wrong token is 401 without a key that clients take for a fault of theirs', async () => {
    const reply = await farm.get('/actors', { token: 'fht_wrong' })
    expect(reply.status).toBe(401)
    expect(reply.body).toEqual({ status: 'error', result: null, message: expect.any(String), version: expect.any(String) })
  })

  it('tenants see nothing of each other', async () => {
    const id = await farm.actor({}, as('zoe', undefined, 'ONE'))
    await farm.pulled()
    const other = as('zoe', 'Internal/abaco-admin', 'TWO')
    expect((await farm.get('/actors', other)).result).toEqual([])
    expect((await farm.get(`/actors/${id}`, other)).status).toBe(404)
    expect((await farm.send('POST', `/actors/${id}/messages`, { form: { message: 'x' }, ...other })).status).toBe(404)
    expect((await farm.get('/actors/search/actors', other)).result._metadata.totalCount).toBe(0)
  })

  it('a viewer changes nothing', async () => {
    const token = await farm.user('looker', 'viewer')
    const reply = await farm.send('POST', '/actors', { json: { image: 'x' }, token })
    expect([reply.status, reply.body.message]).toEqual([400, 'Not authorized -- missing required role.'])
    expect((await farm.get('/actors', { token })).status).toBe(200)
  })
})

describe('addresses', () => {
  it.each([
    ['PUT', '/actors'],
    ['PUT', '//actors/v2'],
    ['GET', '/actors/v2/a/b/c'],
    ['POST', '/actors/v2/qNkRbXzA8WmJe'],
    ['PUT', '/actors/x/executions'],
    ['PUT', '/actors/x/messages'],
    ['POST', '/actors/x/executions/y/logs'],
    ['PATCH', '/actors/x'],
  ])('%s %s is 405 in the envelope', async (method, path) => {
    const reply = await farm.send(method, path, method === 'GET' ? anna : { json: {}, ...anna })
    expect(reply.status).toBe(405)
    expect(reply.body).toMatchObject({ status: 'error', result: null, message: expect.stringContaining('does not exist') })
  })

  it('all spellings are one address', async () => {
    for (const path of ['/actors', '/actors/', '//actors', '/actors/v2', '/actors/v2/', '//actors//v2//']) {
      expect((await farm.get(path, anna)).status).toBe(200)
    }
    expect((await farm.get('/actors/bad_actor_id', anna)).body).toMatchObject({
      status: 'error',
      message: "Actor with identifier 'bad_actor_id' not found",
    })
  })

  it('OPTIONS needs no credentials and names methods and headers; pages of other sites get nothing', async () => {
    const reply = await farm.send('OPTIONS', '/actors/v2/x/messages', { headers: { 'access-control-request-headers': 'x-custom' } })
    expect(reply.status).toBe(200)
    expect(reply.headers.get('access-control-allow-origin')).toBe(farm.farm.url)
    expect(reply.headers.get('access-control-allow-methods')).toContain('PUT')
    expect(reply.headers.get('access-control-allow-headers')).toBe('x-custom')
    expect((await farm.get('/actors', anna)).headers.get('access-control-allow-origin')).toBe(farm.farm.url)
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }] as Record<string, string>[]) {
      expect((await farm.get('/actors', { headers: { ...headers, ...anna.headers } })).status).toBe(403)
      expect((await farm.send('OPTIONS', '/actors', { headers })).status).toBe(403)
    }
  })
})

describe('descriptions', () => {
  it('are read from forms, multipart forms and JSON, in both spellings', async () => {
    const form = await farm.send('POST', '/actors', {
      form: [
        ['image', 'jstubbs/abaco_test'],
        ['stateless', 'False'],
        ['hints', 'a'],
        ['hints', 'b'],
        ['logEx', '16000'],
      ],
      ...anna,
    })
    expect(form.result).toMatchObject({ stateless: false, hints: ['a', 'b'], logEx: 16_000, owner: 'anna' })
    const boundary = 'xyz'
    const raw =
      ['image', 'useContainerUid']
        .map((name, at) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${['img', '1'][at]}\r\n`)
        .join('') + `--${boundary}--\r\n`
    const multipart = await farm.send('POST', '/actors', { raw, type: `multipart/form-data; boundary=${boundary}`, ...privileged })
    expect(multipart.result).toMatchObject({ image: 'img', useContainerUid: true, owner: 'priv' })
    const snake = await farm.send('POST', '/actors?description=from+the+query', {
      json: { image: 'img', default_environment: { k: 'v' } },
      ...anna,
    })
    expect(snake.result).toMatchObject({ defaultEnvironment: { k: 'v' }, description: 'from the query', stateless: true })
    expect(snake.result).not.toHaveProperty('maxWorkers')
    expect(Object.keys(snake.result)).not.toContain('tenant')
    for (let i = 0; i < 3; i++) await farm.pulled()
  })

  it.each([
    [{}, 'image'],
    [{ image: '' }, 'image'],
    [{ image: 'a b' }, 'image'],
    [{ image: { a: 1 } }, 'image'],
    [{ image: 'x'.repeat(1_001) }, 'image'],
    [{ image: 'x', stateless: 'maybe' }, 'stateless'],
    [{ image: 'x', stateless: 3 }, 'stateless'],
    [{ image: 'x', privileged: 'p' }, 'privileged'],
    [{ image: 'x', useContainerUid: 'x' }, 'useContainerUid'],
    [{ image: 'x', token: {} }, 'token'],
    [{ image: 'x', defaultEnvironment: 'x' }, 'defaultEnvironment'],
    [{ image: 'x', defaultEnvironment: [1] }, 'defaultEnvironment'],
    [{ image: 'x', defaultEnvironment: { 'a=b': 1 } }, 'defaultEnvironment'],
    [{ image: 'x', hints: ['{'] }, 'hints'],
    [{ image: 'x', hints: [1] }, 'hints'],
    [{ image: 'x', maxWorkers: 'many' }, 'maxWorkers'],
    [{ image: 'x', maxWorkers: 0 }, 'maxWorkers'],
    [{ image: 'x', maxWorkers: 2, stateless: false }, 'stateful actors can only have 1 worker'],
    [{ image: 'x', maxCpus: 1.5 }, 'maxCpus'],
    [{ image: 'x', memLimit: 'lots' }, 'memLimit'],
    [{ image: 'x', logEx: 'x' }, 'logEx'],
    [{ image: 'x', type: 'other' }, 'type'],
    [{ image: 'x', queue: 'fast' }, 'queue'],
    [{ image: 'x', webhook: 'ftp://x' }, 'webhook'],
    [{ image: 'x', link: 'nothing' }, 'link'],
    [{ image: 'x', name: 'n'.repeat(201) }, 'name'],
    [{ image: 'x', description: 'd'.repeat(10_001) }, 'description'],
    [{ image: 'x', description: 'a\u0000b' }, 'null characters'],
    [{ image: 'x', cronSchedule: 'now + 1 flimflam' }, 'cronSchedule'],
    [{ image: 'x', cronSchedule: '2019-01-01 10 + 1 hour' }, 'cronSchedule'],
    [{ image: 'x', cronSchedule: '2099-02-30 10 + 1 hour' }, 'cronSchedule'],
    [{ image: 'x', cronSchedule: 'now' }, 'cronSchedule'],
    [{ image: 'x', cronOn: 'x' }, 'cronOn'],
    [[1], 'JSON object'],
  ])('%j is refused with the field and stores nothing', async (json, field) => {
    const before = (await farm.get('/actors/utilization', admin)).result
    const reply = await farm.send('POST', '/actors', { json, ...admin })
    expect(reply.status).toBe(400)
    expect(reply.body).toMatchObject({ status: 'error', result: null })
    expect(reply.body.message).toContain(field)
    expect((await farm.get('/actors/utilization', admin)).result).toEqual(before)
  })

  it.each(['{', '{"image": "x"', '"x', '{"__proto__": 1, "image": "x"}', `${'['.repeat(100)}${']'.repeat(100)}`])(
    '%j is no JSON',
    async (raw) => {
      const reply = await farm.send('POST', '/actors', { raw, type: 'application/json', ...anna })
      expect([reply.status, reply.body.status]).toEqual([400, 'error'])
    },
  )

  it('what only privileged users may set is refused to others, with the reason', async () => {
    for (const [field, value] of Object.entries({
      privileged: true,
      maxWorkers: 3,
      maxCpus: 1_000_000_000,
      memLimit: '1g',
      useContainerUid: true,
    })) {
      const reply = await farm.send('POST', '/actors', { json: { image: 'x', [field]: value }, ...anna })
      expect([reply.status, reply.body.message]).toEqual([400, expect.stringMatching(/only admins and privileged users can/)])
      expect(reply.body.message).toContain(field)
    }
    const id = (
      await farm.send('POST', '/actors', {
        json: { image: 'x', privileged: true, maxWorkers: 3, maxCpus: -1, memLimit: '2g' },
        ...privileged,
      })
    ).result.id
    await farm.pulled()
    expect((await farm.get(`/actors/${id}`, privileged)).result).toMatchObject({
      privileged: true,
      maxWorkers: 3,
      maxCpus: -1,
      memLimit: '2g',
    })
  })

  it('an update replaces all of it; only a new image or force makes a new revision', async () => {
    const id = await farm.readyActor({ stateless: false, name: 'kept', description: 'gone', defaultEnvironment: { a: 1 } }, anna)
    await farm.send('POST', `/actors/${id}/state`, { json: { x: 1 }, ...anna })
    const first = (await farm.get(`/actors/${id}`, anna)).result
    const refused = await farm.send('PUT', `/actors/${id}`, { json: { image: 'abacosamples/test' }, ...anna })
    expect(refused.body.message).toContain('an actor that was not stateless cannot be updated to be stateless')
    const same = (await farm.send('PUT', `/actors/${id}`, { json: { image: 'abacosamples/test', stateless: false }, ...anna })).result
    expect(same).toMatchObject({
      id,
      name: 'kept',
      description: '',
      defaultEnvironment: {},
      state: {},
      revision: 1,
      status: 'READY',
      createTime: first.createTime,
    })
    expect(same.lastUpdateTime).not.toBe(first.lastUpdateTime)
    const other = (await farm.send('PUT', `/actors/${id}`, { json: { image: 'other', stateless: false }, ...anna })).result
    expect(other).toMatchObject({ image: 'other', revision: 2, status: 'SUBMITTED' })
    await farm.pulled()
    await until(async () => (await farm.get(`/actors/${id}`, anna)).result.status === 'READY', 'ready again')
    expect(
      (await farm.send('PUT', `/actors/${id}`, { json: { image: 'other', stateless: false, force: true }, ...anna })).result.revision,
    ).toBe(3)
    await farm.pulled()
  })

  it('links may not lead back', async () => {
    const [a, b] = [await farm.readyActor({}, anna), await farm.readyActor({}, anna)]
    expect((await farm.send('PUT', `/actors/${a}`, { json: { image: 'abacosamples/test', link: b }, ...anna })).status).toBe(200)
    const cycle = await farm.send('PUT', `/actors/${b}`, { json: { image: 'abacosamples/test', link: a }, ...anna })
    expect(cycle.body.message).toContain('this update would result in a cycle of linked actors')
    const self = await farm.send('PUT', `/actors/${a}`, { json: { image: 'abacosamples/test', link: a }, ...anna })
    expect(self.body.message).toContain('An actor cannot link to itself.')
  })

  it('a schedule is shown with its next run, and switched off', async () => {
    const made = await farm.send('POST', '/actors', { json: { image: 'x', cronSchedule: '2078-09-6 20 + 3 months' }, ...anna })
    expect(made.result).toMatchObject({ cronSchedule: '2078-09-6 20 + 3 months', cronOn: true, cronNextEx: '2078-9-6 20' })
    const off = await farm.send('PUT', `/actors/${made.result.id}`, {
      json: { image: 'x', cronSchedule: '2078-09-6 20 + 3 months', cronOn: false },
      ...anna,
    })
    expect(off.result).toMatchObject({ cronOn: false, cronNextEx: '2078-9-6 20' })
    await farm.pulled()
  })

  it('an image that cannot be had is an error that an update mends', async () => {
    const id = await farm.actor({}, anna)
    const assignment = await farm.take()
    await farm.theWorker.report(assignment, {
      type: 'finished',
      at: Date.now(),
      outcome: 'log-limit',
      exitCode: null,
      reason: 'no such image',
    })
    const failed = await until(async () => {
      const { result } = await farm.get(`/actors/${id}`, anna)
      return result.status === 'ERROR' && result
    }, 'the error')
    expect(failed.statusMessage).toContain('There was an error pulling the image')
    // Its mailbox takes messages all the same, and runs them when it is mended.
    await farm.message(id, 'waits', anna)
    expect((await farm.theWorker.take(5)).assignments).toEqual([])
    await farm.send('PUT', `/actors/${id}`, { json: { image: 'abacosamples/test', force: true }, ...anna })
    await farm.pulled()
    await until(async () => (await farm.get(`/actors/${id}`, anna)).result.status === 'READY', 'ready')
    await farm.theWorker.finish(await farm.take())
  })
})

describe('permissions', () => {
  it('levels decide what others may do', async () => {
    const id = await farm.readyActor({}, anna)
    const denied = 'Not authorized -- you do not have access to this actor.'
    const may = async () => ({
      get: (await farm.get(`/actors/${id}`, ben)).status,
      send: (await farm.send('POST', `/actors/${id}/messages`, { form: { message: 'x' }, ...ben })).status,
      update: (await farm.send('PUT', `/actors/${id}`, { json: { image: 'abacosamples/test' }, ...ben })).status,
    })
    expect((await farm.get(`/actors/${id}`, ben)).body.message).toBe(denied)
    const grant = (user: string, level: string) => farm.send('POST', `/actors/${id}/permissions`, { json: { user, level }, ...anna })
    expect((await grant('ben', 'READ')).result).toEqual({ anna: 'UPDATE', ben: 'READ' })
    expect(await may()).toEqual({ get: 200, send: 400, update: 400 })
    await grant('ben', 'execute')
    expect(await may()).toEqual({ get: 200, send: 200, update: 400 })
    await grant('ben', 'UPDATE')
    expect(await may()).toEqual({ get: 200, send: 200, update: 200 })
    expect((await farm.get(`/actors/${id}`, anna)).result.owner).toBe('anna')
    await grant('ben', 'NONE')
    expect(await may()).toEqual({ get: 400, send: 400, update: 400 })
    await grant('ABACO_WORLD', 'READ')
    expect(await may()).toEqual({ get: 200, send: 400, update: 400 })
    expect((await grant('ben', 'MOST')).body.message).toContain('Invalid permission level')
    expect((await farm.send('POST', `/actors/${id}/permissions`, { json: { level: 'READ' }, ...anna })).body.message).toContain('user')
    expect((await farm.send('PUT', `/actors/${id}/permissions`, { json: {}, ...anna })).status).toBe(405)
    await farm.send('DELETE', `/actors/${id}/messages`, anna)
  })
})

describe('nonces', () => {
  it('stand for their owner, up to their level and number of uses', async () => {
    const id = await farm.readyActor({}, anna)
    expect((await farm.get(`/actors/${id}/nonces`, anna)).result).toEqual([])
    const free = (await farm.send('POST', `/actors/${id}/nonces`, anna)).result
    expect(free).toMatchObject({
      level: 'EXECUTE',
      maxUses: -1,
      remainingUses: -1,
      currentUses: 0,
      owner: 'anna',
      actorId: id,
      actor_id: id,
      lastUseTime: 'None',
    })
    expect(free.id).toMatch(/^DEV_[0-9A-Za-z]+$/)
    const limited = (await farm.send('POST', `/actors/${id}/nonces`, { json: { level: 'READ', maxUses: 3 }, ...anna })).result
    expect((await farm.get(`/actors/${id}/nonces`, anna)).result).toHaveLength(2)
    // A nonce counts before the trust in this machine.
    const use = (nonce: string, path = '', method = 'GET') =>
      farm.send(method, `/actors/${id}${path}?x-nonce=${nonce}`, method === 'POST' ? { form: { message: 'x' } } : {})
    for (const path of ['', '/executions', '/messages']) expect((await use(free.id, path)).status).toBe(200)
    expect((await use(free.id, '/messages', 'POST')).status).toBe(200)
    expect((await farm.get(`/actors/${id}/nonces/${free.id}`, anna)).result).toMatchObject({
      currentUses: 4,
      remainingUses: -1,
      lastUseTime: expect.stringMatching(/Z$/),
    })
    expect((await use(limited.id, '/messages', 'POST')).body.message).toBe('Nonce does not have sufficient permissions level.')
    expect(
      await Promise.all([use(limited.id), use(limited.id), use(limited.id), use(limited.id)]).then((all) =>
        all.map(({ status }) => status).sort(),
      ),
    ).toEqual([200, 200, 200, 400])
    expect((await use(limited.id)).body.message).toBe('No remaining uses left for this nonce.')
    expect((await farm.get(`/actors/${id}/nonces/${limited.id}`, anna)).result).toMatchObject({ currentUses: 3, remainingUses: 0 })
    expect((await use('DEV_nothing')).body.message).toBe('Nonce does not exist.')
    expect((await farm.get(`/actors?x-nonce=${free.id}`)).body.message).toBe('No JWT or nonce provided.')
    const other = await farm.readyActor({}, anna)
    expect((await farm.get(`/actors/${other}?x-nonce=${free.id}`)).body.message).toBe('Nonce does not exist.')
    for (const json of [{ maxUses: 0 }, { maxUses: -2 }, { level: 'X' }, { maxUses: 'x' }]) {
      expect((await farm.send('POST', `/actors/${id}/nonces`, { json, ...anna })).status).toBe(400)
    }
    await farm.send('DELETE', `/actors/${id}/messages`, anna)
    expect((await farm.send('DELETE', `/actors/${id}/nonces/${free.id}`, anna)).body.result).toBeNull()
    expect((await farm.get(`/actors/${id}/nonces/${free.id}`, anna)).body.message).toBe('Nonce not found.')
    expect((await use(free.id)).status).toBe(400)
  })
})

describe('aliases', () => {
  it('name actors, with permissions and nonces of their own', async () => {
    const id = await farm.readyActor({}, anna)
    const other = await farm.readyActor({}, anna)
    const made = await farm.send('POST', '/actors/aliases', { json: { alias: 'jane.v1', actorId: id }, ...anna })
    expect(made.result).toMatchObject({ alias: 'jane.v1', actorId: id, owner: 'anna', _links: { actor: expect.stringContaining(id) } })
    expect((await farm.send('POST', '/actors/aliases', { json: { alias: 'jane.v1', actorId: id }, ...anna })).body.message).toContain(
      'already exists',
    )
    expect((await farm.get('/actors/v2/jane.v1', anna)).result._links.self).toContain(`/actors/v2/${id}`)
    expect((await farm.get('/actors/aliases/jane.v1/permissions', anna)).result).toEqual({ anna: 'UPDATE' })
    expect((await farm.get('/actors/aliases/jane.v1', ben)).body.message).toContain('you do not have access to this alias')
    await farm.send('POST', '/actors/aliases/jane.v1/permissions', { json: { user: 'ben', level: 'UPDATE' }, ...anna })
    expect((await farm.get('/actors/aliases/jane.v1', ben)).status).toBe(200)
    expect((await farm.get('/actors/jane.v1', ben)).body.message).toContain('you do not have access to this actor')
    expect((await farm.send('PUT', '/actors/aliases/jane.v1', { json: { actorId: other }, ...ben })).body.message).toContain(
      'you do not have UPDATE access to the actor you want to associate with this alias',
    )
    expect((await farm.get('/actors/aliases/jane.v1/nonces', ben)).body.message).toContain('you do not have access to this alias and actor')
    expect((await farm.send('PUT', '/actors/aliases/jane.v1', { json: { actorId: other }, ...anna })).result.actorId).toBe(other)
    await farm.send('PUT', '/actors/aliases/jane.v1', { json: { actorId: id }, ...anna })
    const nonce = (await farm.send('POST', '/actors/aliases/jane.v1/nonces', anna)).result
    expect(nonce).toMatchObject({ level: 'EXECUTE', maxUses: -1, alias: 'jane.v1' })
    expect(nonce).not.toHaveProperty('actorId')
    expect((await farm.get(`/actors/jane.v1?x-nonce=${nonce.id}`)).status).toBe(200)
    expect((await farm.get(`/actors/${id}?x-nonce=${nonce.id}`)).body.message).toBe('Nonce does not exist.')
    expect((await farm.send('DELETE', '/actors/aliases/jane.v1', ben)).body.result).toBeNull()
    expect((await farm.get('/actors/aliases/jane.v1', anna)).status).toBe(404)
  })

  it.each(['executions', 'admin', 'v2', 'a b', 'a/b', 'a:b', "a'b", 'a?b', '', '..'])('%j is refused', async (alias) => {
    const id = await farm.actor({}, anna)
    await farm.pulled()
    expect((await farm.send('POST', '/actors/aliases', { json: { alias, actorId: id }, ...anna })).status).toBe(400)
    expect((await farm.send('POST', '/actors/aliases', { json: { alias: id, actorId: id }, ...anna })).body.message).toContain('alias')
  })
})

describe('messages', () => {
  it('come in every form that the protocol names', async () => {
    const id = await farm.readyActor({}, anna)
    const path = `/actors/${id}/messages`
    const cases: [SendOptions & { query?: string }, unknown, string | undefined, string][] = [
      [{ form: { message: 'testing execution' } }, 'testing execution', 'testing execution', 'str'],
      [{ json: { message: { a: 1 } } }, { a: 1 }, "{'a': 1}", 'str'],
      [{ json: { a: [1, 'x'] } }, { a: [1, 'x'] }, "{'a': [1, 'x']}", 'application/json'],
      [{ raw: 'plain', type: 'application/json' }, 'plain', 'plain', 'str'],
      [{ raw: '"quoted"', type: 'application/json' }, 'quoted', 'quoted', 'application/json'],
      [{ raw: '{"a": 2}', type: 'text/plain' }, { a: 2 }, "{'a': 2}", 'str'],
      [{ query: '?message=q' }, 'q', 'q', 'str'],
      [{ raw: Buffer.from([1, 2, 255]), type: 'application/octet-stream' }, 'binary - omitted', undefined, 'application/octet-stream'],
    ]
    for (const [{ query = '', ...options }, echo, text, type] of cases) {
      const reply = await farm.send('POST', path + query, { ...options, headers: { ...anna.headers, ...options.headers } })
      expect(reply.status, reply.text).toBe(200)
      expect(reply.result.msg).toEqual(echo)
      const assignment = await farm.take()
      const env = ActorsFarm.env(assignment)
      expect(env['MSG']).toBe(text)
      expect(env['_abaco_Content_Type']).toBe(type)
      if (text === undefined) expect(assignment.commands[0]?.parameters['binaryMessage']).toMatchObject({ size: 3 })
      await farm.theWorker.finish(assignment)
    }
    for (const options of [{}, { raw: 'no json', type: 'text/plain' }, { json: {} }, { form: { other: 'x' } }]) {
      const reply = await farm.send('POST', path, { ...options, ...anna })
      expect([reply.status, reply.body.message]).toEqual([400, expect.stringContaining('message')])
    }
    const long = await farm.send('POST', path, { json: { message: 'x'.repeat(140_000) }, ...anna })
    expect([long.status, long.body.message]).toEqual([400, expect.stringContaining('exceeds max content length')])
  })

  it('are purged, and show as errors then', async () => {
    const id = await farm.readyActor({}, anna)
    const execution = await farm.message(id, 'x', anna)
    await farm.message(id, 'y', anna)
    expect((await farm.get(`/actors/${id}/messages`, anna)).result.messages).toBe(2)
    expect((await farm.send('DELETE', `/actors/${id}/messages`, anna)).result.msg).toBe('Actor mailbox purged.')
    expect((await farm.get(`/actors/${id}/messages`, anna)).result.messages).toBe(0)
    expect((await farm.get(`/actors/${id}/executions/${execution}`, anna)).result.status).toBe('ERROR')
    expect((await farm.send('DELETE', `/actors/${id}/executions/${execution}`, anna)).body.message).toContain(
      'Execution was found in status: ERROR',
    )
  })

  it('a synchronous one is answered with its first result, or with its log', async () => {
    const id = await farm.readyActor({}, anna)
    const sync = () => farm.send('POST', `/actors/${id}/messages?_abaco_synchronous=true`, { form: { message: 'x' }, ...anna })
    const first = sync()
    const one = await farm.take()
    await farm.theWorker.report(one, { type: 'result', at: Date.now(), data: Buffer.from('42').toString('base64') })
    const reply = await first
    expect([reply.status, reply.text, reply.headers.get('content-type')]).toEqual([200, '42', 'application/octet-stream'])
    await farm.theWorker.finish(one)
    const second = sync()
    const two = await farm.take()
    await farm.theWorker.log(two, 'what it printed')
    await farm.theWorker.finish(two)
    expect(await second).toMatchObject({ status: 200, text: 'what it printed' })
    for (let i = 0; i < 4; i++) await farm.message(id, 'x', anna)
    expect((await sync()).status).toBe(400)
    await farm.send('DELETE', `/actors/${id}/messages`, anna)
  })
})

describe('state', () => {
  it('is any JSON that says something, exactly as it was written', async () => {
    const id = await farm.readyActor({ stateless: false }, anna)
    const path = `/actors/${id}/state`
    expect((await farm.get(path, anna)).result).toEqual({ state: {} })
    expect((await farm.send('POST', path, { json: 'abc', ...anna })).result.state).toBe('abc')
    await farm.send('POST', path, { raw: '{"a": 1.0, "b": 12345678901234567890}', type: 'application/json', ...anna })
    await farm.message(id, 'x', anna)
    const assignment = await farm.take()
    expect(ActorsFarm.env(assignment)['_abaco_actor_state']).toBe("{'a': 1.0, 'b': 12345678901234567890}")
    // From inside: with the token of the execution, for its owner, while it runs.
    const token = String(ActorsFarm.env(assignment)['_abaco_access_token'])
    expect((await farm.send('POST', path, { json: { n: 1 }, token })).result).toMatchObject({ state: { n: 1 }, owner: 'anna' })
    expect((await farm.send('POST', `/actors/${id}/workers`, { json: { num: 2 }, token })).status).toBe(400)
    await farm.theWorker.finish(assignment)
    expect((await farm.send('POST', path, { json: { n: 2 }, token })).status).toBe(401)
    expect((await farm.send('POST', path, { raw: 'plain', type: 'application/json', ...anna })).result.state).toBe('plain')
    for (const raw of ['{}', '[]', '0', '""', 'false', 'null', '']) {
      const reply = await farm.send('POST', path, { raw, type: 'application/json', ...anna })
      expect([reply.status, reply.body.message]).toEqual([400, 'Invalid actor state description: state must be JSON serializable.'])
    }
    const stateless = await farm.readyActor({}, anna)
    expect((await farm.send('POST', `/actors/${stateless}/state`, { json: 'x', ...anna })).body).toMatchObject({
      message: 'actor is stateless.',
    })
    expect((await farm.send('POST', `/actors/${stateless}/state`, { json: 'x', ...anna })).status).toBe(404)
  })
})

describe('executions', () => {
  it('that run are halted, and end as complete', async () => {
    const id = await farm.readyActor({}, anna)
    const execution = await farm.message(id, 'x', anna)
    const path = `/actors/${id}/executions/${execution}`
    expect((await farm.send('DELETE', path, anna)).body.message).toContain('found in status: SUBMITTED')
    const assignment = await farm.take()
    const halted = await farm.send('DELETE', path, anna)
    expect(halted.body).toMatchObject({ result: null, message: `Issued force quit command for execution ${execution}.` })
    await farm.theWorker.report(assignment, { type: 'finished', at: Date.now(), outcome: 'stopped', exitCode: null, reason: '' })
    expect((await farm.get(path, anna)).result.status).toBe('COMPLETE')
    expect((await farm.get(`/actors/${id}/executions/nothing`, anna)).body.message).toBe(
      `No executions found with actor id of ${id} and execution id of nothing.`,
    )
    expect((await farm.get(`/actors/${id}/executions/nothing/results`, anna)).text).toBe('')
  })
})

describe('workers', () => {
  it('are ensured by administrators, and removed', async () => {
    const id = await farm.readyActor({ stateless: false }, anna)
    const path = `/actors/${id}/workers`
    expect((await farm.get(path, anna)).result).toMatchObject([
      { status: 'READY', image: 'abacosamples/test', tenant: 'DEV', cid: expect.any(String) },
    ])
    expect((await farm.send('POST', path, { json: { num: 2 }, ...anna })).body.message).toContain(
      'only admins are authorized to update workers',
    )
    expect((await farm.send('POST', path, { form: { num: '2' }, ...admin })).body).toMatchObject({
      result: null,
      message: 'Scheduled 1 new worker(s) to start. Previously, there were 1 workers.',
    })
    expect((await farm.send('POST', path, { json: { num: 2 }, ...admin })).body.message).toContain('already had 2 worker(s)')
    const [worker] = (await farm.get(path, anna)).result
    expect((await farm.get(`${path}/${worker.id}`, anna)).result.id).toBe(worker.id)
    expect((await farm.send('DELETE', `${path}/${worker.id}`, anna)).body.message).toBe('Worker scheduled to be stopped.')
    expect((await farm.get(path, anna)).result).toHaveLength(1)
    expect((await farm.get(`${path}/${worker.id}`, anna)).status).toBe(404)
    for (const num of ['x', 0, -1, 1e9]) expect((await farm.send('POST', path, { json: { num }, ...admin })).status).toBe(400)
  })

  it('of a stateless actor run as many messages at once as an administrator asks for', async () => {
    const id = await farm.readyActor({ maxWorkers: 1 }, privileged)
    for (const text of ['one', 'two', 'three']) await farm.message(id, text, privileged)
    const first = await farm.take()
    expect((await farm.theWorker.take(5, 0)).assignments).toEqual([])
    await farm.send('POST', `/actors/${id}/workers`, { json: { num: 2 }, ...admin })
    const second = await farm.take()
    expect((await farm.theWorker.take(5, 0)).assignments).toEqual([])
    expect((await farm.get(`/actors/${id}/workers`, privileged)).result).toHaveLength(2)
    await farm.theWorker.finish(first)
    await farm.theWorker.finish(second)
    await farm.theWorker.finish(await farm.take())
  })
})

describe('configs', () => {
  it('reach the executions of the actors they name, decrypted there and nowhere else', async () => {
    const id = await farm.readyActor({}, anna)
    await farm.send('POST', '/actors/aliases', { json: { alias: 'configured', actorId: id }, ...anna })
    const plain = await farm.send('POST', '/actors/configs', {
      json: { name: 'plain', value: 'seen', isSecret: false, actors: 'configured' },
      ...anna,
    })
    expect(plain.result).toEqual({ name: 'plain', value: 'seen', isSecret: false, actors: 'configured' })
    const secret = await farm.send('POST', '/actors/configs', {
      json: { name: 'pass', value: 'hidden', isSecret: true, actors: `${id},configured` },
      ...anna,
    })
    expect(secret.text).not.toContain('hidden')
    expect(
      (await farm.send('POST', '/actors/configs', { json: { name: 'pass', value: 'x', isSecret: true, actors: id }, ...anna })).status,
    ).toBe(400)
    expect(
      (await farm.send('POST', '/actors/configs', { json: { name: 'more', value: 'x', isSecret: true, actors: 'nothing' }, ...anna }))
        .status,
    ).toBe(404)
    for (const json of [{ name: 'a b' }, { name: 'utilization' }, { value: {} }, { isSecret: 'x' }, { actors: '' }]) {
      const whole = { name: 'fine', value: 'x', isSecret: false, actors: id, ...json }
      expect((await farm.send('POST', '/actors/configs', { json: whole, ...anna })).status).toBeGreaterThanOrEqual(400)
    }
    expect((await farm.send('PUT', '/actors/configs/pass', { json: { value: 'other' }, ...ben })).body.message).toContain(
      'do not have access',
    )
    expect((await farm.send('PUT', '/actors/configs/pass', { json: { value: 'newer' }, ...anna })).status).toBe(200)
    await farm.message(id, 'x', anna)
    const assignment = await farm.take()
    expect(ActorsFarm.env(assignment)['_actor_configs']).toBe("{'plain': 'seen', 'pass': 'newer'}")
    await farm.theWorker.finish(assignment)
    expect((await farm.send('DELETE', '/actors/configs/plain', anna)).status).toBe(200)
    expect((await farm.get('/actors/configs/plain', anna)).status).toBe(404)
  })
})

describe('events', () => {
  it('reach the linked actor, and a webhook to a mailbox of this manager from inside', async () => {
    const listener = await farm.readyActor({}, anna)
    const nonce = (await farm.send('POST', `/actors/${listener}/nonces`, anna)).result.id
    const speaker = await farm.readyActor(
      { link: listener, webhook: `${farm.farm.url}/actors/v2/${listener}/messages?x-nonce=${nonce}` },
      anna,
    )
    const texts = [ActorsFarm.env(await farm.take()), ActorsFarm.env(await farm.take())].map((env) => String(env['MSG']))
    for (const text of texts) {
      expect(text).toContain("'event_type': 'ACTOR_READY'")
      expect(text).toContain(`'actor_id': '${speaker}'`)
    }
    expect(texts.some((text) => text.includes('_abaco_Content_Type'))).toBe(true)
  })
})

describe('search', () => {
  it('finds by every operator, counts all and shows a page', async () => {
    const user = as('searcher', 'Internal/abaco-privileged', 'SEARCH')
    const ids: string[] = []
    for (const json of [
      { name: 'one', description: 'red apple', maxWorkers: 1 },
      { name: 'two', description: 'green apple', stateless: false },
      { name: 'three', description: 'blue sky', maxWorkers: 3 },
    ]) {
      ids.push(await farm.actor(json, user))
      await farm.pulled()
    }
    await until(
      async () => (await farm.get('/actors', user)).result.every((actor: { status: string }) => actor.status === 'READY'),
      'all ready',
    )
    const names = async (query: string) => {
      const reply = await farm.get(`/actors/search/actors?${query}`, user)
      expect(reply.status, reply.text).toBe(200)
      return reply.result.search.map((actor: { name: string }) => actor.name)
    }
    expect(await names('')).toEqual(['one', 'two', 'three'])
    expect(await names('name=one')).toEqual(['one'])
    expect(await names('name.neq=one')).toEqual(['two', 'three'])
    expect(await names('maxWorkers.gte=1')).toEqual(['one', 'three'])
    expect(await names('maxWorkers.between=2,9')).toEqual(['three'])
    expect(await names('maxWorkers=none')).toEqual(['two'])
    expect(await names('stateless=False')).toEqual(['two'])
    expect(await names("name.in=['one','three']")).toEqual(['one', 'three'])
    expect(await names('name.nin=["one","three"]')).toEqual(['two'])
    expect(await names('description.like=app.e$')).toEqual(['one', 'two'])
    expect(await names('description.nlike=apple')).toEqual(['three'])
    expect(await names('exactsearch=red apple')).toEqual(['one'])
    expect((await names('search=sky'))[0]).toBe('three')
    expect(await names('createTime.gt=2000')).toHaveLength(3)
    expect(await names('createTime.lt=2000-05:00')).toEqual([])
    expect(await names('create_time.between=2000-01-01,2100-01-01T10:00:00Z')).toHaveLength(3)
    expect(await names(`q=${encodeURIComponent('{"$or": [{"name": "one"}, {"maxWorkers": {"$gt": 2}}]}')}`)).toEqual(['one', 'three'])
    expect(await names(`q=${encodeURIComponent('{"name": {"$regex": "^T", "$options": "i"}}')}`)).toEqual(['two', 'three'])
    const page = (await farm.get('/actors/search/Actors?limit=1&skip=1', user)).result
    expect(page).toMatchObject({
      _metadata: { totalCount: 3, recordsSkipped: 1, recordLimit: 1, countReturned: 1 },
      search: [{ name: 'two', gid: null }],
    })
    expect(page.search[0]).not.toHaveProperty('tenant')
    for (const query of [
      'limit=x',
      'skip=-1',
      'name.in=x',
      'maxWorkers.between=1',
      'name.like=(',
      'q=x',
      'q={"$where":"1"}',
      'name.like=(a%2B)%2B%5C1',
    ]) {
      expect((await farm.get(`/actors/search/actors?${query}`, user)).status, query).toBe(400)
    }
    expect((await farm.get('/actors/search/nothing', user)).status).toBe(400)

    const [actor = ''] = ids
    const done = await farm.message(actor, 'x', user)
    const assignment = await farm.take()
    await farm.theWorker.log(assignment, 'needle in the log')
    await farm.theWorker.finish(assignment)
    await farm.message(actor, 'y', user)
    const executions = async (query: string, path = '/actors/search/executions') =>
      (await farm.get(`${path}?${query}`, user)).result.search.map((execution: { id: string }) => execution.id)
    expect(await executions('status=COMPLETE')).toEqual([done])
    expect(await executions(`id=${done}`)).toEqual([done])
    expect(await executions('finalState.StartedAt.gt=2000')).toEqual([done])
    expect(await executions('executor.like=search&status.in=["COMPLETE","ERROR"]')).toEqual([done])
    expect(await executions('startTime.gte=2000-01-01')).toEqual([done])
    expect(await executions(`actorId=${actor}`)).toHaveLength(2)
    expect(await executions('status=COMPLETE', `/actors/${actor}/executions`)).toEqual([done])
    expect((await farm.get('/actors/search/workers?status=READY', user)).result.search[0]).toMatchObject({ actorId: expect.any(String) })
    expect((await farm.get('/actors/search/logs?logs.like=needle', user)).result.search).toMatchObject([{ logs: 'needle in the log' }])
    const list = (await farm.get(`/actors/${actor}/executions?limit=1&offset=1`, user)).result
    expect(list).toMatchObject({ totalExecutions: 2, _metadata: { totalCount: 2, countReturned: 1 }, ids: [expect.any(String)] })
    expect((await farm.get('/actors?limit=2&offset=1', user)).result.map((each: { name: string }) => each.name)).toEqual(['two', 'three'])
    const left = await farm.take()
    await farm.theWorker.finish(left)
  })
})

describe('administration', () => {
  it('is for administrators', async () => {
    for (const path of ['/actors/admin', '/actors/admin/workers', '/actors/admin/executions']) {
      expect((await farm.get(path, anna)).body.message).toContain('Abaco Admin role required.')
      expect((await farm.get(path, admin)).status).toBe(200)
    }
    expect((await farm.get('/actors/utilization', anna)).result).toMatchObject({
      currentActors: expect.any(Number),
      totalActors: expect.any(Number),
    })
  })
})
