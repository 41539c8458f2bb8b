/** Upgrades that are refused, by clients that reset the connection: the manager goes on. An error that nothing catches fails the run. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LiveManager, until } from '../../support/liveManager.ts'
import { portToComeBackTo } from '../../support/ports.ts'
import { resetUpgrades } from '../../support/resetUpgrades.ts'

let farm: LiveManager
beforeEach(async () => {
  farm = await LiveManager.start()
})
afterEach(() => farm.stop())

const answers = async (url: string): Promise<number> => (await fetch(url)).status

describe('a client that resets a WebSocket which it asks for', () => {
  it.each(['/api/v1/events', '/api/v1/nothing', '/'])('does not end the manager: %s', async (path) => {
    await resetUpgrades(Number(new URL(farm.url).port), path)
    expect(await answers(`${farm.url}/api/v1/version`)).toBe(200)
  })

  it('does not end it at a listener that serves other APIs', async () => {
    const port = await portToComeBackTo()
    const listeners = [{ address: '127.0.0.2', port, tls: false, dialects: ['flamenco'] }]
    expect((await farm.call('PUT', '/listeners', { body: { listeners } })).status).toBe(200)
    await resetUpgrades(port, '/api/v1/events', { host: '127.0.0.2' })
    expect(await answers(`${farm.url}/api/v1/version`)).toBe(200)
  })

  it('does not end it at the port of Colonies', async () => {
    const port = await portToComeBackTo()
    await farm.call('PATCH', '/settings', { body: { coloniesEnabled: true, coloniesPort: port } })
    await until(() => answers(`http://127.0.0.1:${port}/`).catch(() => false), 'the port of Colonies')
    for (const path of ['/other', '/api', '/pubsub']) await resetUpgrades(port, path)
    expect(await answers(`${farm.url}/api/v1/version`)).toBe(200)
  })
})
