/** Two farms and their workers on a local network of their own (test/support/lan.ts): found, joined, followed, and not confused. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { Connection } from '../../../src/main/store/connection.ts'
import type { CreatedJoinCode } from '../../../src/shared/schemas/joinCodes.ts'
import type { CliProcess } from '../../support/cliProcess.ts'
import { Lan, type LanHost } from '../../support/lan.ts'
import { requirePart } from '../../support/parts.ts'
import { ensureBuilt } from '../../support/program.ts'

const netns = requirePart('netns')
const PATIENCE = { timeout: 60_000, interval: 250 }

let lan: Lan
let folder = ''
beforeAll(() => {
  if (netns.found) ensureBuilt()
})

interface ShownFarm {
  farmId: string
  name: string
  authority: string
  urls: string[]
  latencyMs: number | null
  machine: string
  owner: string
}
interface ShownWorker {
  name: string
  status: string
  approved: boolean
  address: string
}

/** A manager that listens on loopback only, until listeners are added. */
async function startManager(host: LanHost, name: string): Promise<CliProcess> {
  const manager = host.start('manager', '--data', join(folder, name), '--trust-loopback')
  await expect.poll(() => manager.output, PATIENCE).toContain('http://127.0.0.1:8080')
  return manager
}

const setName = (host: LanHost, managerName: string) =>
  host.command(
    'curl',
    '-sf',
    '-XPATCH',
    '-Hcontent-type: application/json',
    `-d${JSON.stringify({ managerName })}`,
    'http://127.0.0.1:8080/api/v1/settings',
  )
const listen = (host: LanHost, ...more: string[]) => host.framehouse('listeners', 'add', ...more)
const farmsSeenBy = async (host: LanHost) => (await host.json<{ items: ShownFarm[] }>('farms')).items
const workersOf = (host: LanHost) => host.json<ShownWorker[]>('workers')
const awake = (host: LanHost, count: number) =>
  expect.poll(async () => (await workersOf(host)).filter(({ status }) => status === 'awake').length, PATIENCE).toBe(count)
const joinCode = (host: LanHost, ...more: string[]) => host.json<CreatedJoinCode>('join-code', 'create', ...more)
const startWorker = (host: LanHost, name: string, ...more: string[]) =>
  host.start('worker', '--data', join(folder, name), '--name', name, ...more)

