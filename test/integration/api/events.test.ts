import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Value } from 'typebox/value'
import { FramehouseEvent } from '../../../src/shared/events.ts'
import { wants } from '../../../src/main/dialects/native/farm/eventFilter.ts'
import { LiveManager, until, type LiveWorker } from '../../support/liveManager.ts'
import { request } from '../../support/rawHttp.ts'
import { openTestServer } from '../../support/testServer.ts'

let farm: LiveManager
let worker: LiveWorker
beforeAll(async () => {
  farm = await LiveManager.start()
  worker = await farm.worker()
})
afterAll(() => farm.stop())

interface Listener {
  /** Control messages and events in the order of their arrival. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  seen: any[]
  socket: WebSocket
  closed: boolean
}

async function listen(url: string, subscription?: unknown): Promise<Listener> {
  const socket = new WebSocket(url.replace('http', 'ws') + '/api/v1/events')
  const listener: Listener = { seen: [], socket, closed: false }
  socket.on('message', (data) => listener.seen.push(...[JSON.parse(String(data))].flat()))
  socket.on('close', () => (listener.closed = true))
  await until(() => listener.seen.some((message) => message.type === 'hello'), 'hello')
  if (subscription !== undefined) {
    socket.send(JSON.stringify(subscription))
    await settled(socket)
  }
  return listener
}

/** A message that is refused comes back after everything sent before it was read. */
async function settled(socket: WebSocket): Promise<void> {
  const answered = new Promise<void>((resolve) => {
    socket.on('message', function onMessage(data) {
      if (!String(data).includes('"refused"')) return
      socket.off('message', onMessage)
      resolve()
    })
  })
  socket.send('{"settled?":true}')
  await answered
}

const ofType = (listener: Listener, type: string) => listener.seen.filter((message) => message.type === type)

describe('the WebSocket of events', () => {
  it('tells what happens to a job from submission to the end, as typed hints', async () => {
    const listener = await listen(farm.url)
    const job = await farm.submit()
    const [first] = (await worker.take(1, 2_000)).assignments
    if (!first) throw new Error('no work')
    await worker.log(first, 'a line\n')
    await worker.report(first, {
      type: 'output',
      at: Date.now(),
      path: '/tmp/events/1.png',
      frame: 1,
      bytes: 1,
      width: 1,
      height: 1,
      renderedMs: 1,
    })
    await worker.finish(first)
    const [second] = (await worker.take(1, 2_000)).assignments
    if (second) await worker.finish(second)
    await until(() => ofType(listener, 'job').some((event) => event.jobId === job.id && event.status === 'completed'), 'completion')
    const statuses = ofType(listener, 'job')
      .filter((event) => event.jobId === job.id)
      .map((event) => event.status)
    expect(statuses[0]).toBe('queued')
    expect(statuses).toContain('active')
    expect(ofType(listener, 'task').map((event) => event.status)).toEqual(expect.arrayContaining(['active', 'completed']))
    expect(ofType(listener, 'frame')[0]).toMatchObject({ jobId: job.id, frame: 1 })
    expect(ofType(listener, 'log')).toEqual([])
    for (const event of listener.seen.slice(1))
      if (event.type !== 'ping') expect(Value.Check(FramehouseEvent, event), JSON.stringify(event)).toBe(true)
    listener.socket.close()
  })

  it('sends log lines of watched tasks only', async () => {
    await farm.submit()
    const [task] = (await worker.take(1, 2_000)).assignments
    if (!task) throw new Error('no work')
    const watching = await listen(farm.url, { watch: [task.taskId.toUpperCase()] })
    const other = await listen(farm.url, { watch: ['00000001-aaaa-4aaa-8aaa-aaaaaaaaaaaa'] })
    await worker.log(task, 'watched\n')
    await until(() => ofType(watching, 'log').length > 0, 'a log event')
    expect(ofType(watching, 'log')[0]).toMatchObject({ taskId: task.taskId, attempt: 1, text: 'watched\n', position: 0, bytes: 8 })
    expect(ofType(other, 'log')).toEqual([])
    await worker.finish(task)
    for (const { socket } of [watching, other]) socket.close()
    await worker.take(1, 2_000).then(({ assignments }) => Promise.all(assignments.map((each) => worker.finish(each))))
  })

  it('sends only the types that were asked for', async () => {
    const listener = await listen(farm.url, { types: ['tag'] })
    await farm.submit({ paused: true })
    await farm.call('POST', '/tags', { body: { name: 'events' } })
    await until(() => ofType(listener, 'tag').length > 0, 'the tag')
    expect(new Set(listener.seen.map((message) => message.type))).toEqual(new Set(['hello', 'refused', 'tag']))
    listener.socket.close()
  })

  it('refuses what is no subscription and goes on', async () => {
    const listener = await listen(farm.url)
    for (const message of ['nonsense', '[]', '{"watch":["x"]}', '{"types":5}', '{"unknown":1}', '['.repeat(1000)])
      listener.socket.send(message)
    await until(() => ofType(listener, 'refused').length === 6, 'six refusals')
    await farm.call('POST', '/tags', { body: { name: 'still listening' } })
    await until(() => ofType(listener, 'tag').length > 0, 'the tag')
    listener.socket.close()
  })

  it('closes on a message that is too large, and the manager lives', async () => {
    const listener = await listen(farm.url)
    listener.socket.on('error', () => undefined)
    listener.socket.send('x'.repeat(1_000_000))
    await until(() => listener.closed, 'the end')
    expect((await farm.get('/version')).status).toBe(200)
  })
})

describe('a listener that is too slow', () => {
  it('does not fill the memory: its events are dropped, and it is asked to pull everything when it reads again', async () => {
    let publish: ((event: FramehouseEvent) => void) | undefined
    const server = await openTestServer({ farm: { onAny: (listener) => ((publish = listener), () => (publish = undefined)) } })
    const key = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    }
    const socket = connect(server.port, '127.0.0.1')
    socket.write(request('GET', '/api/v1/events', key))
    await until(() => publish !== undefined, 'a listener')
    socket.pause()
    const event: FramehouseEvent = { type: 'limit', at: 1, name: 'x'.repeat(20_000) }
    for (let i = 0; i < 200; i++) {
      for (let n = 0; n < 100; n++) publish?.(event)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    let received = ''
    let bytes = 0
    socket.on('data', (chunk) => {
      bytes += chunk.length
      received = (received + chunk.toString('latin1')).slice(-100_000)
    })
    socket.resume()
    await until(() => received.includes('"resync"'), 'resync')
    // 400 MB were sent. What arrives is what has waited: a fraction of it.
    expect(bytes).toBeLessThan(100_000_000)
    publish?.({ type: 'limit', at: 2, name: 'after' })
    await until(() => received.includes('"after"'), 'the next event')
    socket.destroy()
    await until(() => publish === undefined, 'no client listens')
    await server.close()
  })
})

describe('a manager that stops', () => {
  it('says so to its listeners', async () => {
    const short = await LiveManager.start()
    const listener = await listen(short.url)
    await short.stop()
    await until(() => listener.closed, 'the end')
  })
})

describe('wishes', () => {
  const all = { types: null, jobs: null, watch: new Set<string>() }
  const job = 'aaaaaaaa-0000-4000-8000-000000000001'
  const task: FramehouseEvent = { type: 'task', at: 1, jobId: job, taskId: job, status: 'active', previousStatus: null, workerId: null }
  const log: FramehouseEvent = { type: 'log', at: 1, jobId: job, taskId: job, attempt: 1, position: 0, bytes: 1, text: 'x' }
  const farmEvent: FramehouseEvent = { type: 'farm', at: 1, status: 'idle' }
  it.each([
    ['everything: a task', all, task, true],
    ['everything: no log', all, log, false],
    ['watched: a log', { ...all, watch: new Set([job]) }, log, true],
    ['watched: a log, whatever the types', { ...all, types: new Set(['job']), watch: new Set([job]) }, log, true],
    ['types: another', { ...all, types: new Set(['job']) }, task, false],
    ['types: it', { ...all, types: new Set(['task']) }, task, true],
    ['jobs: another', { ...all, jobs: new Set(['x']) }, task, false],
    ['jobs: it', { ...all, jobs: new Set([job]) }, task, true],
    ['jobs: events that belong to none', { ...all, jobs: new Set(['x']) }, farmEvent, true],
  ])('%s', (_what, wishes, event, expected) => {
    expect(wants(wishes, event)).toBe(expected)
  })
})
