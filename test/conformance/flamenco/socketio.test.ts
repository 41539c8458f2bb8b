/** Live events over SocketIO, with the frames of a SocketIO 2 client (§8). */
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { openFlamencoManager, type FlamencoManager } from '../../support/flamencoManager.ts'
import { echoJob, FlamencoWorker, NO_SUCH_ID, submit } from './actors.ts'
import { assertShape, Client, pathsOfNull } from './client.ts'
import { events } from './schemas.ts'

let manager: FlamencoManager
let client: Client
let page: Page

beforeAll(async () => {
  manager = await openFlamencoManager()
  client = new Client(manager)
})
afterAll(async () => {
  const { errors } = manager
  await manager.close()
  expect(errors).toEqual([])
})
beforeEach(async () => {
  page = await Page.open(manager)
})
afterEach(() => page.close())

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- checked against its event's schema on arrival
type Payload = any

/** The original's web app, as far as the wire goes. */
class Page {
  readonly frames: string[] = []
  readonly received: { name: string; payload: Payload }[] = []
  private next = 0

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data) => {
      const frame = String(data)
      this.frames.push(frame)
      if (!frame.startsWith('42')) return
      const [name, payload] = JSON.parse(frame.slice(2)) as [string, Payload]
      this.received.push({ name, payload })
    })
  }

  static async open({ url }: { url: string }): Promise<Page> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=3&transport=websocket`)
    const page = new Page(socket)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    await expect.poll(() => page.frames.length).toBeGreaterThanOrEqual(2)
    return page
  }

  /** Subscribes and returns the server's answer. */
  async subscribe(subscription: object, op = 'subscribe'): Promise<string> {
    const ack = this.next++
    this.socket.send(`42${ack}${JSON.stringify(['/subscription', { op, ...subscription }])}`)
    const answer = () => this.frames.find((frame) => frame.startsWith(`43${ack}[`))
    await expect.poll(answer).toBeDefined()
    return (JSON.parse(answer()!.slice(`43${ack}`.length)) as string[])[0] ?? ''
  }

  /** Waits for an event that fits, and checks all that came for their shape. */
  async event(name: string, fits: (payload: Payload) => boolean = () => true): Promise<Payload> {
    const find = () => this.received.find((each) => each.name === name && fits(each.payload))
    await expect.poll(find, { timeout: 30_000, message: `event ${name}` }).toBeDefined()
    this.check()
    return find()!.payload
  }

  check(): void {
    for (const { name, payload } of this.received) {
      expect(Object.keys(events)).toContain(name)
      expect(pathsOfNull(payload)).toEqual([])
      assertShape(events[name]!, payload)
    }
  }

  close(): void {
    this.socket.terminate()
  }
}

describe('the connection', () => {
  test('opens with Engine.IO’s handshake and the default namespace', () => {
    const [handshake = '', namespace] = page.frames
    expect(JSON.parse(handshake.slice(1))).toEqual({
      sid: expect.stringMatching(/^[\w-]{20}$/),
      upgrades: [],
      pingInterval: 30000,
      pingTimeout: 60000,
    })
    expect(handshake[0]).toBe('0')
    expect(namespace).toBe('40')
  })

  test('answers pings', async () => {
    page.socket.send('2')
    page.socket.send('2probe')
    await expect.poll(() => page.frames.slice(2)).toEqual(['3', '3probe'])
  })

  test('survives nonsense', async () => {
    for (const frame of [
      '',
      '9',
      '42',
      '42[',
      '42["/subscription"]',
      '42["/subscription",7]',
      '42["x",{}]',
      `42${'['.repeat(10_000)}`,
      '451-["x"]',
    ])
      page.socket.send(frame)
    page.socket.send(Buffer.from([1, 2, 3]))
    page.socket.send('2')
    await expect.poll(() => page.frames.at(-1)).toBe('3')
  })

  test('ends when the client says so', async () => {
    const closed = new Promise((resolve) => page.socket.once('close', resolve))
    page.socket.send('41')
    await closed
  })

  test('is refused to pages of other sites', async () => {
    const socket = new WebSocket(`${manager.url.replace('http', 'ws')}/socket.io/?EIO=3&transport=websocket`, {
      origin: 'http://evil.example',
    })
    socket.on('error', () => undefined)
    const status = await new Promise((resolve) =>
      socket.once('unexpected-response', (_request, response) => resolve(response.statusCode)).once('open', () => resolve('open')),
    )
    expect(status).toBe(403)
  })

  test('is for WebSockets only', async () => {
    const { status, body } = await client.request('GET', '/socket.io/?EIO=3&transport=polling')
    expect(status).toBe(400)
    expect(body.message).toContain('WebSocket')
  })
})

describe('subscriptions', () => {
  test.each([
    [{ type: 'job', uuid: 'x' }, 'invalid UUID, ignoring request'],
    [{ type: 'job' }, 'operation on job requires a UUID'],
    [{ type: 'tasklog' }, 'operation on task requires a UUID'],
    [{ type: 'cats' }, 'unknown subscription type, ignoring request'],
    [{ type: 'allJobs', op: 'explode' }, 'unable to perform subscription operation: unknown operation "explode"'],
    [{ type: 'allJobs' }, 'ok'],
    [{ type: 'tasklog', uuid: NO_SUCH_ID }, 'ok'],
  ])('%j → %s', async (subscription, answer) => expect(await page.subscribe(subscription)).toBe(answer))
})

describe('events', () => {
  test('of jobs: submitted, changed, deleted', async () => {
    await page.subscribe({ type: 'allJobs' })
    const job = await submit(client)
    expect(await page.event('/jobs', ({ id }) => id === job.id)).toMatchObject({
      status: 'queued',
      type: 'echo-sleep-test',
      name: 'Een jöb',
      priority: 50,
    })
    await client.call('POST /jobs/{job_id}/setpriority', 204, [job.id], { body: { priority: 7 } })
    await page.event('/jobs', ({ id, priority }) => id === job.id && priority === 7)
    await client.call('POST /jobs/{job_id}/setstatus', 204, [job.id], { body: { status: 'cancel-requested', reason: 'x' } })
    await page.event(
      '/jobs',
      ({ id, status, previous_status }) => id === job.id && status === 'cancel-requested' && previous_status === 'queued',
    )
    await page.event('/jobs', ({ id, refresh_tasks }) => id === job.id && refresh_tasks)
    await page.event(
      '/jobs',
      ({ id, status, previous_status }) => id === job.id && status === 'canceled' && previous_status === 'cancel-requested',
    )
    await client.call('DELETE /jobs/{job_id}', 204, [job.id])
    expect(await page.event('/jobs', ({ was_deleted }) => was_deleted)).toMatchObject({
      id: job.id,
      status: '',
      updated: '0001-01-01T00:00:00Z',
    })
  })

  test('of tasks and their logs, only to who asked', async () => {
    const other = await Page.open(manager)
    const job = await submit(client)
    await page.subscribe({ type: 'job', uuid: job.id })
    const worker = await FlamencoWorker.awake(client)
    const task = (await worker.schedule()).body
    expect(task.job).toBe(job.id)
    await page.subscribe({ type: 'tasklog', uuid: task.uuid })
    expect(await page.event('/task', ({ status }) => status === 'active')).toMatchObject({
      id: task.uuid,
      job_id: job.id,
      name: 'echo',
      previous_status: 'queued',
      worker: { uuid: worker.uuid, name: 'een-worker' },
    })
    await worker.update(task.uuid, { log: 'a líne\n' })
    expect(await page.event('/tasklog')).toEqual({ task_id: task.uuid, log: 'a líne\n' })
    await worker.update(task.uuid, { taskStatus: 'completed', activity: 'Completed' })
    expect(await page.event('/task', ({ status }) => status === 'completed')).toMatchObject({
      previous_status: 'active',
      steps_completed: 1,
      activity: 'Completed',
    })
    expect(other.received.filter(({ name }) => name === '/task' || name === '/tasklog')).toEqual([])
    other.close()
    await client.call('DELETE /jobs/{job_id}', 204, [job.id])
  })

  test('no more after unsubscribing', async () => {
    await page.subscribe({ type: 'allJobs' })
    await page.subscribe({ type: 'allJobs' }, 'unsubscribe')
    await page.subscribe({ type: 'allWorkerTags' })
    const job = await submit(client)
    await client.call('DELETE /jobs/{job_id}', 204, [job.id])
    // Something that comes later and arrives.
    await client.call('POST /worker-mgt/tags', 200, [], { body: { name: 'marker' } })
    await page.event('/workertags')
    expect(page.received.filter(({ name }) => name === '/jobs')).toEqual([])
  })

  test('of workers: sign-on, status, tags, deletion', async () => {
    await page.subscribe({ type: 'allWorkers' })
    const worker = await FlamencoWorker.awake(client, 'wörker')
    await page.event(
      '/workers',
      ({ id, status, previous_status }) => id === worker.uuid && status === 'starting' && previous_status === 'offline',
    )
    expect(await page.event('/workers', ({ id, status }) => id === worker.uuid && status === 'awake')).toMatchObject({
      name: 'wörker',
      version: '3.9-beta1 (abc123)',
      can_restart: true,
    })
    await client.call('POST /worker-mgt/workers/{worker_id}/setstatus', 204, [worker.uuid], { body: { status: 'asleep', is_lazy: true } })
    await page.event('/workers', ({ status_change }) => status_change?.status === 'asleep' && status_change.is_lazy)
    await worker.signOff()
    await page.event('/workers', ({ id, status }) => id === worker.uuid && status === 'offline')
    await client.call('DELETE /worker-mgt/workers/{worker_id}', 204, [worker.uuid])
    expect(await page.event('/workers', ({ deleted_at }) => deleted_at !== undefined)).toMatchObject({ id: worker.uuid, name: 'wörker' })
  })

  test('of tags', async () => {
    await page.subscribe({ type: 'allWorkerTags' })
    const { body: tag } = await client.call('POST /worker-mgt/tags', 200, [], { body: { name: 'GPU' } })
    await page.event('/workertags', (payload) => payload.tag.name === 'GPU')
    await client.call('PUT /worker-mgt/tag/{tag_id}', 204, [tag.id], { body: { name: 'CPU' } })
    await page.event('/workertags', (payload) => payload.tag.name === 'CPU')
    await client.call('DELETE /worker-mgt/tag/{tag_id}', 204, [tag.id])
    expect(await page.event('/workertags', ({ was_deleted }) => was_deleted)).toEqual({ tag: { id: tag.id, name: '' }, was_deleted: true })
  })

  test('of images, to the job’s page and to all', async () => {
    const other = await Page.open(manager)
    const job = await submit(client, echoJob({ priority: 100 }))
    await page.subscribe({ type: 'job', uuid: job.id })
    await other.subscribe({ type: 'allLastRendered' })
    const worker = await FlamencoWorker.awake(client)
    const { uuid } = (await worker.schedule()).body
    const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } })
      .png()
      .toBuffer()
    await client.call('POST /worker/task/{task_id}/output-produced', 202, [uuid], {
      as: worker,
      raw: png,
      headers: { 'content-type': 'image/png' },
    })
    for (const each of [page, other])
      expect(await each.event('/last-rendered')).toMatchObject({
        job_id: job.id,
        thumbnail: { base: `/job-files/job-${job.id.slice(0, 4)}/${job.id}` },
      })
    other.close()
    await client.call('DELETE /jobs/{job_id}', 204, [job.id])
  })

  test('of the farm’s status, without asking', async () => {
    const before = page.received.length
    await client.call('DELETE /jobs/mass-delete', 416, [], { body: { last_updated_max: '2000-01-01T00:00:00Z' } })
    for (const { id } of (await client.call('GET /worker-mgt/workers', 200)).body.workers)
      await client.call('DELETE /worker-mgt/workers/{worker_id}', 204, [id])
    await page.event('/status', ({ status }) => status === 'inoperative')
    expect(page.received.length).toBeGreaterThan(before)
  })
})

test('a client that is silent for a minute is cut off', async () => {
  const closed = new Promise((resolve) => page.socket.once('close', resolve))
  manager.pass(61_000)
  await closed
}, 20_000)
