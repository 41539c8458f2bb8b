/** What a Flamenco Worker does from registration to shutdown, with its exact requests (§2.1, §2.2, §3, §4, §11). */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openFlamencoManager, type FlamencoManager } from '../../support/flamencoManager.ts'
import { echoJob, FlamencoWorker, submit, tasksOf } from './actors.ts'
import { Client } from './client.ts'

let manager: FlamencoManager
let client: Client

beforeAll(async () => {
  manager = await openFlamencoManager()
  client = new Client(manager)
  await writeFile(join(manager.context.paths.scripts, 'many.js'), MANY)
})
afterAll(async () => {
  const { errors } = manager
  await manager.close()
  expect(errors).toEqual([])
})
/** Each test finds an empty farm. */
afterEach(async () => {
  const { jobs } = (await client.call('GET /jobs', 200)).body
  if (jobs.length > 0) await client.call('DELETE /jobs/mass-delete', 204, [], { body: { last_updated_max: '2100-01-01T00:00:00Z' } })
  for (const { id } of (await client.call('GET /worker-mgt/workers', 200)).body.workers)
    await client.call('DELETE /worker-mgt/workers/{worker_id}', 204, [id])
  for (const { id } of (await client.call('GET /worker-mgt/tags', 200)).body.tags)
    await client.call('DELETE /worker-mgt/tag/{tag_id}', 204, [id])
})

/** Tasks that do not depend on each other. */
const MANY = `const JOB_TYPE = { label: 'Many', settings: [
  { key: 'count', type: 'int32', default: 3 },
  { key: 'kind', type: 'string', default: 'misc' },
  { key: 'path', type: 'string', default: '' } ] }
function compileJob(job) {
  for (let i = 0; i < job.settings.count; i++) {
    const task = author.Task('task ' + i, job.settings.kind)
    task.addCommand(author.Command('echo', { message: 'number ' + i, path: job.settings.path }, 5))
    job.addTask(task)
  }
}`
const many = (count: number, settings: object = {}, job: object = {}) =>
  echoJob({ name: `many ${count}`, type: 'many', settings: { count, ...settings }, ...job })

const status = async (jobId: string): Promise<string> => (await client.call('GET /jobs/{job_id}', 200, [jobId])).body.status
const task = async (taskId: string) => (await client.call('GET /tasks/{task_id}', 200, [taskId])).body
const statuses = async (jobId: string): Promise<string[]> => (await tasksOf(client, jobId)).map((each) => each.status)
const log = async (taskId: string): Promise<string> => (await client.call('GET /tasks/{task_id}/logtail', 200, [taskId])).text
const worker = async (id: string) => (await client.call('GET /worker-mgt/workers/{worker_id}', 200, [id])).body
const setJob = (jobId: string, to: string) =>
  client.call('POST /jobs/{job_id}/setstatus', 204, [jobId], { body: { status: to, reason: 'test' } })
const setTask = (taskId: string, to: string) =>
  client.call('POST /tasks/{task_id}/setstatus', 204, [taskId], { body: { status: to, reason: 'because' } })
const ask = (id: string, to: string, lazy: boolean, code = 204) =>
  client.call('POST /worker-mgt/workers/{worker_id}/setstatus', code, [id], { body: { status: to, is_lazy: lazy } })