netns.describe('a local network', { timeout: 240_000 }, () => {
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'framehouse-lan-'))
    lan = new Lan()
  })
  afterEach(async () => {
    await lan.stop()
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  })

  it('shows the farms that listen on it, with what they say of themselves, and no others', async () => {
    const [first, second, third, viewer] = [lan.host(1), lan.host(2), lan.host(3), lan.host(4)]
    await Promise.all([startManager(first, 'a'), startManager(second, 'b'), startManager(third, 'c')])
    await Promise.all([setName(first, 'Studio North'), setName(second, 'Studio South'), setName(third, 'Silent')])
    await Promise.all([listen(first, '*:8443'), listen(second, '*:8443')])
    const seen = await farmsSeenBy(viewer)
    expect(seen.map(({ name, urls }) => ({ name, urls }))).toEqual([
      { name: 'Studio North', urls: ['https://10.77.0.1:8443'] },
      { name: 'Studio South', urls: ['https://10.77.0.2:8443'] },
    ])
    const { fingerprint } = await first.json<{ fingerprint: string }>('listeners')
    expect(seen[0]).toMatchObject({ authority: fingerprint, latencyMs: expect.any(Number) as number })
    await second.command(
      'curl',
      '-sf',
      '-XPATCH',
      '-Hcontent-type: application/json',
      '-d{"autodiscoverable":false}',
      'http://127.0.0.1:8080/api/v1/settings',
    )
    expect((await farmsSeenBy(viewer)).map(({ name }) => name)).toEqual(['Studio North'])
  })

  it('lets workers join by code and by file without an address, each the farm of its code', async () => {
    const [first, second, one, two] = [lan.host(1), lan.host(2), lan.host(3), lan.host(4)]
    await Promise.all([startManager(first, 'a'), startManager(second, 'b')])
    await Promise.all([listen(first, '*:8443'), listen(second, '*:8443')])
    const { code } = await joinCode(first)
    const file = join(folder, 'second.join')
    await joinCode(second, '--file', file)
    startWorker(one, 'by-code', '--join', code)
    startWorker(two, 'by-file', '--join', file)
    await Promise.all([awake(first, 1), awake(second, 1)])
    expect(await workersOf(first)).toMatchObject([{ name: 'by-code', approved: true, address: '10.77.0.3' }])
    expect(await workersOf(second)).toMatchObject([{ name: 'by-file', approved: true, address: '10.77.0.4' }])
  })

  it('has workers that ask wait until they are approved, and a revoked code lets none in', async () => {
    const [first, one, two] = [lan.host(1), lan.host(2), lan.host(3)]
    await startManager(first, 'a')
    await listen(first, '*:8443')
    startWorker(one, 'asks', '--manager', 'https://10.77.0.1:8443')
    await expect.poll(() => workersOf(first), PATIENCE).toMatchObject([{ name: 'asks', approved: false }])
    await first.framehouse('workers', 'approve', 'asks')
    await awake(first, 1)
    const { code, id } = await joinCode(first)
    await first.framehouse('join-code', 'revoke', id)
    const late = startWorker(two, 'late', '--join', code)
    await expect.poll(() => late.output, PATIENCE).toContain('revoked')
    expect(await workersOf(first)).toHaveLength(1)
  })

  it('has workers follow their farm to another address, and a pulled cable only interrupts them', async () => {
    const [first, one] = [lan.host(1), lan.host(2)]
    await startManager(first, 'a')
    await listen(first, '*:8443')
    const worker = startWorker(one, 'one', '--join', (await joinCode(first)).code)
    await awake(first, 1)
    first.moveTo('10.77.0.99')
    await expect.poll(() => worker.output, PATIENCE).toContain('the farm is at another address now')
    lan.cable(one, 'down')
    lan.cable(one, 'up')
    await expect.poll(async () => (await farmsSeenBy(one)).flatMap(({ urls }) => urls), PATIENCE).toEqual(['https://10.77.0.99:8443'])
    await awake(first, 1)
    expect(await workersOf(first)).toMatchObject([{ name: 'one', address: '10.77.0.2' }])
  })

  it('gives a manager that copies name and id of a farm nothing: no worker, no code, no secret', async () => {
    const [first, rogue, one, two] = [lan.host(1), lan.host(2), lan.host(3), lan.host(4)]
    const real = await startManager(first, 'a')
    await listen(first, '*:8443')
    const { code } = await joinCode(first, '--uses', '2')
    const worker = startWorker(one, 'one', '--join', code)
    await awake(first, 1)
    const [{ farmId = '' } = {}] = await farmsSeenBy(two)

    const pretender = await startManager(rogue, 'rogue')
    await pretender.end()
    const database = await Connection.open(join(folder, 'rogue', 'framehouse.sqlite'), 'write')
    await database.run("update settings set value = ? where key = 'farm.id'", [JSON.stringify(farmId)])
    await database.close()
    await startManager(rogue, 'rogue')
    await listen(rogue, '*:8443')
    // Two entries: only one of them shows the authority of the farm.
    expect(new Set((await farmsSeenBy(two)).map((farm) => farm.farmId))).toEqual(new Set([farmId]))
    expect(await farmsSeenBy(two)).toHaveLength(2)

    await real.end()
    // The rogue even takes the farm's address.
    first.moveTo('10.77.0.50')
    rogue.moveTo('10.77.0.1')
    const newcomer = startWorker(two, 'two', '--join', code, '--manager', 'https://10.77.0.1:8443')
    await expect.poll(() => newcomer.output, PATIENCE).toContain('this is not the farm that is looked for')
    await expect.poll(() => worker.output, PATIENCE).toMatch(/the manager is not trusted|this is not the farm that is looked for/)
    expect(await workersOf(rogue)).toEqual([])

    await startManager(first, 'a')
    await awake(first, 2)
    expect(await workersOf(rogue)).toEqual([])
  })

  it('answers the search of a Flamenco Worker while plain HTTP is open there, and only then', async () => {
    const [first, flamenco] = [lan.host(1), lan.host(2)]
    await startManager(first, 'a')
    await listen(first, '*:8443')
    expect(await search(flamenco)).toEqual([])
    await listen(first, '*:8080', '--plain-http', '--api', 'flamenco')
    const [reply = ''] = await search(flamenco)
    expect(reply).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(reply).toContain('USN: uuid:aa80bc5f-d0af-46b8-8630-23bd7e80ec4d::urn:flamenco:manager:0\r\n')
    const location = /LOCATION: (\S+)/.exec(reply)?.[1] ?? ''
    expect(location).toBe('http://10.77.0.1:8080/upnp/description.xml')
    // What a Worker does next: the path is replaced.
    expect(await flamenco.command('curl', '-sf', new URL('/api/v3/version', location).href)).toContain('"version"')
    await first.framehouse('listeners', 'remove', '*:8080')
    expect(await search(flamenco)).toEqual([])
  })

  it('finds exactly the ports open that the documentation lists, for each setting', async () => {
    const table = await documentedPorts()
    const first = lan.host(1)
    await startManager(first, 'a')
    const open = async () => {
      const ports = await first.openPorts()
      for (const { protocol, port } of ports) expect(table).toContain(`${protocol} ${port}`)
      return [
        ...new Set(ports.map(({ protocol, address, port }) => `${protocol} ${address === '127.0.0.1' ? 'loopback' : 'network'} ${port}`)),
      ].sort()
    }
    const expectOpen = (ports: string[]) => expect.poll(open, PATIENCE).toEqual(ports.sort())
    await expectOpen(['tcp loopback 8080'])
    await listen(first, '*:8443')
    await expectOpen(['tcp loopback 8080', 'tcp network 8443', 'udp network 5353'])
    await listen(first, '*:8080', '--plain-http')
    await expectOpen(['tcp network 8080', 'tcp network 8443', 'udp network 5353', 'udp network 1900'])
    await first.command(
      'curl',
      '-sf',
      '-XPATCH',
      '-Hcontent-type: application/json',
      '-d{"autodiscoverable":false}',
      'http://127.0.0.1:8080/api/v1/settings',
    )
    await expectOpen(['tcp network 8080', 'tcp network 8443'])
    await first.framehouse('listeners', 'remove', '*:8080')
    await first.framehouse('listeners', 'remove', '*:8443')
    await expectOpen(['tcp loopback 8080'])
  })
})

