/** What a Colonies client may send wrong: each time the documented status, and nothing changes. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { idOfPrivateKey, newPrivateKey, sign } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { ColoniesCaller, coloniesFixture, spec } from '../../support/coloniesCaller.ts'
import { LiveManager, until } from '../../support/liveManager.ts'

const serverKey = newPrivateKey()
let farm: LiveManager
let owner: ColoniesCaller
let executor: ColoniesCaller
let colony: string
/** The farm's clock, while a test stops it. */
let stopped: number | undefined

beforeAll(async () => {
  farm = await LiveManager.start({ now: () => stopped ?? Date.now() })
  await farm.call('PATCH', '/settings', {
    body: { coloniesEnabled: true, coloniesPort: 0, coloniesServerId: idOfPrivateKey(serverKey) },
  })
})
afterAll(() => farm.stop())
beforeEach(async () => {
  ;({ owner, executor, colony } = await coloniesFixture(farm.url, serverKey))
})

const processes = async (): Promise<number> => (await executor.ask('getprocessesmsg', { colonyname: colony, count: 100, state: -1 })).length

describe('envelopes', () => {
  it.each([
    ['no JSON', 'hello'],
    ['an empty body', ''],
    ['a list', '[]'],
    ['a payload that is no base64', JSON.stringify({ payloadtype: 'getcoloniesmsg', payload: '!', signature: '' })],
    ['a payload without JSON', JSON.stringify({ payloadtype: 'getcoloniesmsg', payload: 'aGVsbG8=', signature: '' })],
    ['a number as signature', JSON.stringify({ payloadtype: 'getcoloniesmsg', payload: 'e30=', signature: 1 })],
    ['brackets without end', `${'['.repeat(100_000)}`],
  ])('%s is refused with 400', async (_what, body) => {
    const reply = await executor.sendText(body)
    expect(reply).toMatchObject({ status: 400, error: true, body: { status: 400 } })
  })

  it('a payload that was signed for another message is refused', async () => {
    const text = executor.envelope({ msgtype: 'getcolonymsg', colonyname: colony }, 'getcoloniesmsg')
    expect(await executor.sendText(text)).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining('does not match payloadType') },
    })
  })

  it('an unknown message is refused', async () => {
    expect(await executor.send('nosuchmsg')).toMatchObject({ status: 403, body: { message: 'invalid rpcMsg.PayloadType: nosuchmsg' } })
  })

  it.each([
    ['missing', ''],
    ['no hex', 'z'.repeat(130)],
    ['short', 'ab'],
    ['of an unknown identity', sign('something else', newPrivateKey())],
  ])('a signature that is %s is refused with 403', async (_what, signature) => {
    const payload = Buffer.from(JSON.stringify({ msgtype: 'submitfuncspecmsg', spec: spec(colony) })).toString('base64')
    const reply = await executor.sendText(JSON.stringify({ payloadtype: 'submitfuncspecmsg', payload, signature }))
    expect(reply).toMatchObject({ status: 403, error: true })
    expect(await processes()).toBe(0)
  })

  it('published development keys are refused', async () => {
    const known = new ColoniesCaller(farm.url, 'fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d')
    expect(await known.send('getcoloniesmsg')).toMatchObject({ status: 403, body: { message: expect.stringContaining('development key') } })
  })

  it('keys match whatever their case', async () => {
    const payload = Buffer.from(JSON.stringify({ MsgType: 'getcolonymsg', ColonyName: colony })).toString('base64')
    const reply = await executor.sendText(
      JSON.stringify({ PayloadType: 'getcolonymsg', Payload: payload, Signature: sign(payload, executor.key) }),
    )
    expect(reply).toMatchObject({ status: 200, body: { name: colony } })
  })
})

describe('pages of other origins', () => {
  it('get 403, for requests and for WebSockets', async () => {
    const text = executor.envelope({ msgtype: 'submitfuncspecmsg', spec: spec(colony) })
    const response = await fetch(`${farm.url}/api`, { method: 'POST', body: text, headers: { origin: 'http://evil.example' } })
    expect(response.status).toBe(403)
    expect(await processes()).toBe(0)
    const socket = new WebSocket(`${farm.url.replace('http', 'ws')}/pubsub`, { origin: 'http://evil.example' })
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, reply) => resolve(reply.statusCode))
      socket.on('open', () => resolve('open'))
      socket.on('error', () => undefined)
    })
    expect(status).toBe(403)
  })
})