describe('a whole life', () => {
  test('from registration to sign-off, with a job in between', async () => {
    const job = await submit(client, echoJob({}, 2))
    const rendering = await FlamencoWorker.register(client)
    expect(await worker(rendering.uuid)).toMatchObject({ status: 'offline', version: '' })
    expect(await rendering.signOn()).toBe('awake')
    expect(await worker(rendering.uuid)).toMatchObject({ status: 'starting', version: '3.9-beta1 (abc123)', can_restart: true })
    await rendering.changedTo('awake')
    expect((await client.call('GET /status', 200)).body.status).toBe('waiting')

    const first = (await rendering.schedule()).body
    expect(first).toMatchObject({ job: job.id, name: 'echo', task_type: 'misc', steps_completed: 0, steps_total: 1 })
    expect(await status(job.id)).toBe('active')
    expect((await client.call('GET /status', 200)).body.status).toBe('active')
    expect((await worker(rendering.uuid)).task).toMatchObject({ id: first.uuid, job_id: job.id, status: 'active' })
    await rendering.complete(first)
    expect(await task(first.uuid)).toMatchObject({
      status: 'completed',
      steps_completed: 1,
      activity: 'Completed',
      worker: { id: rendering.uuid, name: 'een-worker' },
    })

    for (const _ of [1, 2]) await rendering.complete((await rendering.schedule()).body)
    await rendering.schedule(204)
    expect(await status(job.id)).toBe('completed')
    expect(await log(first.uuid)).toMatch(/Task assigned to worker een-worker \([0-9a-f-]{36}\)[^]*echo: "step 1"/)

    await rendering.signOff()
    expect(await worker(rendering.uuid)).toMatchObject({ status: 'offline', status_change: { status: 'awake', is_lazy: false } })
    expect(await rendering.signOn()).toBe('awake')
  })

  test('a signed-off worker’s task goes to another, and a late update of the first is refused without harm', async () => {
    const job = await submit(client)
    const [first, second] = [await FlamencoWorker.awake(client, 'first'), await FlamencoWorker.awake(client, 'second')]
    const { uuid } = (await first.schedule()).body
    await first.signOff()
    expect(await task(uuid)).toMatchObject({ status: 'queued', steps_completed: 0 })
    expect((await task(uuid)).activity).toContain('worker signed off')
    expect((await second.schedule()).body.uuid).toBe(uuid)
    await first.update(uuid, { activity: 'Completed', taskStatus: 'completed', log: 'too late\n' }, 409)
    expect(await task(uuid)).toMatchObject({ status: 'active', worker: { id: second.uuid } })
    expect(await status(job.id)).toBe('active')
  })

  test('a worker that comes back without having signed off gets its task again', async () => {
    await submit(client)
    const lost = await FlamencoWorker.awake(client)
    const { uuid } = (await lost.schedule()).body
    await lost.signOn()
    await lost.changedTo('awake')
    await submit(client, echoJob({ priority: 100 }))
    expect((await lost.schedule()).body.uuid).toBe(uuid)
  })

  test('going asleep gives the task back', async () => {
    await submit(client)
    const tired = await FlamencoWorker.awake(client)
    const { uuid } = (await tired.schedule()).body
    await tired.changedTo('asleep')
    expect(await task(uuid)).toMatchObject({ status: 'queued' })
    expect((await task(uuid)).activity).toContain("changed status to 'asleep'")
    await tired.schedule(409)
  })
})

