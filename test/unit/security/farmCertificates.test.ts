/** The farm's certificate authority: what it vouches for, how long, and what is kept of it. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SecretBox } from '../../../src/main/security/secretBox.ts'
import { FarmCertificates } from '../../../src/main/security/tls/farmCertificates.ts'
import { certifiableNames, constraintFor, isInRange } from '../../../src/main/security/tls/farmNames.ts'
import { issueAuthority, issueServer } from '../../../src/main/security/tls/issue.ts'
import { authorityOf, keyFingerprint } from '../../../src/main/system/farmTrust.ts'

const DAY = 86_400_000
let folder = ''
let now = Date.now()
let names: string[] = []
const secrets = new SecretBox(Buffer.alloc(32, 7))
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-authority-'))
  now = Date.now()
  names = ['studio-pc', '192.168.1.20', 'fd00::20']
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const open = (box = secrets) => FarmCertificates.open({ dataDir: folder, farmId: 'f1', secrets: box, names: () => names, now: () => now })
const fileOf = (name: string) => join(folder, 'tls', 'authority', name)
const certificateOf = async (farm: FarmCertificates) => new X509Certificate((await farm.server()).cert)

describe("the farm's authority", () => {
  it('is made once, with a key that lies encrypted', async () => {
    const first = await open()
    const again = await open()
    expect(again.fingerprint).toBe(first.fingerprint)
    expect(first.fingerprint).toBe(keyFingerprint(new X509Certificate(first.authorityPem)))
    expect(await readFile(fileOf('key.sealed'), 'utf8')).toMatch(/^sealed\$1\$/)
    expect((await stat(fileOf('key.sealed'))).mode & 0o777).toBe(0o600)
  })

  it('is never replaced where its key cannot be read, and says what to do', async () => {
    await open()
    await expect(open(new SecretBox(Buffer.alloc(32, 8)))).rejects.toThrow(/key\.sealed cannot be read with this data folder's secret\.key/)
    await rm(fileOf('key.sealed'))
    await expect(open()).rejects.toThrow(/key\.sealed does not exist/)
  })

  it('vouches for gateways of workers, and lets none pass for another server', async () => {
    const farm = await open()
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const key = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const certificate = new X509Certificate(await farm.gateway('actors.framehouse.local', key))
    expect(certificate.verify(new X509Certificate(farm.authorityPem).publicKey)).toBe(true)
    expect(certificate.publicKey.equals(publicKey)).toBe(true)
    expect(certificate.ca).toBe(false)
    expect(certificate.checkHost('abc.actors.framehouse.local')).toBeDefined()
    for (const name of ['localhost', 'studio-pc', 'framehouse.local', 'manager.local']) expect(certificate.checkHost(name)).toBeUndefined()
    for (const domain of [
      'local',
      'framehouse.local',
      'evil-framehouse.local',
      'studio-pc',
      'a.b',
      '*.framehouse.local',
      '.framehouse.local',
    ])
      await expect(farm.gateway(domain, key)).rejects.toThrow('is not below framehouse.local')
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' }).toString()
    for (const bad of ['', 'no key', rsa]) await expect(farm.gateway('actors.framehouse.local', bad)).rejects.toThrow('no ECDSA key')
  })

  it('vouches for a server for 397 days at most, and for no more than its names', async () => {
    const farm = await open()
    const certificate = await certificateOf(farm)
    expect(certificate.subjectAltName).toBe(
      'DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1, DNS:studio-pc, IP Address:192.168.1.20, IP Address:FD00:0:0:0:0:0:0:20',
    )
    expect(Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)).toBe(397 * DAY)
    expect(authorityOf(certificate, new X509Certificate(farm.authorityPem), now)).toBe(farm.fingerprint)
  })

  it('issues a new certificate when the addresses change and before the old one ends, else never', async () => {
    const farm = await open()
    const first = await farm.server()
    names = ['fd00::20', '192.168.1.20', 'studio-pc']
    expect(await farm.server()).toBe(first)
    expect((await (await open()).server()).cert).toBe(first.cert)
    names = ['studio-pc', '192.168.7.9']
    const moved = await certificateOf(farm)
    expect(moved.subjectAltName).toContain('192.168.7.9')
    expect(moved.subjectAltName).not.toContain('192.168.1.20')
    now += 300 * DAY
    const renewed = await certificateOf(farm)
    expect(Date.parse(renewed.validTo)).toBeGreaterThan(Date.parse(moved.validTo))
    expect(authorityOf(renewed, new X509Certificate(farm.authorityPem), now)).toBe(farm.fingerprint)
  })

  it('issues a new certificate in place of a damaged one', async () => {
    await (await open()).server()
    await writeFile(fileOf('server.pem'), 'nonsense')
    expect((await certificateOf(await open())).subjectAltName).toContain('studio-pc')
  })
})

describe('the constraints of the authority', () => {
  const attempt = async (name: string): Promise<string> => {
    const authority = await issueAuthority('f1', constraintFor(['studio-pc']), now)
    const { cert, key } = await issueServer(authority, [name], now)
    const server = createServer({ cert: cert + authority.cert, key }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, servername: 'localhost', checkServerIdentity: () => undefined })
    const outcome = await new Promise<string>((resolve) => {
      socket.once('secureConnect', () => resolve('accepted'))
      socket.once('error', (error) => resolve(error.message))
    })
    socket.destroy()
    server.close()
    return outcome
  }

  it.each(['studio-pc', 'farm.local', 'localhost', '10.1.2.3', '192.168.0.9', 'fd12::1'])(
    'let TLS clients accept it for %s',
    async (name) => {
      expect(await attempt(name)).toBe('accepted')
    },
  )

  it.each(['example.com', 'studio-pc.example.com', '8.8.8.8', '2001:db8::1'])('keep TLS clients from accepting it for %s', async (name) => {
    expect(await attempt(name)).toBe('permitted subtree violation')
  })
})

describe('the names of a certificate', () => {
  it('are those that the authority may vouch for', () => {
    const constraint = constraintFor(['Studio-PC', 'farm.studio.example', '192.168.1.2', 'büro', 'x.local'])
    expect(constraint.dns).toEqual(['localhost', 'local', 'studio-pc', 'farm.studio.example'])
    const wanted = [
      'studio-pc',
      'STUDIO-PC.local',
      'farm.studio.example',
      'other.example',
      '8.8.8.8',
      '172.16.0.1',
      '172.32.0.1',
      'fe80::1',
      'büro',
    ]
    expect(certifiableNames(wanted, constraint)).toEqual([
      'localhost',
      '127.0.0.1',
      '::1',
      'studio-pc',
      'studio-pc.local',
      'farm.studio.example',
      '172.16.0.1',
      'fe80::1',
    ])
  })

  it.each([
    ['10.255.0.1', '10.0.0.0/8', true],
    ['11.0.0.1', '10.0.0.0/8', false],
    ['172.31.255.255', '172.16.0.0/12', true],
    ['172.32.0.0', '172.16.0.0/12', false],
    ['fd00::1', 'fc00::/7', true],
    ['fe00::1', 'fc00::/7', false],
    ['::1', '::1/128', true],
    ['::2', '::1/128', false],
    ['10.0.0.1', 'fc00::/7', false],
  ])('%s in %s: %s', (address, range, expected) => {
    expect(isInRange(address, range)).toBe(expected)
  })
})
