/** The TLS listener: the same API over TLS, with a certificate of the manager's own or of the owner's. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { constraintFor } from '../../../src/main/security/tls/farmNames.ts'
import { issueAuthority, issueServer, type IssuedPair } from '../../../src/main/security/tls/issue.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

const TLS = { host: '127.0.0.1', port: 0 }

let farm: LiveManager
let ca: string
beforeAll(async () => {
  farm = await LiveManager.start({ tls: TLS })
  ca = await readFile(join(farm.folder, 'data', 'tls', 'authority', 'certificate.pem'), 'utf8')
})
afterAll(() => farm.stop())

const door = () => {
  const { tls } = farm.manager
  if (!tls) throw new Error('there is no TLS listener')
  return tls
}

interface Answer {
  status: number
  headers: NodeJS.Dict<string | string[]>
  body: string
}

function send(method: string, path: string, headers: Record<string, string> = {}, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(door().url + path, { method, ca, headers, servername: 'localhost', agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

describe('the TLS listener', () => {
  it('serves the API only to clients that know its certificate', async () => {
    expect(await send('GET', '/api/v1/version')).toMatchObject({ status: 200 })
    await expect(fetch(`${door().url}/api/v1/version`)).rejects.toThrow()
  })

  it('guards Host, Origin and tokens as the plain one does', async () => {
    expect((await send('GET', '/api/v1/version', { Host: 'evil.example' })).status).toBe(403)
    expect((await send('POST', '/api/v1/jobs', { Origin: 'https://evil.example', 'Content-Type': 'application/json' }, '{}')).status).toBe(
      403,
    )
    expect((await send('GET', '/api/v1/jobs', { Authorization: 'Bearer fht_wrong' })).status).toBe(401)
  })

  it('opens WebSockets, and answers offers of other protocols as if they were not made', async () => {
    const socket = new WebSocket(`${door().url.replace('https', 'wss')}/api/v1/events`, { ca })
    const seen: string[] = []
    socket.on('message', (data) => seen.push(String(data)))
    await until(() => seen.some((text) => text.includes('hello')), 'hello')
    socket.close()
    const offer = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' }
    expect((await send('GET', '/api/v1/version', offer)).status).toBe(200)
  })

  it('keeps the session of a browser in a cookie that goes through this door only', async () => {
    const { body } = await farm.call('POST', '/tokens', { body: { name: 'browser', kind: 'token', role: 'viewer', scopes: ['read'] } })
    const input = JSON.stringify({ token: body.secret })
    const reply = await send('POST', '/api/v1/session', { 'Content-Type': 'application/json' }, input)
    expect(reply.status).toBe(200)
    const [cookie = ''] = reply.headers['set-cookie'] ?? []
    expect(cookie).toMatch(/^__Host-framehouse_session=fht_\S+; Path=\/; HttpOnly; Secure; SameSite=Strict; Max-Age=\d+$/)
    const [pair = ''] = cookie.split(';')
    const whoami = async (answer: Promise<Answer>) => (JSON.parse((await answer).body) as { actor: string }).actor
    expect(await whoami(send('GET', '/api/v1/whoami', { Cookie: pair }))).toBe('token:browser')
    // Through the plain door it counts for nothing: there, this caller is the owner at the machine.
    expect((await farm.get('/whoami', { headers: { Cookie: pair } })).body.actor).toBe('local')
    expect((await farm.call('POST', '/session', { body: { token: body.secret } })).headers.get('set-cookie')).toMatch(
      /^framehouse_session=/,
    )
  })

  it('tells broken HTTP what it tells at the plain door, and survives broken TLS', async () => {
    const socket: TLSSocket = connect({ port: door().port, host: '127.0.0.1', ca })
    await once(socket, 'secureConnect')
    socket.write('no HTTP\r\n\r\n')
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    await once(socket, 'close')
    expect(text).toMatch(/^HTTP\/1\.1 400 /)
    await expect(fetch(`http://127.0.0.1:${door().port}/`)).rejects.toThrow()
    expect((await send('GET', '/api/v1/version')).status).toBe(200)
  })

  it('closes with the manager, even while clients listen', async () => {
    const other = await LiveManager.start({ tls: TLS })
    const cert = await readFile(join(other.folder, 'data', 'tls', 'authority', 'certificate.pem'), 'utf8')
    const socket = new WebSocket(`${other.manager.tls?.url.replace('https', 'wss')}/api/v1/events`, { ca: cert })
    await once(socket, 'message')
    const closed = once(socket, 'close')
    await other.stop()
    await closed
  })
})

describe('the certificate', () => {
  let folder = ''
  const emptyFolder = async () => (folder = await mkdtemp(join(tmpdir(), 'framehouse-certificate-')))
  afterEach(async () => {
    if (folder !== '') await rm(folder, { recursive: true, force: true })
    folder = ''
  })
  const NOW = Date.UTC(2030, 0, 1)

  const someCertificate = async (): Promise<IssuedPair> =>
    issueServer(await issueAuthority('studio', constraintFor([]), NOW), ['localhost'], NOW)

  it("of the owner's is taken as it is", async () => {
    await emptyFolder()
    const { cert, key } = await someCertificate()
    const files = { certFile: join(folder, 'mine.crt'), keyFile: join(folder, 'mine.key') }
    await writeFile(files.certFile, cert)
    await writeFile(files.keyFile, key)
    const fingerprint = new X509Certificate(cert).fingerprint256
    const other = await LiveManager.start({ tls: { ...TLS, files } })
    expect(other.manager.tls?.fingerprint).toBe(fingerprint)
    await other.stop()
  })

  it.each([
    ['is not there', (): Promise<void> => Promise.resolve(), /mine\.crt does not exist/],
    ['is no certificate', () => writeFile(join(folder, 'mine.crt'), 'nonsense'), /mine\.crt contains no usable PEM/],
    [
      'has another key',
      async () => {
        await writeFile(join(folder, 'mine.crt'), (await someCertificate()).cert)
      },
      /mine\.key is not the key of the certificate in .*mine\.crt/,
    ],
  ])('that %s keeps the manager from starting', async (_what, prepare, problem) => {
    await emptyFolder()
    const { key } = await someCertificate()
    await writeFile(join(folder, 'mine.key'), key)
    await prepare()
    const files = { certFile: join(folder, 'mine.crt'), keyFile: join(folder, 'mine.key') }
    await expect(LiveManager.start({ tls: { ...TLS, files } })).rejects.toThrow(problem)
  })

  it('does not help where the port is taken: the manager does not start, and lets go of all it had', async () => {
    await emptyFolder()
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const config = { dataDir: folder, tls: { ...TLS, port } }
    await expect(LiveManager.start(config)).rejects.toMatchObject({ code: 'EADDRINUSE', port })
    taken.close()
    await once(taken, 'close')
    const second = await LiveManager.start(config)
    expect(second.manager.tls?.port).toBe(port)
    await second.stop()
  })
})
