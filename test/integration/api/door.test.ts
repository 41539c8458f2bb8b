import { hostname } from 'node:os'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rawRequest, request } from '../../support/rawHttp.ts'
import { openTestServer, type TestServer } from '../../support/testServer.ts'

let server: TestServer
beforeAll(async () => {
  server = await openTestServer({
    extend: (app) => {
      app.post('/change', { config: { access: 'admin' } }, () => ({ changed: true }))
      app.post('/echo', { config: { access: 'admin' } }, ({ body }) => body)
      app.get('/read', { config: { access: 'read' } }, () => ({ read: true }))
    },
  })
})
afterAll(() => server.close())

const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
}
const send = (method: string, path: string, headers: Record<string, string> = {}) => rawRequest(server.port, request(method, path, headers))

describe('Host', () => {
  it.each([
    ['127.0.0.1', 200],
    ['127.0.0.1:9999', 200],
    ['127.8.8.8', 200],
    ['localhost', 200],
    ['LOCALHOST:8080', 200],
    ['farm.localhost', 200],
    ['[::1]:8080', 200],
    [hostname(), 200],
    [`${hostname().split('.')[0]}.local`, 200],
    ['evil.example', 403],
    ['evil.example:8080', 403],
    ['127.0.0.1.evil.example', 403],
    ['localhost.evil.example', 403],
    ['203.0.113.77', 403],
    ['127.0.0.1@evil.example', 403],
    ['', 403],
  ])('%s → %i', async (host, status) => {
    const reply = await send('GET', '/read', { Host: host })
    expect(reply.status).toBe(status)
    if (status === 403) expect(JSON.parse(reply.body)).toMatchObject({ status: 403, code: 'not-allowed' })
  })

  it('a request without Host is refused', async () => {
    expect((await rawRequest(server.port, 'GET /read HTTP/1.1\r\n\r\n')).status).toBe(400)
    expect((await rawRequest(server.port, 'GET /read HTTP/1.0\r\n\r\n')).status).toBe(403)
  })

  it('a name that the settings allow is accepted, as soon as they do', async () => {
    expect((await send('GET', '/read', { Host: 'farm.studio.example' })).status).toBe(403)
    await server.context.settings.update({ allowedHosts: ['Farm.Studio.example'] })
    expect((await send('GET', '/read', { Host: 'farm.studio.example:8080' })).status).toBe(200)
    await server.context.settings.update({ allowedHosts: [] })
    expect((await send('GET', '/read', { Host: 'farm.studio.example:8080' })).status).toBe(403)
  })

  it.each(['/', '/app/', '/docs', '/nothing', '/api/v1/version', '/api/v1/openapi.json', '/k/key/read'])(
    '%s is guarded too',
    async (path) => {
      expect((await send('GET', path, { Host: 'evil.example' })).status).toBe(403)
    },
  )

  it('an upgrade under a foreign name is refused', async () => {
    expect((await send('GET', '/api/v1/events', { ...upgrade, Host: 'evil.example' })).status).toBe(403)
  })
})

