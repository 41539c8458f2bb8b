import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { openGateway, type Gateway } from '../../../src/main/desktop/farm/gateway.ts'
import { FarmLink } from '../../../src/main/desktop/farm/link/farmLink.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { resetUpgrades } from '../../support/resetUpgrades.ts'

describe('the door to a farm elsewhere', () => {
  let manager: Server
  let sockets: WebSocketServer
  let gateway: Gateway
  const asked: IncomingMessage[] = []
  const gui = mkdtempSync(join(tmpdir(), 'framehouse-gui-'))

  beforeAll(async () => {
    mkdirSync(join(gui, 'assets'))
    writeFileSync(join(gui, 'index.html'), '<title>gui</title>')
    writeFileSync(join(gui, 'assets', 'a.js'), 'let a')
    manager = createServer((request, response) => {
      asked.push(request)
      if (request.url === '/api/v1/breaks') {
        response.write('the beginning', () => response.destroy())
        return
      }
      let body = ''
      request.on('data', (part: Buffer) => (body += part.toString()))
      request.on('end', () =>
        response
          .writeHead(request.url?.includes('missing') ? 404 : 200, { 'content-type': 'application/json' })
          .end(JSON.stringify({ got: body })),
      )
    })
    sockets = new WebSocketServer({ server: manager })
    sockets.on('connection', (socket, request) => {
      asked.push(request)
      socket.on('message', (data: Buffer) => socket.send(`echo ${data.toString()}`))
    })
    await new Promise<void>((resolve) => manager.listen(0, '127.0.0.1', resolve))
    const link = new FarmLink({
      managerUrl: `http://127.0.0.1:${(manager.address() as AddressInfo).port}`,
      authority: '',
      onMoved: () => undefined,
      log: silentLogger,
    })
    gateway = await openGateway({ link, token: 'fh_secret', gui })
  })
  afterAll(async () => {
    await gateway.close()
    sockets.close()
    manager.close()
  })
  const cookie = () => `${gateway.cookie.name}=${gateway.cookie.value}`
  const enter = (path: string, options: RequestInit = {}) =>
    fetch(gateway.url + path, { ...options, headers: { cookie: cookie(), ...options.headers } })

  it('is closed without the cookie of the window', async () => {
    for (const path of ['/app/', '/api/v1/status']) expect((await fetch(gateway.url + path)).status).toBe(403)
    expect((await fetch(`${gateway.url}/app/`, { headers: { cookie: `${gateway.cookie.name}=${'0'.repeat(64)}` } })).status).toBe(403)
    expect(asked).toHaveLength(0)
  })
  it('serves the GUI of this program for every page, under a strict policy', async () => {
    const page = await enter('/app/jobs/some-id')
    expect(await page.text()).toBe('<title>gui</title>')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'")
    expect(await (await enter('/app/assets/a.js')).text()).toBe('let a')
  })
  it('does not serve files outside of the GUI', async () => {
    expect(await (await enter('/app/..%2f..%2f..%2fetc%2fpasswd')).text()).toBe('<title>gui</title>')
  })
  it('breaks off where the manager does', async () => {
    const reply = await enter('/api/v1/breaks')
    expect(reply.status).toBe(200)
    await expect(reply.text()).rejects.toThrow()
  })
  it('passes calls on with the token, without cookie and origin', async () => {
    const reply = await enter('/api/v1/jobs', {
      method: 'POST',
      body: '{"name":"x"}',
      headers: { origin: gateway.url, 'content-type': 'application/json' },
    })
    expect(await reply.json()).toEqual({ got: '{"name":"x"}' })
    const last = asked.at(-1)
    expect(last?.headers).toMatchObject({ authorization: 'Bearer fh_secret', 'content-type': 'application/json' })
    expect(last?.headers.cookie).toBeUndefined()
    expect(last?.headers.origin).toBeUndefined()
  })
  it('passes errors of the manager on', async () => expect((await enter('/api/v1/missing')).status).toBe(404))
  it('passes the WebSocket on, with the token', async () => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/api/v1/events`, { headers: { cookie: cookie() } })
    const heard = new Promise<string>((resolve) => socket.on('message', (data: Buffer) => resolve(data.toString())))
    socket.on('open', () => socket.send('hello'))
    expect(await heard).toBe('echo hello')
    expect(asked.at(-1)?.headers.authorization).toBe('Bearer fh_secret')
    socket.terminate()
  })
  it('refuses a WebSocket without the cookie', async () => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/api/v1/events`)
    const message = await new Promise<string>((resolve) => socket.on('error', (error) => resolve(error.message)))
    expect(message).toContain('403')
  })
  it('goes on when connections are reset that asked for a WebSocket', async () => {
    const port = Number(new URL(gateway.url).port)
    for (const [path, headers] of [
      ['/api/v1/events', ''],
      ['/api/v1/events', `Cookie: ${cookie()}\r\n`],
    ] as const)
      await resetUpgrades(port, path, { headers })
    expect((await enter('/api/v1/jobs')).status).toBe(200)
  })
  it('breaks off, and goes on, when a file of the GUI is taken away', async () => {
    rmSync(join(gui, 'index.html'))
    await expect(enter('/app/').then((reply) => reply.text())).rejects.toThrow()
    expect((await enter('/app/assets/a.js')).status).toBe(200)
    writeFileSync(join(gui, 'index.html'), '<title>gui</title>')
  })
})
