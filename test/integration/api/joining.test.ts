/** Joining over loopback: codes and files over TLS, approval, replacement, names. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readInvitation } from '../../../src/main/worker/link/invitation.ts'
import type { CreatedJoinCode } from '../../../src/shared/schemas/joinCodes.ts'
import { LiveManager, until } from '../../support/liveManager.ts'
import { WorkerLab, type TestWorker } from '../../support/workerParts.ts'

const lab = new WorkerLab()
let farm: LiveManager
let folder = ''
let now = Date.now()
beforeEach(async () => {
  now = Date.now()
  folder = await mkdtemp(join(tmpdir(), 'framehouse-joining-'))
  farm = await LiveManager.start({ tls: { host: '127.0.0.1', port: 0 }, trustLoopback: true, now: () => now })
})
afterEach(async () => {
  await lab.cleanUp()
  await farm.stop()
  await rm(folder, { recursive: true, force: true })
})

const create = async (body: object = {}) => (await farm.call('POST', '/join-codes', { body })).body as CreatedJoinCode
const codes = async () => (await farm.get('/join-codes')).body.items as { state: string; uses: number }[]
const workers = async () =>
  (await farm.get('/workers')).body.items as { id: string; name: string; approved: boolean; person: string; replaces: unknown }[]
const connected = ({ worker }: TestWorker) => until(() => worker.status().connected, 'the worker is connected')
const asked = (joinCode: string, name = 'w', secret = 'a'.repeat(32)) => ({ name, secret, platform: 'linux', kinds: ['say'], joinCode })

describe('a join file', () => {
  it('lets as many machines in as it says, without approval, and no more', async () => {
    const { file } = await create({ maxUses: 2 })
    const path = join(folder, 'farm.join')
    await writeFile(path, JSON.stringify(file))
    const invitation = await readInvitation(path)
    const first = await lab.start({ managerUrl: '', join: invitation, name: 'one' })
    const second = await lab.start({ managerUrl: '', join: invitation, name: 'two' })
    await connected(first)
    await connected(second)
    expect((await workers()).map(({ name, approved }) => ({ name, approved }))).toEqual([
      { name: 'one', approved: true },
      { name: 'two', approved: true },
    ])
    expect(await codes()).toMatchObject([{ state: 'used', uses: 2 }])
    const third = await lab.start({ managerUrl: '', join: invitation, name: 'three' })
    await until(() => third.worker.status().problem.includes('used as often as it may be'), 'the third is refused')
    expect(await workers()).toHaveLength(2)
    // Started again as before, a worker that joined is the same one.
    await first.worker.stop()
    await connected(await lab.start({ managerUrl: '', join: invitation, name: 'one', dataDir: first.dataDir }))
    expect(await workers()).toHaveLength(2)
  })
})

describe('a join code', () => {
  it('lets a machine in at the address that is named, once the farm has proved that it is the one of the code', async () => {
    const { code } = await create()
    const invitation = await readInvitation(code.toLowerCase())
    await connected(await lab.start({ managerUrl: farm.manager.tls?.url ?? '', join: invitation }))
    expect(await workers()).toMatchObject([{ approved: true }])
  })

  it('is never sent to another farm, whatever address was named', async () => {
    const { code } = await create()
    const rogue = await LiveManager.start({ tls: { host: '127.0.0.1', port: 0 } })
    try {
      const worker = await lab.start({ managerUrl: rogue.manager.tls?.url ?? '', join: await readInvitation(code) })
      await until(() => worker.log.lines.some((line) => line.includes('this is not the farm that is looked for')), 'it was noticed')
      expect((await rogue.get('/workers')).body.items).toEqual([])
      expect(await codes()).toMatchObject([{ state: 'open', uses: 0 }])
    } finally {
      await rogue.stop()
    }
  })

  it('counts only over TLS', async () => {
    const { file } = await create()
    expect(await farm.call('POST', '/agent/join', { body: asked(file.secret) })).toMatchObject({ status: 403 })
    expect(await codes()).toMatchObject([{ uses: 0 }])
    await expect(lab.start({ managerUrl: farm.url, join: { secret: file.secret, authority: file.authority, urls: [] } })).rejects.toThrow(
      'https://',
    )
  })

  it('no longer counts when it expired or was revoked, also after a restart', async () => {
    const expiring = await create({ validMs: 60_000 })
    const revoked = await create({ label: 'rack' })
    expect((await farm.call('DELETE', `/join-codes/${revoked.id}`)).status).toBe(204)
    now += 61_000
    farm = await farm.restart()
    expect((await codes()).map(({ state }) => state).sort()).toEqual(['expired', 'revoked'])
    for (const { file } of [expiring, revoked]) {
      const invitation = { secret: file.secret, authority: file.authority, urls: [farm.manager.tls?.url ?? ''] }
      const worker = await lab.start({ managerUrl: '', join: invitation })
      await until(() => /expired|revoked/.test(worker.worker.status().problem), 'it is refused')
    }
    expect(await workers()).toEqual([])
  })

  it('is refused where no encrypted listener is open, and says what to do', async () => {
    const plain = await LiveManager.start()
    const reply = await plain.call('POST', '/join-codes', { body: {} })
    expect(reply.status).toBeGreaterThanOrEqual(400)
    expect(reply.body.message).toContain('no encrypted listener')
    await plain.stop()
  })

  it('is never shown again', async () => {
    const { code, file } = await create({ label: 'rack' })
    const text = JSON.stringify((await farm.get('/join-codes')).body) + JSON.stringify((await farm.get('/audit')).body)
    expect(text).toContain('rack')
    expect(text).not.toContain(code)
    expect(text).not.toContain(file.secret)
  })

  it.each([
    ['a number of uses that is none', { maxUses: 0 }, '/maxUses'],
    ['a time that is too short', { validMs: 1 }, '/validMs'],
  ])('refuses %s', async (_what, body, field) => {
    expect(await farm.call('POST', '/join-codes', { body })).toMatchObject({ status: 400, body: { field } })
    expect(await codes()).toEqual([])
  })
})

describe('a worker that waits for approval', () => {
  const join = async (name: string, secret: string, person?: string) => {
    const stranger = { 'X-Forwarded-For': '192.0.2.1' }
    const body = { name, secret, platform: 'linux', kinds: ['say'], person }
    return (await farm.call('POST', '/agent/join', { body, headers: stranger })).body.workerId as string
  }

  it('names machine and person, and is offered in place of one that is gone', async () => {
    const old = await join('render-07', 'a'.repeat(32), 'anna')
    await farm.call('POST', `/workers/${old}/approve`)
    const { body: tag } = await farm.call('POST', '/tags', { body: { name: 'gpu' } })
    await farm.call('PUT', `/workers/${old}/tags`, { body: { tags: [tag.id] } })
    const again = await join('RENDER-07', 'b'.repeat(32), 'anna')
    expect(await workers()).toContainEqual(
      expect.objectContaining({ id: again, approved: false, person: 'anna', replaces: { id: old, name: 'render-07' } }),
    )
    const reply = await farm.call('POST', `/workers/${again}/replace`, { body: { worker: old } })
    expect(reply).toMatchObject({ status: 200, body: { approved: true, replaces: null, tags: [{ name: 'gpu' }] } })
    expect(await workers()).toHaveLength(1)
  })

  it('may have the name of another, and either can be renamed for good', async () => {
    const [first, second] = [await join('render', 'a'.repeat(32)), await join('render', 'b'.repeat(32))]
    await farm.call('POST', `/workers/${first}/approve`)
    expect(await farm.call('PATCH', `/workers/${second}`, { body: { name: '  render by the window ' } })).toMatchObject({
      status: 200,
      body: { name: 'render by the window' },
    })
    farm = await farm.restart()
    expect((await workers()).map(({ name }) => name)).toEqual(['render', 'render by the window'])
    expect(await farm.call('PATCH', `/workers/${second}`, { body: { name: '  ' } })).toMatchObject({
      status: 400,
      body: { field: '/name' },
    })
  })
})
