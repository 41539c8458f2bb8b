/** A window's way to a farm elsewhere: real TLS, a farm that moves, and a rogue that shows another authority. */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { openGateway } from '../../../src/main/desktop/farm/gateway.ts'
import { FarmLink } from '../../../src/main/desktop/farm/link/farmLink.ts'
import { askFarm } from '../../../src/main/desktop/farm/link/farmRequest.ts'
import { meetFarm } from '../../../src/main/desktop/farm/meetFarm.ts'
import { standingOf } from '../../../src/main/desktop/farm/nearbyFarms.ts'
import { SecretBox } from '../../../src/main/security/secretBox.ts'
import { FarmCertificates } from '../../../src/main/security/tls/farmCertificates.ts'
import { silentLogger } from '../../../src/shared/logger.ts'

const FARM = { farmId: '9b2f63aa-1c3d-4e5f-8a9b-0c1d2e3f4a5b', managerName: 'North', proof: null }
const ends: (() => Promise<unknown>)[] = []
let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-link-'))
})
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
  await rm(folder, { recursive: true, force: true })
})

/** A manager that records every request that reaches it. */
async function startFarm(name: string) {
  const certificates = await FarmCertificates.open({
    dataDir: join(folder, name),
    farmId: FARM.farmId,
    secrets: new SecretBox(Buffer.alloc(32, 7)),
    names: () => ['studio-pc'],
    now: Date.now,
  })
  const heard: IncomingMessage[] = []
  const listen = async (port = 0) => {
    const server: Server = createServer(await certificates.server(), (request, response) => {
      heard.push(request)
      response.end(JSON.stringify(FARM))
    })
    server.on('upgrade', (request, socket) => {
      heard.push(request)
      socket.destroy()
    })
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
    ends.push(() => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    })
    return { server, url: `https://127.0.0.1:${(server.address() as AddressInfo).port}` }
  }
  return { authority: certificates.fingerprint, heard, listen }
}
function linkTo(managerUrl: string, authority: string, moved: string[] = []) {
  const link = new FarmLink({ managerUrl, authority, onMoved: (url) => moved.push(url), log: silentLogger })
  ends.push(async () => link.close())
  return link
}

it('trusts the key of the authority that the farm proved, though no authority of the system knows it', async () => {
  const farm = await startFarm('farm')
  const { url } = await farm.listen()
  const meeting = await meetFarm({ typed: url, authority: '', token: '', log: silentLogger })
  expect(meeting).toMatchObject({ check: { state: 'ok', name: 'North' }, farm: { authority: farm.authority, managerUrl: url } })
  expect(await askFarm(linkTo(url, farm.authority), '/api/v1/agent/farm', 'fht_1')).toEqual({ status: 200, body: FARM })
  expect(farm.heard.at(-1)?.headers.authorization).toBe('Bearer fht_1')
})

it('gives a rogue that copies name and id nothing: no token, no request beyond the handshake', async () => {
  const [farm, rogue] = [await startFarm('farm'), await startFarm('rogue')]
  const { url } = await rogue.listen()
  expect(await meetFarm({ typed: url, authority: farm.authority, token: 'fht_1', log: silentLogger })).toMatchObject({
    check: { state: 'other-farm', message: rogue.authority },
  })
  const link = linkTo(url, farm.authority)
  await expect(askFarm(link, '/api/v1/status', 'fht_1')).rejects.toThrow('another authority')
  const gateway = await openGateway({ link, token: 'fht_1', gui: folder })
  ends.push(() => gateway.close())
  const headers = { cookie: `${gateway.cookie.name}=${gateway.cookie.value}` }
  const replies = await Promise.all(
    Array.from({ length: 8 }, () => fetch(`${gateway.url}/api/v1/jobs`, { method: 'POST', body: '{"secret":1}', headers })),
  )
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([502]))
  const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/api/v1/events`, { headers })
  const refusal = await new Promise<string>((resolve) => socket.on('error', (error) => resolve(error.message)))
  expect(refusal).toContain('502')
  expect(rogue.heard).toEqual([])
  // Nor does an unknown certificate do where the system's authorities decide.
  await expect(askFarm(linkTo(url, ''), '/api/v1/status', 'fht_1')).rejects.toThrow()
  expect(rogue.heard).toEqual([])
})

it('says in the list which farm only pretends to be a known one', () => {
  const known = { farmId: 'f1', authority: 'AA' }
  expect(standingOf({ farmId: 'f1', authority: 'AA' }, undefined, known)).toBe('current')
  expect(standingOf({ farmId: 'f1', authority: 'BB' }, undefined, known)).toBe('impostor')
  expect(standingOf({ farmId: 'f1', authority: 'BB' }, { farmId: 'f1', authority: '' }, undefined)).toBe('own')
  expect(standingOf({ farmId: 'f2', authority: 'BB' }, known, known)).toBe('other')
})