describe('status requests', () => {
  test('a request is kept through another status and cleared by the wanted one', async () => {
    const asked = await FlamencoWorker.awake(client)
    await ask(asked.uuid, 'asleep', false)
    await asked.changedTo('starting')
    expect(await worker(asked.uuid)).toMatchObject({ status: 'starting', status_change: { status: 'asleep', is_lazy: false } })
    await asked.changedTo('asleep')
    expect(await worker(asked.uuid)).not.toHaveProperty('status_change')
  })

  test('asking for what it is already clears the request', async () => {
    const asked = await FlamencoWorker.awake(client)
    await ask(asked.uuid, 'asleep', true)
    await ask(asked.uuid, 'awake', false)
    expect(await worker(asked.uuid)).not.toHaveProperty('status_change')
  })

  test('a lazy request lets the task run on, an immediate one does not', async () => {
    await submit(client)
    const asked = await FlamencoWorker.awake(client)
    const { uuid } = (await asked.schedule()).body
    await ask(asked.uuid, 'asleep', true)
    expect(await asked.mayRun(uuid)).toMatchObject({ mayKeepRunning: true })
    await ask(asked.uuid, 'offline', false)
    expect(await asked.mayRun(uuid)).toEqual({
      mayKeepRunning: false,
      reason: 'worker status change requested',
      statusChangeRequested: true,
    })
  })

  test('a request wins over a wrong state', async () => {
    const asked = await FlamencoWorker.register(client)
    await ask(asked.uuid, 'awake', false)
    expect((await asked.schedule(423)).body).toEqual({ status_requested: 'awake' })
  })

  test('refused schedules count as signs of life', async () => {
    const seen = await FlamencoWorker.register(client)
    expect(await worker(seen.uuid)).not.toHaveProperty('last_seen')
    await seen.schedule(409)
    expect(await worker(seen.uuid)).toHaveProperty('last_seen')
  })

  test('sign-off clears offline and restart, and remembers only awake and asleep', async () => {
    const leaving = await FlamencoWorker.awake(client)
    await ask(leaving.uuid, 'restart', false)
    await leaving.signOff()
    expect(await worker(leaving.uuid)).toMatchObject({ status: 'offline', status_change: { status: 'awake' } })
    const fresh = await FlamencoWorker.register(client, 'fresh')
    await fresh.signOn()
    await fresh.signOff()
    expect(await worker(fresh.uuid)).not.toHaveProperty('status_change')
  })

  test('a sleep schedule answers the sign-on', async () => {
    const sleeper = await FlamencoWorker.register(client)
    await client.call('POST /worker-mgt/workers/{worker_id}/sleep-schedule', 204, [sleeper.uuid], {
      body: { is_active: true, days_of_week: '', start_time: '', end_time: '' },
    })
    expect(await sleeper.signOn()).toBe('asleep')
  })
})

describe('which task a worker gets', () => {
  test('job priority, then task order; tasks wait for all they depend on', async () => {
    const low = await submit(client, many(1, {}, { priority: 10 }))
    const high = await submit(client, echoJob({ priority: 90 }, 2))
    const [a, b] = [await FlamencoWorker.awake(client, 'a'), await FlamencoWorker.awake(client, 'b')]
    const echo = (await a.schedule()).body
    expect(echo).toMatchObject({ job: high.id, name: 'echo' })
    // The sleep tasks wait for the echo task: the less urgent job is next.
    expect((await b.schedule()).body.job).toBe(low.id)
    await a.complete(echo)
    expect((await a.schedule()).body).toMatchObject({ job: high.id, name: 'sleep' })
  })

  test('only what it can do, also when it says so in capitals', async () => {
    await submit(client, many(1, { kind: 'ffmpeg' }))
    await (await FlamencoWorker.awake(client, 'no', ['blender', 'misc'])).schedule(204)
    await (await FlamencoWorker.awake(client, 'yes', [' FFmpeg '])).schedule(200)
  })

  test('tags: an untagged worker does untagged jobs, a tagged one both', async () => {
    const tag = (await client.call('POST /worker-mgt/tags', 200, [], { body: { name: 'GPU' } })).body
    const job = await submit(client, many(2, {}, { worker_tag: tag.id }))
    expect(job.worker_tag).toBe(tag.id)
    const [plain, tagged] = [await FlamencoWorker.awake(client, 'plain'), await FlamencoWorker.awake(client, 'tagged')]
    await client.call('POST /worker-mgt/workers/{worker_id}/settags', 204, [tagged.uuid], { body: { tag_ids: [tag.id] } })
    expect((await worker(tagged.uuid)).tags).toEqual([{ id: tag.id, name: 'GPU' }])
    await plain.schedule(204)
    const first = (await tagged.schedule()).body
    await tagged.complete(first)
    await client.call('POST /jobs/{job_id}/settag', 204, [job.id], { body: {} })
    expect((await client.call('GET /jobs/{job_id}', 200, [job.id])).body).not.toHaveProperty('worker_tag')
    await plain.schedule(200)
    await client.call('POST /jobs/{job_id}/settag', 204, [job.id], { body: { name: 'GPU' } })
    expect((await client.call('GET /jobs/{job_id}', 200, [job.id])).body.worker_tag).toBe(tag.id)
  })

  test('not what it failed before, and not what it was blocked from', async () => {
    const job = await submit(client, many(40))
    const [bad, good] = [await FlamencoWorker.awake(client, 'bad'), await FlamencoWorker.awake(client, 'good')]
    await good.complete((await good.schedule()).body)
    const failed: string[] = []
    for (let i = 0; i < 3; i++) {
      const { body } = await bad.schedule()
      expect(failed).not.toContain(body.uuid)
      failed.push(body.uuid)
      await bad.fail(body)
    }
    const list = await client.call('GET /jobs/{job_id}/blocklist', 200, [job.id])
    expect(list.body).toEqual([{ worker_id: bad.uuid, task_type: 'misc', worker_name: 'bad' }])
    await bad.schedule(204)
    expect((await task(failed[0] ?? '')).failed_by_workers).toMatchObject([{ id: bad.uuid, name: 'bad' }])
    await good.complete((await good.schedule()).body)

    await client.call('DELETE /jobs/{job_id}/blocklist', 204, [job.id], { body: list.body })
    expect((await client.call('GET /jobs/{job_id}/blocklist', 200, [job.id])).body).toEqual([])
    expect(failed).not.toContain((await bad.schedule()).body.uuid)
  })
})

