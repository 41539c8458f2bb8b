/** Switches that let in every caller that can connect, and listeners that other machines reach: never both. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { startManager } from '../../../../src/main/manager.ts'
import { LiveManager } from '../../../support/liveManager.ts'

const UNSIGNED = { actorsUnsignedAssertions: true }

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  // A listening TCP server's address is an object.
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

const everywhere = async () => ({ address: '*', port: await freePort(), tls: false, dialects: [] })
const here = async () => ({ ...(await everywhere()), address: '127.0.0.2' })
const change = (farm: LiveManager, ...listeners: object[]) => farm.call('PUT', '/listeners', { body: { listeners } })
const set = (farm: LiveManager, body: object) => farm.call('PATCH', '/settings', { body })

it('while unsigned assertions are believed, no listener opens that other machines reach', async () => {
  const farm = await LiveManager.start()
  try {
    expect((await set(farm, UNSIGNED)).status).toBe(200)
    const refused = await change(farm, await here(), await everywhere())
    expect(refused.status).toBe(400)
    expect(refused.text).toContain('/listeners/1/address')
    expect(refused.text).toContain('actorsUnsignedAssertions')
    expect((await farm.get('/listeners')).body.items).toHaveLength(1)
    expect((await change(farm, await here())).status).toBe(200)
    expect((await set(farm, { actorsUnsignedAssertions: false })).status).toBe(200)
    expect((await change(farm, await everywhere())).status).toBe(200)
  } finally {
    await farm.stop()
  }
})

it('unsigned assertions are not believed while another machine could connect', async () => {
  const farm = await LiveManager.start()
  try {
    await change(farm, await everywhere())
    const refused = await set(farm, { ...UNSIGNED, actorsCase: 'snake' })
    expect(refused.status).toBe(400)
    expect(refused.text).toContain('/actorsUnsignedAssertions')
    expect((await farm.get('/settings')).body).toMatchObject({ actorsUnsignedAssertions: false, actorsCase: 'camel' })
    await change(farm)
    expect((await set(farm, UNSIGNED)).status).toBe(200)
  } finally {
    await farm.stop()
  }
})

it('of both at the same instant, one is refused', async () => {
  const farm = await LiveManager.start()
  try {
    for (let round = 0; round < 6; round++) {
      const wide = await everywhere()
      const both = [() => set(farm, UNSIGNED), () => change(farm, wide)]
      if (round % 2 === 1) both.reverse()
      const statuses = (await Promise.all(both.map((each) => each()))).map(({ status }) => status)
      expect(statuses.toSorted()).toEqual([200, 400])
      await set(farm, { actorsUnsignedAssertions: false })
      await change(farm)
    }
  } finally {
    await farm.stop()
  }
})

it('a manager that believes them keeps such listeners of its settings closed, and does not start with one of the command line', async () => {
  let farm = await LiveManager.start()
  try {
    const wide = await everywhere()
    await change(farm, wide)
    farm = await farm.restart(0, `insert or replace into settings (key, value, updated_at) values ('actorsUnsignedAssertions', 'true', 0)`)
    expect((await farm.get('/listeners')).body.items).toMatchObject([
      { address: '127.0.0.1', problem: '' },
      { address: '*', problem: expect.stringContaining('actorsUnsignedAssertions') },
    ])
    await expect(fetch(`http://127.0.0.3:${wide.port}/api/v1/version`)).rejects.toThrow()
    await farm.manager.stop()
    const start = (host: string) => startManager({ ...farm.startConfig, listen: { host, port: 0 } })
    await expect(start('0.0.0.0')).rejects.toThrow('actorsUnsignedAssertions is on, which needs listeners on loopback addresses; 0.0.0.0')
    await (await start('localhost')).stop()
  } finally {
    await farm.stop()
  }
})

it('a manager that takes published development keys follows the same rule', async () => {
  await expect(LiveManager.start({ coloniesDevKeys: true, listen: { host: '0.0.0.0', port: 0 } })).rejects.toThrow('--colonies-dev-keys')
  const farm = await LiveManager.start({ coloniesDevKeys: true })
  try {
    const refused = await change(farm, await everywhere())
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('--colonies-dev-keys')])
  } finally {
    await farm.stop()
  }
})
