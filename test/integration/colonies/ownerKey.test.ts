/** An administrator makes the key of the server owner: it is shown once, works at once, and the one before does not any longer. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ColoniesCaller } from '../../support/coloniesCaller.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

let farm: LiveManager
beforeAll(async () => {
  farm = await LiveManager.start()
  await farm.call('PATCH', '/settings', { body: { coloniesEnabled: true, coloniesPort: 0 } })
})
afterAll(() => farm.stop())

it('owns the server, is nowhere else to be seen, and a newer one takes its place', async () => {
  const { status, body } = await farm.call('POST', '/dialects/colonies/key')
  expect([status, body.setting]).toEqual([201, 'coloniesServerId'])
  const first = new ColoniesCaller(farm.url, body.secret)
  expect(body.value).toBe(first.id)
  expect((await farm.get('/settings')).body).toMatchObject({ coloniesServerId: first.id })
  expect(await first.ask('getcoloniesmsg')).toEqual([])

  const second = new ColoniesCaller(farm.url, (await farm.call('POST', '/dialects/colonies/key')).body.secret)
  expect(await second.ask('getcoloniesmsg')).toEqual([])
  expect((await first.send('getcoloniesmsg')).status).toBe(403)

  let log = ''
  await until(async () => (log = (await farm.get('/audit?limit=10')).text).includes(second.id), 'the log tells of the second one')
  expect(log).toContain('makeDialectKey')
  for (const text of [log, (await farm.get('/settings')).text, (await farm.get('/dialects')).text]) {
    expect(text).not.toContain(first.key)
    expect(text).not.toContain(second.key)
  }
})

it.each(['flamenco', 'gopher'])('there is none for %s', async (name) => {
  const { status, body } = await farm.call('POST', `/dialects/${name}/key`)
  expect([status, body.code]).toEqual([404, 'not-found'])
})

it('the list names the setting that it belongs to', async () => {
  const items: { name: string; keySetting: string | null }[] = (await farm.get('/dialects')).body.items
  expect(items.filter(({ keySetting }) => keySetting !== null)).toMatchObject([{ name: 'colonies', keySetting: 'coloniesServerId' }])
})