describe('task updates', () => {
  test('steps are kept within the total and counted on the job', async () => {
    const job = await submit(client, many(2))
    const rendering = await FlamencoWorker.awake(client)
    const { uuid } = (await rendering.schedule()).body
    await rendering.update(uuid, { steps_completed: 2 })
    expect((await client.call('GET /jobs/{job_id}', 200, [job.id])).body).toMatchObject({ steps_completed: 2, steps_total: 10 })
    await rendering.update(uuid, { steps_completed: 47 })
    expect(await task(uuid)).toMatchObject({ steps_completed: 5, steps_total: 5 })
  })

  test('soft failure, then hard failure, with the original’s words in the log', async () => {
    const job = await submit(client, many(1))
    const workers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => FlamencoWorker.awake(client, name)))
    const { uuid } = (await workers[0]!.schedule()).body
    await workers[0]!.fail({ uuid })
    expect(await statuses(job.id)).toEqual(['soft-failed'])
    expect(await log(uuid)).toContain(
      'Task failed by 1 worker(s), Manager will mark it as soft failure. 2 more failure(s) will cause hard failure.',
    )
    for (const next of workers.slice(1, 3)) await next.fail((await next.schedule()).body)
    expect(await statuses(job.id)).toEqual(['failed'])
    expect(await status(job.id)).toBe('failed')
    expect(await log(uuid)).toContain('Task failed by 3 worker(s), Manager will mark it as hard failure')
  })

  test('a farm of one worker finishes what is healthy and tries the failed task again, three times in all', async () => {
    const job = await submit(client, many(2))
    const alone = await FlamencoWorker.awake(client, 'alone')
    const { uuid } = (await alone.schedule()).body
    await alone.fail({ uuid })
    const healthy = (await alone.schedule()).body
    expect(healthy.uuid).not.toBe(uuid)
    await alone.complete(healthy)
    for (const after of ['active', 'failed']) {
      expect((await alone.schedule()).body.uuid).toBe(uuid)
      await alone.fail({ uuid })
      expect(await status(job.id)).toBe(after)
    }
    expect((await client.call('GET /jobs/{job_id}', 200, [job.id])).body.activity).toContain('First failure: task')
  })

  test('with one other worker left the job goes on', async () => {
    const job = await submit(client, many(40))
    const [a] = [await FlamencoWorker.awake(client, 'a'), await FlamencoWorker.awake(client, 'b')]
    await a.fail((await a.schedule()).body)
    expect(await status(job.id)).toBe('active')
  })

  test('a cancelled task tells its worker to stop', async () => {
    await submit(client)
    const rendering = await FlamencoWorker.awake(client)
    const { uuid } = (await rendering.schedule()).body
    await setTask(uuid, 'canceled')
    expect(await rendering.mayRun(uuid)).toEqual({
      mayKeepRunning: false,
      reason: 'task is in non-runnable status "canceled"',
      statusChangeRequested: false,
    })
    expect(await task(uuid)).toMatchObject({ status: 'canceled', activity: 'because' })
  })

  test('a worker that was removed must stop, and so must one that never registered', async () => {
    await submit(client)
    const removed = await FlamencoWorker.awake(client)
    const { uuid } = (await removed.schedule()).body
    await client.call('DELETE /worker-mgt/workers/{worker_id}', 204, [removed.uuid])
    const no = { mayKeepRunning: false, reason: 'worker is not registered (any more)', statusChangeRequested: false }
    expect(await removed.mayRun(uuid)).toEqual(no)
    const stranger = await fetch(`${manager.url}/api/v3/worker/task/${uuid}/may-i-run`)
    expect([stranger.status, await stranger.json()]).toEqual([200, no])
  })

  test('a task without a worker and a task of another', async () => {
    const job = await submit(client, many(2))
    const [a, b] = [await FlamencoWorker.awake(client, 'a'), await FlamencoWorker.awake(client, 'b')]
    const { uuid } = (await a.schedule()).body
    const other = (await tasksOf(client, job.id)).find((each) => each.id !== uuid)
    expect(await b.mayRun(uuid)).toMatchObject({ mayKeepRunning: false, reason: 'task not assigned to this worker' })
    expect(await b.mayRun(other.id)).toMatchObject({ mayKeepRunning: false, reason: 'task not assigned to this worker' })
  })
})

