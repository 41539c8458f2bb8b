/**
 * Requests that are refused while their bodies are still being sent. Clients that read nothing before they have sent
 * everything get the reply all the same; no client keeps a connection by sending a byte now and then.
 */
import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { drainRefused, limitBodyTime } from '../../../src/main/http/hooks/unread.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

/** More than the buffers of both ends of a connection hold. */
const LARGE = 16_000_000
const HASH = createHash('sha256').update('abc').digest('hex')

let farm: LiveManager
beforeAll(async () => {
  farm = await LiveManager.start()
})
afterAll(async () => {
  expect(farm.errors).toEqual([])
  await farm.stop()
})

interface Sent {
  /** Everything that came back. */
  text: string
  /** All of the body was taken from us. */
  whole: boolean
}

/** Sends a request with a large body and reads nothing before it is sent, as simple clients do. */
function sendAll(method: string, path: string, headers: Record<string, string>, chunked = false): Promise<Sent> {
  const { port, host } = new URL(farm.url)
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1')
    let text = ''
    let whole = false
    socket.on('close', () => resolve({ text, whole }))
    socket.on('error', () => undefined)
    const lines = Object.entries({
      Host: host,
      ...(chunked ? { 'Transfer-Encoding': 'chunked' } : { 'Content-Length': String(LARGE) }),
      ...headers,
    }).map(([name, value]) => `${name}: ${value}`)
    socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    const body = Buffer.alloc(LARGE, 0x78)
    socket.write(
      chunked ? Buffer.concat([Buffer.from(`${LARGE.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')]) : body,
      (error) => {
        whole = !error
        socket.on('data', (chunk) => {
          text += chunk.toString()
          // A caller that asked for the end of the connection waits for it.
          if (headers['Connection'] === undefined && text.includes('\r\n\r\n')) socket.end()
        })
      },
    )
  })
}

const octets = { 'Content-Type': 'application/octet-stream' }
const json = { 'Content-Type': 'application/json' }

describe('a refusal reaches a client that sends everything first', () => {
  it.each<[string, string, string, Record<string, string>, number]>([
    ['a body over the limit', 'POST', '/api/v1/tags', json, 413],
    ['a body over the limit of a dialect', 'POST', '/api/v3/worker-mgt/tags', json, 413],
    ['a body over the limit of another', 'POST', '/tasks/x/', json, 413],
    ['more bytes than announced', 'POST', `/api/v3/shaman/files/${HASH}/4`, octets, 417],
    ['another content than announced', 'POST', `/api/v3/shaman/files/${HASH}/${LARGE}`, octets, 417],
    ['an upload without a usable name', 'POST', '/api/v1/uploads?name=..', octets, 400],
    ['another content type', 'POST', '/api/v1/uploads?name=x', { 'Content-Type': 'image/png' }, 415],
    ['a foreign page', 'POST', '/api/v1/tags', { ...json, Origin: 'http://evil.example' }, 403],
    ['no such place', 'POST', '/api/v3/nothing', octets, 404],
    ['an unknown worker', 'PUT', `/api/v1/agent/requests/${'f'.repeat(8)}-ffff-4fff-8fff-${'f'.repeat(12)}/preview`, octets, 401],
  ])('%s: %s %s', async (_what, method, path, headers, status) => {
    const variants: Record<string, string>[] = [{}, { Connection: 'close' }]
    for (const more of variants) {
      const sent = await sendAll(method, path, { ...headers, ...more })
      expect(sent.whole, JSON.stringify(more)).toBe(true)
      expect(sent.text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    }
    expect((await sendAll(method, path, headers, true)).text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
  })

  it('and the connection is good for the next request', async () => {
    for (let round = 0; round < 3; round++) {
      const reply = await farm.call('POST', '/tags', { raw: Buffer.alloc(LARGE, 0x78), headers: { 'content-type': 'application/json' } })
      expect(reply.status).toBe(413)
      expect((await farm.get('/version')).status).toBe(200)
    }
  })
})

describe('an upload that breaks off', () => {
  const temporary = async () =>
    (await readdir(join(farm.folder, 'data', 'storage', 'file-store'), { recursive: true }).catch(() => [])).filter((name) =>
      name.endsWith('.tmp'),
    )

  it.each([
    ['by its connection', 'Content-Length: 1000\r\n\r\n' + 'x'.repeat(500)],
    ['within a chunk', 'Transfer-Encoding: chunked\r\n\r\n1f4\r\nxxx'],
    ['by something that is no chunk', 'Transfer-Encoding: chunked\r\n\r\n3\r\nxxx\r\nQQ\r\n'],
  ])('%s leaves no file', async (_what, rest) => {
    const { port, host } = new URL(farm.url)
    for (const path of [`/api/v3/shaman/files/${HASH}/1000`, '/api/v1/uploads?name=x.bin']) {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(`POST ${path} HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/octet-stream\r\n${rest}`)
      await Promise.race([
        until(async () => (await temporary()).length > 0, 'the upload'),
        new Promise((resolve) => socket.once('data', resolve)),
      ])
      socket.destroy()
      await until(async () => (await temporary()).length === 0, 'its end')
    }
    expect((await farm.call('GET', `/api/v3/shaman/files/${HASH}/1000`)).body).toEqual({ status: 'unknown' })
  })
})

it('a refused request that the manager sends to itself, as a webhook to its own mailbox, has no connection to look after', async () => {
  const app = fastify({ bodyLimit: 1_000 })
  drainRefused(app, 1)
  app.addHook('onRequest', (request, _reply, done) => {
    limitBodyTime(request.raw, 1)
    done()
  })
  app.post('/', () => 'taken')
  for (const connection of ['keep-alive', 'close']) {
    const headers = { connection, 'content-type': 'application/json' }
    const reply = await app.inject({ method: 'POST', url: '/', headers, payload: JSON.stringify('x'.repeat(100_000)) })
    expect(reply.statusCode).toBe(413)
  }
  // What the hooks left for later has happened: an error then would end the manager.
  await new Promise((resolve) => setTimeout(resolve, 20))
  await app.close()
})

it('a body that dribbles in ends with its connection, one that comes does not', async () => {
  const server = createServer((request, response) => {
    limitBodyTime(request, 150)
    request.resume().on('end', () => setTimeout(() => response.end('whole'), 400))
    request.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const send = (body: string) =>
    new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      let text = ''
      socket.on('error', () => undefined)
      socket.on('data', (chunk) => (text += chunk.toString()))
      socket.on('close', () => resolve(text))
      socket.write(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n${body}`)
    })
  expect(await send('abc')).toBe('')
  expect(await send('abcd')).toContain('whole')
  server.close()
})