describe('messages', () => {
  it.each([
    ['a text as priority', { priority: 'high' }, 'spec.priority'],
    ['a fraction as time', { maxexectime: 1.5 }, 'spec.maxexectime'],
    ['a list as name', { funcname: [] }, 'spec.funcname'],
    ['memory without a unit', { conditions: { colonyname: '', executortype: 'cli', mem: '5' } }, 'conditions.mem'],
    ['a number as environment', { env: { a: 1 } }, 'spec.env.a'],
    ['a hundred and one channels', { channels: Array.from({ length: 101 }, (_, n) => `c${n}`) }, 'channels'],
  ])('%s names the member and stores nothing', async (_what, more, field) => {
    const given = spec(colony, more)
    const conditions = { ...(given['conditions'] as object), colonyname: colony }
    const reply = await executor.send('submitfuncspecmsg', { spec: { ...given, conditions } })
    expect(reply).toMatchObject({ status: 400, body: { message: expect.stringContaining(field) } })
    expect(await processes()).toBe(0)
  })

  it('a key that would change prototypes is refused', async () => {
    const payload = Buffer.from(`{"msgtype":"getcolonymsg","colonyname":"${colony}","__proto__":{"a":1}}`).toString('base64')
    const reply = await executor.sendText(JSON.stringify({ payloadtype: 'getcolonymsg', payload, signature: sign(payload, executor.key) }))
    expect(reply).toMatchObject({ status: 400, body: { message: expect.stringContaining('__proto__') } })
  })

  it('lists are limited', async () => {
    expect(await executor.send('getprocessesmsg', { colonyname: colony, count: 101, state: 0 })).toMatchObject({ status: 400 })
    expect(await executor.send('getlogsmsg', { colonyname: colony, count: 501 })).toMatchObject({ status: 403 })
  })
})

describe('large bodies', () => {
  const append = (processid: string, payload: unknown): Promise<{ status: number; error: boolean }> =>
    executor.send('channelappendmsg', { processid, name: 'chat', sequence: 1, inreplyto: 0, payload, payloadtype: '' })

  it('ten mebibytes as a list of numbers arrive whole, and others are answered meanwhile', async () => {
    const { processid } = await executor.ask('submitfuncspecmsg', { spec: spec(colony, { channels: ['chat'] }) })
    const bytes = Buffer.alloc(10_485_760, 'framehouse ')
    const sent = append(processid, [...bytes])
    expect((await owner.send('getcolonymsg', { colonyname: colony })).status).toBe(200)
    expect(await sent).toMatchObject({ status: 200, error: false })
    const [entry] = await executor.ask('channelreadmsg', { processid, name: 'chat', afterseq: 0, limit: 0 })
    expect(Buffer.from(entry.payload, 'base64').equals(bytes)).toBe(true)
  })

  it('one byte more is refused, and so is a body beyond the limit', async () => {
    const { processid } = await executor.ask('submitfuncspecmsg', { spec: spec(colony, { channels: ['chat'] }) })
    expect(await append(processid, Buffer.alloc(10_485_761).toString('base64'))).toMatchObject({ status: 400 })
    const reply = await executor.sendText('x'.repeat(72 * 1_048_576 + 1)).catch(() => ({ status: 400 }))
    expect(reply.status).toBe(400)
    expect(await executor.ask('channelreadmsg', { processid, name: 'chat', afterseq: 0, limit: 0 })).toEqual([])
  })
})

describe('floods', () => {
  it('a channel refuses what comes too fast, and keeps the rest', async () => {
    const { processid } = await executor.ask('submitfuncspecmsg', { spec: spec(colony, { channels: ['chat'] }) })
    const text = executor.envelope({ msgtype: 'channelappendmsg', processid, name: 'chat', sequence: 1, payload: 'eA==' })
    // All at one moment, however long this machine takes for them.
    stopped = Date.now()
    const replies = await Promise.all(Array.from({ length: 600 }, () => executor.sendText(text))).finally(() => (stopped = undefined))
    const kept = replies.filter(({ status }) => status === 200).length
    expect(kept).toBe(500)
    expect(replies.filter(({ status, body }) => status === 500 && body.message === 'rate limit exceeded')).toHaveLength(100)
    expect((await executor.ask('channelreadmsg', { processid, name: 'chat', afterseq: 0, limit: 0 })).length).toBe(kept)
  })
})

describe('subscriptions', () => {
  it('wrong ones get an error frame, and unreadable ones are closed', async () => {
    const socket = new WebSocket(`${farm.url.replace('http', 'ws')}/pubsub`)
    const frames: { error: boolean; payload: string }[] = []
    socket.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString('utf8')) as { error: boolean; payload: string }))
    await new Promise((resolve) => socket.once('open', resolve))
    socket.send(executor.envelope({ msgtype: 'subscribeprocessmsg', processid: 'nope', state: 2, timeout: 5 }))
    socket.send(executor.envelope({ msgtype: 'getcolonymsg' }))
    await until(() => frames.length === 2, 'two error frames')
    expect(frames.every(({ error }) => error)).toBe(true)
    const closed = new Promise((resolve) => socket.once('close', resolve))
    socket.send('hello')
    await closed
    expect(frames.length).toBe(3)
  })
})

describe('an executor that disconnects', () => {
  it('gets nothing, and the process stays for the next call', async () => {
    const controller = new AbortController()
    const poll = executor.send('assignprocessmsg', { colonyname: colony, timeout: 60 }, controller.signal).catch(() => undefined)
    await until(async () => (await owner.ask('getexecutormsg', { colonyname: colony, executorname: 'one' })).lastheardfromtime > '0002')
    controller.abort()
    await poll
    const { processid } = await executor.ask('submitfuncspecmsg', { spec: spec(colony) })
    const assigned = await executor.ask('assignprocessmsg', { colonyname: colony, timeout: 10 })
    expect(assigned.processid).toBe(processid)
  })
})