describe('statuses of jobs', () => {
  test('pausing lets the active task end, then the job is paused; requeueing goes on', async () => {
    const job = await submit(client, many(3))
    const rendering = await FlamencoWorker.awake(client)
    const running = (await rendering.schedule()).body
    await setJob(job.id, 'pause-requested')
    expect(await status(job.id)).toBe('pause-requested')
    expect(await statuses(job.id)).toEqual(['active', 'paused', 'paused'])
    await rendering.complete(running)
    expect(await status(job.id)).toBe('paused')
    await rendering.schedule(204)
    await setJob(job.id, 'requeueing')
    expect(await status(job.id)).toBe('queued')
    expect(await statuses(job.id)).toEqual(['completed', 'queued', 'queued'])
  })

  test('a job may be submitted paused, and un-paused by requeueing', async () => {
    const job = await submit(client, many(2, {}, { initial_status: 'paused' }))
    expect(job.status).toBe('paused')
    const rendering = await FlamencoWorker.awake(client)
    await rendering.schedule(204)
    await setJob(job.id, 'requeueing')
    await rendering.schedule(200)
  })

  test('cancelling cancels what is not done', async () => {
    const job = await submit(client, many(3))
    const rendering = await FlamencoWorker.awake(client)
    await rendering.complete((await rendering.schedule()).body)
    const { uuid } = (await rendering.schedule()).body
    await setJob(job.id, 'cancel-requested')
    expect(await status(job.id)).toBe('canceled')
    expect(await statuses(job.id)).toEqual(['completed', 'canceled', 'canceled'])
    expect((await rendering.mayRun(uuid)).mayKeepRunning).toBe(false)
  })

  test('requeueing a completed job does everything again', async () => {
    const job = await submit(client, many(2))
    const rendering = await FlamencoWorker.awake(client)
    for (const _ of [1, 2]) await rendering.complete((await rendering.schedule()).body)
    expect(await status(job.id)).toBe('completed')
    await setJob(job.id, 'requeueing')
    expect(await statuses(job.id)).toEqual(['queued', 'queued'])
    expect((await client.call('GET /jobs/{job_id}', 200, [job.id])).body).toMatchObject({ status: 'queued', steps_completed: 0 })
  })

  test('requeueing one task of a completed job requeues all of them', async () => {
    const job = await submit(client, many(2))
    const rendering = await FlamencoWorker.awake(client)
    for (const _ of [1, 2]) await rendering.complete((await rendering.schedule()).body)
    await setTask((await tasksOf(client, job.id))[0].id, 'queued')
    expect(await status(job.id)).toBe('queued')
    expect(await statuses(job.id)).toEqual(['queued', 'queued'])
  })

  test('requeueing a failed job forgets failures and the blocklist, cancelling does not', async () => {
    const job = await submit(client, many(40))
    const [bad] = [await FlamencoWorker.awake(client, 'bad'), await FlamencoWorker.awake(client, 'good')]
    const { uuid } = (await bad.schedule()).body
    await bad.fail({ uuid })
    await setJob(job.id, 'cancel-requested')
    expect((await task(uuid)).failed_by_workers).toHaveLength(1)
    await setJob(job.id, 'requeueing')
    expect((await task(uuid)).failed_by_workers).toEqual([])
  })

  test('requeueing one task forgets who failed it', async () => {
    await submit(client, many(40))
    const [bad] = [await FlamencoWorker.awake(client, 'bad'), await FlamencoWorker.awake(client, 'good')]
    const { uuid } = (await bad.schedule()).body
    await bad.fail({ uuid })
    await setTask(uuid, 'queued')
    expect(await task(uuid)).toMatchObject({ status: 'queued', failed_by_workers: [] })
  })

  test('10 % of failed tasks end the job early, but not before ten have failed', async () => {
    const job = await submit(client, many(40))
    const tasks = await tasksOf(client, job.id)
    for (const { id } of tasks.slice(0, 9)) await setTask(id, 'failed')
    expect(await status(job.id)).not.toBe('failed')
    await setTask(tasks[9].id, 'failed')
    expect(await status(job.id)).toBe('failed')
    expect((await statuses(job.id)).filter((each) => each === 'canceled')).toHaveLength(30)
  })

  test('a deleted job is gone, and so are its tasks', async () => {
    const job = await submit(client)
    const [first] = await tasksOf(client, job.id)
    await client.call('DELETE /jobs/{job_id}', 204, [job.id])
    await client.call('GET /jobs/{job_id}', 404, [job.id])
    await client.call('GET /tasks/{task_id}', 404, [first.id])
    expect((await client.call('GET /jobs', 200)).body.jobs).toEqual([])
    expect(await tasksOf(client, job.id)).toEqual([])
    await (await FlamencoWorker.awake(client)).schedule(204)
  })
})

