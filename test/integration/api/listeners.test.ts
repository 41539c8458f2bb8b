/** Listeners that come and go while the manager runs. */
import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Listener } from '../../../src/shared/schemas/listeners.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

let farm: LiveManager
beforeEach(async () => {
  farm = await LiveManager.start()
})
afterEach(() => farm.stop())

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  // A listening TCP server's address is an object.
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

const change = (listeners: Listener[]) => farm.call('PUT', '/listeners', { body: { listeners } })
const plain = (port: number, more: Partial<Listener> = {}): Listener => ({ address: '127.0.0.2', port, tls: false, dialects: [], ...more })
const status = (url: string) =>
  fetch(url).then(
    (reply) => reply.status,
    () => 'closed',
  )
const encrypted = (port: number, ca: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const options = { ca, agent: false, host: '127.0.0.1', port, path: '/api/v1/version', servername: 'localhost' }
    httpsRequest(options, (reply) => {
      reply.resume()
      resolve(reply.statusCode)
    })
      .on('error', reject)
      .end()
  })

describe('the listeners', () => {
  it('open and close while the manager runs, and come back after a restart', async () => {
    const port = await freePort()
    expect((await change([plain(port)])).status).toBe(200)
    expect(await status(`http://127.0.0.2:${port}/api/v1/version`)).toBe(200)
    farm = await farm.restart()
    expect(await status(`http://127.0.0.2:${port}/api/v1/version`)).toBe(200)
    await change([])
    expect(await status(`http://127.0.0.2:${port}/api/v1/version`)).toBe('closed')
    expect(await status(`${farm.url}/api/v1/version`)).toBe(200)
  })

  it("are encrypted with a certificate of the farm's authority", async () => {
    const port = await freePort()
    const { body } = await change([{ address: '*', port, tls: true, dialects: [] }])
    const { certificate, fingerprint } = (await farm.get('/agent/authority')).body as { certificate: string; fingerprint: string }
    expect(await encrypted(port, certificate)).toBe(200)
    expect(body.fingerprint).toBe(fingerprint)
    expect(body.items[1]).toMatchObject({ address: '*', port, tls: true, onNetwork: true, problem: '', source: 'settings' })
    expect(body.items[0]).toMatchObject({ address: '127.0.0.1', onNetwork: false, source: 'command-line' })
    expect(body.firewall[0].command).toContain(`${port}/tcp`)
  })

  it('serve the APIs that they name, and no others', async () => {
    const port = await freePort()
    await change([plain(port, { dialects: ['flamenco'] })])
    expect(await status(`http://127.0.0.2:${port}/api/v3/version`)).toBe(200)
    expect(await status(`http://127.0.0.2:${port}/k/fhk_x/api/v3/version`)).toBe(200)
    expect(await status(`http://127.0.0.2:${port}/api/v1/version`)).toBe(404)
    expect(await status(`http://127.0.0.2:${port}/k/fhk_x/api/v1/version`)).toBe(404)
    expect(await status(`http://127.0.0.2:${port}/app/`)).toBe(404)
    const socket = new WebSocket(`ws://127.0.0.2:${port}/api/v1/events`)
    const [error] = (await once(socket, 'error')) as [Error]
    expect(error.message).toContain('404')
  })

  it('make room for a wider one at the same port, cut no client off for it, and come back', async () => {
    const { port } = new URL(farm.url)
    const socket = new WebSocket(`${farm.url.replace('http', 'ws')}/api/v1/events`)
    await once(socket, 'message')
    expect((await change([{ address: '*', port: Number(port), tls: false, dialects: [] }])).status).toBe(200)
    expect(await status(`http://127.0.0.2:${port}/api/v1/version`)).toBe(200)
    expect(await status(`${farm.url}/api/v1/version`)).toBe(200)
    expect(socket.readyState).toBe(WebSocket.OPEN)
    await change([])
    expect(await status(`http://127.0.0.2:${port}/api/v1/version`)).toBe('closed')
    expect(await status(`${farm.url}/api/v1/version`)).toBe(200)
    socket.close()
  })

  it('that are wider and serve less leave the narrower one all that it served', async () => {
    const { port } = new URL(farm.url)
    const reply = await change([{ address: '*', port: Number(port), tls: false, dialects: ['flamenco'] }])
    expect(reply.status).toBe(200)
    expect(await status(`http://127.0.0.2:${port}/api/v3/version`)).toBe(200)
    expect(await status(`http://127.0.0.2:${port}/api/v1/version`)).toBe(404)
    expect(await status(`${farm.url}/api/v1/version`)).toBe(200)
  })

  it('that close end what is connected through them', async () => {
    const port = await freePort()
    await change([plain(port)])
    const socket = new WebSocket(`ws://127.0.0.2:${port}/api/v1/events`)
    await once(socket, 'message')
    const closed = once(socket, 'close')
    await change([])
    await closed
  })

  it('change as a whole or not at all', async () => {
    const taken = createServer().listen(0, '127.0.0.2')
    await once(taken, 'listening')
    const { port: takenPort } = taken.address() as AddressInfo
    const [first, second] = [await freePort(), await freePort()]
    await change([plain(first)])
    const refused = await change([plain(second), plain(takenPort)])
    expect(refused).toMatchObject({ status: 400, body: { field: '/listeners/1' } })
    expect(refused.body.message).toContain('EADDRINUSE')
    await until(async () => (await status(`http://127.0.0.2:${second}/api/v1/version`)) === 'closed', 'the new one is closed again')
    expect(await status(`http://127.0.0.2:${first}/api/v1/version`)).toBe(200)
    taken.close()
  })

  it.each([
    ['an address that is none', [plain(8080, { address: 'http://x' })], '/listeners/0/address'],
    ['an API that is not there', [plain(8080, { dialects: ['gopher'] })], '/listeners/0/dialects'],
    ['a port that is none', [plain(0)], '/listeners/0/port'],
    ['the same twice', [plain(8080), plain(8080, { tls: true })], '/listeners/1'],
    ["another machine's address", [plain(8080, { address: '192.0.2.1' })], '/listeners/0'],
  ])('refuse %s, and say which', async (_what, listeners, field) => {
    const reply = await change(listeners)
    expect(reply).toMatchObject({ status: 400, body: { field } })
    expect((await farm.get('/listeners')).body.items).toHaveLength(1)
  })
})