describe('Origin', () => {
  it.each([
    ['POST', '/change', undefined, 200],
    ['POST', '/change', 'http://127.0.0.1', 200],
    ['POST', '/change', 'https://127.0.0.1', 200],
    ['POST', '/change', 'http://127.0.0.1:1234', 403],
    ['POST', '/change', 'http://evil.example', 403],
    ['POST', '/change', 'null', 403],
    ['POST', '/change', 'file://', 403],
    ['POST', '/change', 'ftp://127.0.0.1', 403],
    ['PUT', '/nothing', 'http://evil.example', 403],
    ['DELETE', '/api/v1/session', 'http://evil.example', 403],
    ['GET', '/api/v1/version', 'http://evil.example', 200],
  ])('%s %s from %s → %i', async (method, path, origin, status) => {
    const reply = await send(method, path, origin === undefined ? {} : { Origin: origin })
    expect(reply.status).toBe(status)
  })

  it('no reply ever names an allowed origin', async () => {
    for (const [method, path] of [
      ['GET', '/api/v1/version'],
      ['OPTIONS', '/change'],
      ['POST', '/change'],
    ] as const) {
      const { headers } = await send(method, path, { Origin: 'http://evil.example', 'Access-Control-Request-Method': 'POST' })
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })

  it('a change that a browser says comes from another site is refused even without Origin', async () => {
    expect((await send('POST', '/change', { 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403)
    expect((await send('POST', '/change', { 'Sec-Fetch-Site': 'same-origin' })).status).toBe(200)
  })

  it.each([
    [undefined, 101],
    ['http://127.0.0.1', 101],
    ['http://evil.example', 403],
    ['null', 403],
  ])('a WebSocket from %s → %i', async (origin, status) => {
    const reply = await send('GET', '/api/v1/events', { ...upgrade, ...(origin === undefined ? {} : { Origin: origin }) })
    expect(reply.status).toBe(status)
  })
})

describe('an upgrade', () => {
  it('without rights is refused where loopback is not trusted; with a ticket or a token it is not', async () => {
    const strict = await openTestServer({ trustLoopback: false })
    const open = (headers: Record<string, string>, query = '') =>
      rawRequest(strict.port, request('GET', `/api/v1/events${query}`, { ...upgrade, ...headers }))
    expect((await open({})).status).toBe(401)
    expect((await open({}, '?ticket=forged')).status).toBe(401)
    const { ticket } = strict.security.tickets.issue('events', {
      id: 'local',
      token: null,
      actor: 'user:anna',
      role: 'viewer',
      scopes: new Set(['read']),
      via: 'login',
    })
    expect((await open({}, `?ticket=${ticket}`)).status).toBe(101)
    expect((await open({}, `?ticket=${ticket}`)).status).toBe(401)
    const { text } = await strict.security.accounts.createToken({
      kind: 'token',
      name: 't',
      role: 'viewer',
      scopes: ['read'],
      createdBy: 'local',
    })
    expect((await open({ Authorization: `Bearer ${text}` })).status).toBe(101)
    expect((await open({ Cookie: `framehouse_session=${text}` })).status).toBe(101)
    await strict.close()
  })

  it('to a WebSocket where there is none is refused', async () => {
    expect((await send('GET', '/read', upgrade)).status).toBe(400)
    expect((await send('GET', '/nothing', upgrade)).status).toBe(404)
  })

  it('to something else than a WebSocket is answered as if it had not been offered, body and all', async () => {
    const offer = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAoAAAAAIAAAAA' }
    expect((await send('GET', '/read', offer)).status).toBe(200)
    expect((await send('GET', '/read', { ...offer, Host: 'evil.example' })).status).toBe(403)
    const posted = await rawRequest(server.port, request('POST', '/echo', { ...offer, 'Content-Type': 'application/json' }, '{"a":1}'))
    expect(JSON.parse(posted.body)).toEqual({ a: 1 })
  })
})

describe('broken HTTP', () => {
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['headers without end', `GET /read HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['an address that is no address', request('GET', '/%zz'), 400],
    ['two lengths', 'POST /change HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx', 400],
    [
      'a length and chunks',
      'POST /change HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['an unknown method', request('BREW', '/read'), 400],
  ])('%s → %i, in our form', async (_what, text, status) => {
    const reply = await rawRequest(server.port, text)
    expect(reply.status).toBe(status)
    expect(JSON.parse(reply.body)).toMatchObject({ status, code: expect.any(String), message: expect.any(String) })
  })
})

describe('what does not exist', () => {
  it('404 for an unknown address, 405 with Allow for another method', async () => {
    expect((await send('GET', '/api/v1/nothing')).status).toBe(404)
    const reply = await send('DELETE', '/api/v1/version')
    expect(reply.status).toBe(405)
    expect(reply.headers['allow']).toBe('GET, HEAD')
  })
})

describe('the GUI', () => {
  it('browsers are sent to it, and told how to build it where it is not', async () => {
    expect((await send('GET', '/')).headers['location']).toBe('/app/')
    const page = await send('GET', '/app/jobs/anything')
    expect(page.status).toBe(200)
    expect(page.body).toContain('npm run build')
    expect(page.headers['content-security-policy']).toContain("default-src 'self'")
    expect(page.headers['content-security-policy']).not.toContain("script-src 'self' 'unsafe")
  })
})