describe('variables', () => {
  test('paths become variables on submission and paths of the worker on hand-out', async () => {
    const both = (linux: string, windows: string) => ({
      isTwoWay: true,
      values: [
        { platforms: ['linux'], value: linux },
        { platforms: ['windows'], value: windows },
      ],
    })
    await manager.context.settings.update({
      variables: { ...manager.context.settings.current().variables, share: both('/mnt/share', 'S:') },
    })
    const job = await submit(
      client,
      many(1, { path: 's:\\Shots\\sq010' }, { submitter_platform: 'windows', metadata: { from: 'S:\\here' } }),
    )
    expect(job).toMatchObject({ settings: { path: '{share}\\Shots\\sq010' }, metadata: { from: '{share}\\here' } })
    const { body } = await (await FlamencoWorker.awake(client)).schedule()
    expect(body.commands[0].parameters.path).toBe('/mnt/share/Shots/sq010')
    expect((await task(body.uuid)).commands[0].parameters.path).toBe('{share}\\Shots\\sq010')
    await submit(client, many(1, { path: '/mnt/share/x/' }))
    const onWindows = await FlamencoWorker.awake(client, 'w', undefined, 'windows')
    expect((await onWindows.schedule()).body.commands[0].parameters.path).toBe('S:\\x')
  })
})