/** As a Flamenco Worker sends it, from a port of its own. @returns the replies of two seconds */
async function search(host: LanHost): Promise<string[]> {
  const script = `
    const socket = require('node:dgram').createSocket('udp4')
    const replies = []
    socket.on('message', (data) => replies.push(data.toString()))
    const text = 'M-SEARCH * HTTP/1.1\\r\\nMX: 3\\r\\nHOST: 239.255.255.250:1900\\r\\nST: urn:flamenco:manager:0\\r\\nMAN: "ssdp:discover"\\r\\n\\r\\n'
    socket.bind(0, () => {
      socket.setMulticastInterface('${host.address}')
      socket.send(text, 1900, '239.255.255.250')
    })
    setTimeout(() => { console.log(JSON.stringify(replies)); socket.close() }, 2000)`
  // It prints a list of texts.
  return JSON.parse(await host.command(process.execPath, '-e', script)) as string[]
}

/** `tcp 8080`, …: the table of docs/network.md. */
async function documentedPorts(): Promise<Set<string>> {
  const text = await readFile(join(import.meta.dirname, '../../../docs/network.md'), 'utf8')
  return new Set([...text.matchAll(/^\| (\d+) +\| (TCP|UDP) /gm)].map(([, port, protocol]) => `${protocol?.toLowerCase()} ${port}`))
}
