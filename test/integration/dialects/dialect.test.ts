import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DIALECTS } from '../../../src/main/manager.ts'
import { LiveManager } from '../../support/liveManager.ts'
import { guestbook } from './guestbook/index.ts'

let farm: LiveManager
beforeAll(async () => {
  farm = await LiveManager.start({ dialects: [...DIALECTS, guestbook] })
})
afterAll(() => farm.stop())

const at = (path: string, method = 'GET', headers = {}) =>
  fetch(`${farm.manager.url}${path}`, { method, headers }).then(async (reply) => ({ status: reply.status, text: await reply.text() }))

describe('a dialect that is one folder and one entry of the list', () => {
  it('has routes behind the same access rules as all others', async () => {
    expect(farm.manager.routes).toContainEqual({ method: 'POST', url: '/guestbook/:name', access: 'submit' })
    expect((await at('/guestbook', 'GET', { authorization: 'Bearer wrong' })).status).toBe(401)
  })

  it('may have routes of the native API, with its errors and in its description', async () => {
    expect(farm.manager.routes).toContainEqual({ method: 'GET', url: '/api/v1/guests', access: 'read' })
    expect((await farm.get('/guests')).body).toEqual({ status: 404, code: 'not-found', message: 'guest "any" not found' })
    expect((await farm.get('/openapi.json')).body.paths['/api/v1/guests'].get.summary).toBe('Guests')
  })

  it('delivers its outbox entries into a table of its own', async () => {
    expect(await at('/guestbook/anna', 'POST')).toEqual({ status: 200, text: 'Hello anna' })
    await expect.poll(() => at('/guestbook').then(({ text }) => text)).toBe('[{"name":"anna"}]')
  })

  it('reads its settings, which are changed and checked with those of the farm and outlive a restart', async () => {
    expect((await farm.call('PATCH', '/settings', { body: { guestbookGreeting: 'Welcome' } })).status).toBe(200)
    expect((await farm.call('PATCH', '/settings', { body: { guestbookGreeting: '' } })).body).toMatchObject({
      status: 400,
      field: '/guestbookGreeting',
    })
    farm = await farm.restart()
    expect((await at('/guestbook/bela', 'POST')).text).toBe('Welcome bela')
    expect((await farm.call('GET', '/settings')).body).toMatchObject({ guestbookGreeting: 'Welcome' })
  })

  it('tells errors in its own form, unknown addresses included', async () => {
    expect((await at('/guestbook/a/b/c')).text).toMatch(/^no: /)
  })

  it('is not there without its entry, and its settings are unknown', async () => {
    const plain = await LiveManager.start()
    try {
      expect((await fetch(`${plain.manager.url}/guestbook`)).status).toBe(404)
      expect((await plain.call('PATCH', '/settings', { body: { guestbookGreeting: 'x' } })).status).toBe(400)
    } finally {
      await plain.stop()
    }
  })
})

describe('the list of dialects', () => {
  it('shows the settings of the dialects that people can set up, with labels in every language', async () => {
    const { items } = (await farm.call('GET', '/dialects')).body
    expect(items.map((item: { name: string }) => item.name)).toEqual(['flamenco', 'fastlane', 'actors', 'colonies'])
    for (const { settings, words } of items) {
      expect(settings.length).toBeGreaterThan(0)
      for (const { key } of settings) for (const language of ['en', 'de']) expect(words[language].settings[key]?.label, key).toBeTruthy()
    }
  })
})