describe('logs', () => {
  test('a chunk without newline gets one, and the tail drops an incomplete first line', async () => {
    await submit(client)
    const rendering = await FlamencoWorker.awake(client)
    const { uuid } = (await rendering.schedule()).body
    await rendering.update(uuid, { log: 'without newline' })
    await rendering.update(uuid, { log: 'next' })
    expect(await log(uuid)).toContain('without newline\nnext\n')
    await rendering.update(uuid, { log: `${'x'.repeat(3000)}\nlast line of the lög\n` })
    expect(await log(uuid)).toBe('last line of the lög\n')
  })

  test('the whole log is a file at the address that fetchTaskLogInfo gives', async () => {
    await submit(client)
    const rendering = await FlamencoWorker.awake(client)
    const { uuid, job } = (await rendering.schedule()).body
    const lines = Array.from({ length: 20_000 }, (_, i) => `pid=1 > line ${i}\n`).join('')
    await rendering.update(uuid, { log: lines })
    const { body } = await client.call('GET /tasks/{task_id}/log', 200, [uuid])
    expect(body).toMatchObject({ task_id: uuid, job_id: job, url: `/job-files/job-${job.slice(0, 4)}/${job}/task-${uuid}.txt` })
    const file = await client.request('GET', body.url)
    expect(file.status).toBe(200)
    expect(Buffer.byteLength(file.text)).toBe(body.size)
    expect(file.text).toContain(lines)
    expect(file.headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect(file.headers.get('x-content-type-options')).toBe('nosniff')
    expect(file.headers.get('content-security-policy')).toContain('sandbox')
  })
})

describe('images', () => {
  test('an uploaded image is there in three sizes and the job is the last rendered one', async () => {
    const job = await submit(client)
    const rendering = await FlamencoWorker.awake(client)
    const { uuid } = (await rendering.schedule()).body
    const jpeg = await sharp({ create: { width: 3840, height: 1000, channels: 3, background: 'blue' } })
      .jpeg()
      .toBuffer()
    await client.call('POST /worker/task/{task_id}/output-produced', 202, [uuid], {
      as: rendering,
      raw: jpeg,
      headers: { 'content-type': 'image/jpeg' },
    })
    await manager.context.lastRendered.idle()
    const { body } = await client.call('GET /jobs/{job_id}/last-rendered', 200, [job.id])
    expect(body.base).toBe(`/job-files/job-${job.id.slice(0, 4)}/${job.id}`)
    const sizes: number[][] = []
    for (const suffix of body.suffixes) {
      const reply = await fetch(`${manager.url}${body.base}/${suffix}`)
      expect(reply.headers.get('content-type')).toBe('image/jpeg')
      expect(reply.headers.get('content-security-policy')).toContain('sandbox')
      const { width, height } = await sharp(Buffer.from(await reply.arrayBuffer())).metadata()
      sizes.push([width, height])
    }
    expect(sizes).toEqual([
      [1920, 500],
      [600, 156],
      [200, 52],
    ])
    expect((await client.call('GET /jobs/last-rendered', 200)).body).toEqual(body)
  })

  test('what is no image is taken and changes nothing', async () => {
    const job = await submit(client)
    const rendering = await FlamencoWorker.awake(client)
    const { uuid } = (await rendering.schedule()).body
    await client.call('POST /worker/task/{task_id}/output-produced', 202, [uuid], {
      as: rendering,
      raw: 'no image',
      headers: { 'content-type': 'image/png' },
    })
    await manager.context.lastRendered.idle()
    await client.call('GET /jobs/{job_id}/last-rendered', 204, [job.id])
  })

  test('frames that a log tells of are recorded, with previews where the manager can read them', async () => {
    await submit(client)
    const rendering = await FlamencoWorker.awake(client)
    const { uuid } = (await rendering.schedule()).body
    const folder = join(manager.context.paths.storage(), 'renders')
    await mkdir(folder, { recursive: true })
    await sharp({ create: { width: 2000, height: 1000, channels: 4, background: 'green' } })
      .png()
      .toFile(join(folder, 'shot-0012.png'))
    await rendering.update(uuid, {
      log: `pid=7 > Fra:12 Mem:1M\npid=7 > Saved: '${folder}/shot-0012.png'\npid=7 > Time: 00:01\npid=7 > Saved: '/elsewhere/0013.exr'\n`,
    })
    const frames = () =>
      manager.context.read.all<{ path: string; frame: number; preview: string; width: number | null }>(
        'select path, frame, preview, width from frames order by frame',
      )
    await expect.poll(frames).toEqual([
      { path: `${folder}/shot-0012.png`, frame: 12, preview: 'ready', width: 2000 },
      { path: '/elsewhere/0013.exr', frame: 13, preview: 'none', width: null },
    ])
  })
})
