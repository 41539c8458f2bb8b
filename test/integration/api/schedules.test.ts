/** /api/v1/schedules over HTTP on a real manager. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveManager } from '../../support/liveManager.ts'

let farm: LiveManager
beforeAll(async () => {
  farm = await LiveManager.start()
})
afterAll(() => farm.stop())

const job = { name: 'echo {n}', type: 'echo-sleep-test', settings: { message: 'hello', sleep_duration_seconds: 0 } }
const nightly = { name: 'nightly', trigger: { kind: 'cron', expression: '0 20 * * 1-5', timeZone: 'Europe/Berlin' }, job }
const create = async (changes: object = {}) => {
  const reply = await farm.call('POST', '/schedules', { body: { ...nightly, ...changes } })
  expect(reply.status, reply.text).toBe(201)
  return reply.body
}

describe('schedules', () => {
  it('are made, shown, changed, paused, resumed and deleted', async () => {
    const made = await create()
    expect(made).toMatchObject({
      state: 'active',
      missed: 'once',
      overlap: 'allow',
      fired: 0,
      last: null,
      owner: 'local',
      origin: 'native',
    })
    expect(new Date(made.nextAt).toLocaleTimeString('en-GB', { timeZone: 'Europe/Berlin' })).toBe('20:00:00')
    expect((await farm.get(`/schedules/${made.id}`)).body).toEqual(made)
    expect((await farm.get('/schedules?q=NIGHT')).body.items).toEqual([made])
    expect((await farm.get(`/schedules/${made.id}/next?count=3`)).body.items).toHaveLength(3)
    const changed = await farm.call('PATCH', `/schedules/${made.id}`, {
      body: { overlap: 'queue', trigger: { kind: 'interval', everySeconds: 3600 } },
    })
    expect(changed.body).toMatchObject({ overlap: 'queue', name: 'nightly', trigger: { kind: 'interval', everySeconds: 3600 } })
    expect((await farm.call('POST', `/schedules/${made.id}/pause`)).body).toMatchObject({ state: 'paused', nextAt: null })
    expect((await farm.get(`/schedules/${made.id}/next`)).body.items).toEqual([])
    expect((await farm.call('POST', `/schedules/${made.id}/resume`)).body).toMatchObject({ state: 'active' })
    expect((await farm.call('DELETE', `/schedules/${made.id}`)).status).toBe(204)
    expect((await farm.get(`/schedules/${made.id}`)).status).toBe(404)
    const actions = async () => {
      const entries: { action: string }[] = (await farm.get(`/audit?targetKind=schedule&targetId=${made.id}`)).body.items
      return entries.map(({ action }) => action)
    }
    await expect.poll(actions).toEqual(['deleteSchedule', 'resumeSchedule', 'pauseSchedule', 'changeSchedule', 'createSchedule'])
  })

  it('run now, and tell what they submitted', async () => {
    const made = await create()
    const firing = await farm.call('POST', `/schedules/${made.id}/run`)
    expect(firing.body).toMatchObject({ number: 1, cause: 'manual', outcome: 'submitted', job: { name: 'echo 1', deleted: false } })
    await farm.call('POST', `/schedules/${made.id}/run`)
    const first = (await farm.get(`/schedules/${made.id}/firings?limit=1`)).body
    expect(first.items).toMatchObject([{ number: 2 }])
    const second = (await farm.get(`/schedules/${made.id}/firings?limit=1&cursor=${first.next}`)).body
    expect(second).toEqual({ items: [firing.body], next: null })
    expect((await farm.get(`/jobs/${firing.body.job.id}`)).body).toMatchObject({ name: 'echo 1', owner: 'local', type: 'echo-sleep-test' })
  })

  it('fire by the clock, and a moment that has passed at once', async () => {
    const made = await create({ trigger: { kind: 'at', at: '2020-01-01T00:00:00Z' } })
    await expect
      .poll(async () => (await farm.get(`/schedules/${made.id}`)).body, { timeout: 20_000 })
      .toMatchObject({ state: 'ended', fired: 1, last: { outcome: 'submitted' } })
    expect((await farm.call('POST', `/schedules/${made.id}/pause`)).status).toBe(409)
  })

  it.each([
    [{ trigger: { kind: 'cron', expression: '0 25 * * *' } }, '/trigger/expression', 'hour'],
    [{ trigger: { kind: 'cron', expression: '0 0 * * *', timeZone: 'Mars/Olympus' } }, '/trigger/timeZone', 'Mars/Olympus'],
    [{ trigger: { kind: 'at', at: 'tomorrow' } }, '/trigger/at', ''],
    [{ trigger: { kind: 'moon' } }, '/trigger/kind', 'one of'],
    [{ overlap: 'maybe' }, '/overlap', 'one of'],
    [{ job: { ...job, type: 'no-such-type' } }, '/job/type', 'no-such-type'],
    [{ job: { ...job, settings: { ...job.settings, sleep_duration_seconds: 'long' } } }, '/job/settings/sleep_duration_seconds', ''],
    [{ surprise: 1 }, '/surprise', 'unknown'],
  ])('refuse %j, naming %s', async (changes, field, words) => {
    const reply = await farm.call('POST', '/schedules', { body: { ...nightly, ...changes } })
    expect(reply.status, reply.text).toBe(400)
    expect(reply.body.field).toBe(field)
    expect(reply.body.message).toContain(words)
  })

  it('preview a trigger without storing it', async () => {
    const reply = await farm.call('POST', '/schedules/preview', {
      body: { trigger: { kind: 'cron', expression: '0 0 1 1 * 30', seconds: 'last' }, count: 2 },
    })
    expect(reply.body.items).toHaveLength(2)
    expect(reply.body.items[0]).toMatch(/-01-01T00:00:30/)
  })

  it('of others are not to be touched by an artist, and a viewer makes none', async () => {
    const made = await create()
    const token = async (role: string, scopes: string[]) =>
      (await farm.call('POST', '/tokens', { body: { kind: 'token', name: role, role, scopes } })).body.secret
    const artist = await token('artist', ['submit', 'manage'])
    const viewer = await token('viewer', ['read'])
    expect((await farm.call('POST', `/schedules/${made.id}/run`, { token: artist })).status).toBe(403)
    expect((await farm.call('DELETE', `/schedules/${made.id}`, { token: artist })).status).toBe(403)
    expect((await farm.call('POST', '/schedules', { body: nightly, token: viewer })).status).toBe(403)
    expect((await farm.call('POST', '/schedules', { body: nightly, token: artist })).body).toMatchObject({ owner: 'token:artist' })
  })
})
