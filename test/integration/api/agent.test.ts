import { createHash, randomBytes } from 'node:crypto'
import { link, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:net'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Value } from 'typebox/value'
import { ReportReply, SignOnReply, TakeReply } from '../../../src/shared/schemas/agent.ts'
import { LiveManager, until, type LiveWorker } from '../../support/liveManager.ts'
import { request } from '../../support/rawHttp.ts'

let farm: LiveManager
beforeAll(async () => {
  farm = await LiveManager.start()
})
afterAll(() => farm.stop())

const JPEG = await sharp({ create: { width: 16, height: 9, channels: 3, background: '#d06030' } })
  .jpeg()
  .toBuffer()

async function running(worker: LiveWorker): Promise<{ taskId: string; attempt: number; jobId: string }> {
  await farm.submit()
  const [assignment] = (await worker.take(1, 2_000)).assignments
  if (!assignment) throw new Error('no work')
  return assignment
}

describe('joining', () => {
  it('a stranger asks, waits without tasks, and works after approval', async () => {
    const strict = await LiveManager.start({ trustLoopback: false })
    const { text: admin } = await strict.manager.context.security.accounts.createToken({
      kind: 'token',
      name: 'owner',
      role: 'admin',
      scopes: ['admin'],
      createdBy: 'test',
    })
    const worker = await strict.worker('stranger')
    await strict.submit({}, { token: admin })
    expect(await worker.take(1, 200)).toMatchObject({ assignments: [], approved: false })
    const listed = (await strict.get('/workers', { token: admin })).body.items[0]
    expect(listed).toMatchObject({ id: worker.id, approved: false })
    expect((await strict.get('/status', { token: admin })).body.pendingWorkers).toBe(1)
    expect((await strict.call('POST', `/workers/${worker.id}/approve`)).status).toBe(401)
    expect((await strict.call('POST', `/workers/${worker.id}/approve`, { token: admin })).status).toBe(200)
    await until(async () => (await worker.take(1, 500)).assignments.length > 0, 'work')
    await strict.stop()
  })

  it('with a key needs no approval', async () => {
    const strict = await LiveManager.start({ trustLoopback: false })
    const { text: key } = await strict.manager.context.security.accounts.createToken({
      kind: 'key',
      name: 'rack',
      role: 'viewer',
      scopes: ['worker'],
      createdBy: 'test',
    })
    const reply = await strict.call('POST', `/k/${key}/api/v1/agent/join`, {
      body: { name: 'rack-1', secret: randomBytes(20).toString('hex'), platform: 'linux', kinds: ['misc'] },
    })
    expect(reply.body.approved).toBe(true)
    await strict.stop()
  })

  it('too many who wait are asked to come back later', async () => {
    const strict = await LiveManager.start({ trustLoopback: false })
    await strict.manager.context.settings.update({ maxPendingWorkers: 2 })
    const ask = () =>
      strict.call('POST', '/agent/join', {
        body: { name: 'x', secret: randomBytes(20).toString('hex'), platform: 'linux', kinds: ['misc'] },
      })
    expect([(await ask()).status, (await ask()).status, (await ask()).status]).toEqual([200, 200, 429])
    await strict.stop()
  })

  it('the secret is stored as a hash, and is in no log of changes', async () => {
    const worker = await farm.worker('secretive')
    const { read } = farm.manager.context
    await until(async () => (await read.all('select 1 from audit where target_id = ?', [worker.id])).length > 0, 'the audit entry')
    for (const table of ['workers', 'audit']) expect(JSON.stringify(await read.all(`select * from ${table}`))).not.toContain(worker.secret)
  })
})

describe('the calls', () => {
  it('answer in the shapes that the protocol says', async () => {
    const worker = await farm.worker('shapes')
    const signOn = await worker.post('sign-on', { name: 'shapes', software: 'test', kinds: ['misc'], capacity: 2, running: [] })
    expect(Value.Errors(SignOnReply, signOn.body)).toEqual([])
    await farm.submit()
    const take = await worker.take(1, 1_000)
    expect(Value.Errors(TakeReply, take)).toEqual([])
    const [assignment] = take.assignments
    if (!assignment) throw new Error('no work')
    const report = await worker.report(
      assignment,
      { type: 'started', at: Date.now() },
      { type: 'progress', at: Date.now(), stepsCompleted: 0 },
    )
    expect(Value.Errors(ReportReply, report)).toEqual([])
    await worker.finish(assignment)
  })

  it('of a Flamenco worker are refused', async () => {
    const secret = randomBytes(20).toString('hex')
    const registered = await farm.call('POST', '/api/v3/worker/register-worker', {
      body: { secret, platform: 'linux', supported_task_types: ['misc'], name: 'foreign' },
    })
    const headers = { authorization: `Basic ${Buffer.from(`${registered.body.uuid}:${secret}`).toString('base64')}` }
    const reply = await farm.call('POST', '/agent/take', { headers, body: { slots: 1, waitMs: 0, running: [] } })
    expect(reply.status).toBe(403)
  })

  it('of an unknown worker are 401, so that it joins anew', async () => {
    const headers = { authorization: `Basic ${Buffer.from('ffffffff-ffff-4fff-8fff-ffffffffffff:secret').toString('base64')}` }
    expect(await farm.call('POST', '/agent/take', { headers, body: { slots: 1, waitMs: 0, running: [] } })).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    })
  })
})

describe('a worker that vanishes while it waits', () => {
  it('is handed nothing: the task goes to the next one at once', async () => {
    const [vanishing, patient] = [await farm.worker('vanishing'), await farm.worker('patient')]
    const body = JSON.stringify({ slots: 1, waitMs: 30_000, running: [], status: 'awake' })
    const socket = connect(farm.manager.port, '127.0.0.1')
    socket.write(
      request(
        'POST',
        '/api/v1/agent/take',
        { 'Content-Type': 'application/json', Authorization: vanishing.headers['authorization'] ?? '' },
        body,
      ),
    )
    await new Promise((resolve) => setTimeout(resolve, 200))
    socket.destroy()
    await new Promise((resolve) => setTimeout(resolve, 100))
    const job = await farm.submit()
    const [assignment] = (await patient.take(1, 5_000)).assignments
    expect(assignment?.jobId).toBe(job.id)
    if (assignment) await patient.finish(assignment)
  })
})

describe('a task that comes while a worker waits', () => {
  it('is handed over at once', async () => {
    const worker = await farm.worker('waiting')
    await drain(worker)
    const waiting = worker.take(1, 20_000)
    await new Promise((resolve) => setTimeout(resolve, 100))
    const job = await farm.submit()
    const start = performance.now()
    const [assignment] = (await waiting).assignments
    expect(assignment?.jobId).toBe(job.id)
    expect(performance.now() - start).toBeLessThan(10_000)
    if (assignment) await worker.finish(assignment)
  })

  async function drain(worker: LiveWorker): Promise<void> {
    for (;;) {
      const { assignments } = await worker.take(1, 0)
      if (assignments.length === 0) return
      for (const assignment of assignments) await worker.finish(assignment)
    }
  }
})

describe('previews', () => {
  it('are stored, told, and served so that they may be kept for ever', async () => {
    const worker = await farm.worker('previewer')
    const task = await running(worker)
    const path = '/out/größe 0001.png'
    await worker.report(task, { type: 'output', at: Date.now(), path, frame: 1, bytes: 9, width: 16, height: 9, renderedMs: 5 })
    const put = (size: string, of: { taskId: string; attempt: number } = task) =>
      farm.call('PUT', `/agent/preview/${of.taskId}/${of.attempt}?${new URLSearchParams({ path, size })}`, {
        raw: JPEG,
        headers: { ...worker.headers, 'content-type': 'image/jpeg' },
      })
    const frame = async () => (await farm.get(`/jobs/${task.jobId}/frames`)).body.items[0]
    expect((await put('thumbnail')).status).toBe(204)
    expect((await frame()).preview).toBe('none')
    expect((await farm.get(`/frames/${(await frame()).id}/thumbnail`)).status).toBe(404)
    expect((await put('large')).status).toBe(204)
    expect(await frame()).toMatchObject({ preview: 'ready', frame: 1, path })

    const { thumbnailUrl, id } = await frame()
    const image = await farm.get(thumbnailUrl)
    expect(image.headers.get('content-type')).toBe('image/jpeg')
    expect(image.headers.get('cache-control')).toContain('immutable')
    expect(image.headers.get('x-content-type-options')).toBe('nosniff')
    expect(image.headers.get('content-security-policy')).toContain('sandbox')
    expect(image.headers.get('content-length')).toBe(String(JPEG.length))
    const plain = await farm.get(`/frames/${id}/large`)
    expect(plain.headers.get('cache-control')).toContain('no-cache')
    const again = await farm.get(`/frames/${id}/large`, { headers: { 'if-none-match': plain.headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)

    const other = await farm.worker('other')
    const stranger = await farm.call('PUT', `/agent/preview/${task.taskId}/1?path=x&size=large`, {
      raw: JPEG,
      headers: { ...other.headers, 'content-type': 'image/jpeg' },
    })
    expect(stranger.status).toBe(403)
    expect((await put('large', { ...task, attempt: 2 })).status).toBe(403)
    const files = (await readdir(farm.manager.context.paths.previews, { recursive: true })).filter((file) => file.endsWith('.jpg'))
    expect(files.every((file) => !file.includes('größe'))).toBe(true)
    expect(files.some((file) => file.includes(createHash('sha256').update(path).digest('hex').slice(0, 32)))).toBe(true)
  })
})

describe('a preview that comes late', () => {
  it('does not show an earlier attempt as what a later one rendered', async () => {
    const worker = await farm.worker('late')
    const first = await running(worker)
    const path = '/out/late 0001.png'
    const output = { type: 'output' as const, path, frame: 1, bytes: 9, width: 16, height: 9, renderedMs: 5 }
    const put = (attempt: number) =>
      farm.call('PUT', `/agent/preview/${first.taskId}/${attempt}?${new URLSearchParams({ path, size: 'large' })}`, {
        raw: JPEG,
        headers: { ...worker.headers, 'content-type': 'image/jpeg' },
      })
    const preview = async () => (await farm.get(`/jobs/${first.jobId}/frames`)).body.items[0].preview
    await worker.report(first, { ...output, at: Date.now() })
    await worker.finish(first)
    expect((await farm.call('POST', `/tasks/${first.taskId}/actions`, { body: { action: 'requeue' } })).status).toBe(200)
    const [again] = (await worker.take(1, 10_000)).assignments
    expect(again).toMatchObject({ taskId: first.taskId, attempt: 2 })
    if (!again) return
    await worker.report(again, { ...output, at: Date.now() })
    expect((await put(1)).status).toBe(204)
    expect(await preview()).toBe('none')
    expect((await put(2)).status).toBe(204)
    expect(await preview()).toBe('ready')
    await worker.finish(again)
  })
})

describe('files of frames', () => {
  it('are handed out where they are images, also behind links, and never as a page', async () => {
    const worker = await farm.worker('files')
    const task = await running(worker)
    const folder = join(farm.folder, 'data', 'storage', 'out put')
    await mkdir(folder)
    await writeFile(join(folder, 'a 1.png'), 'an image')
    await writeFile(join(folder, 'secret.txt'), 'a secret')
    await symlink(join(folder, 'secret.txt'), join(folder, 'disguise.png'))
    const paths = ['a 1.png', 'secret.txt', 'disguise.png', 'missing.png'].map((name) => join(folder, name))
    for (const path of [...paths, '/etc/passwd', folder]) {
      await worker.report(task, { type: 'output', at: Date.now(), path, frame: null, bytes: 1, width: 1, height: 1, renderedMs: 1 })
    }
    const { items } = (await farm.get(`/jobs/${task.jobId}/frames`)).body
    const file = async (path: string) => farm.get(`/frames/${items.find((frame: { path: string }) => frame.path === path).id}/file`)
    const image = await file(paths[0] ?? '')
    expect(image.text).toBe('an image')
    expect(image.headers.get('content-type')).toBe('image/png')
    expect(image.headers.get('content-disposition')).toBe("attachment; filename*=UTF-8''a%201.png")
    expect(image.headers.get('content-security-policy')).toContain('sandbox')
    expect((await file(paths[1] ?? '')).status).toBe(403)
    expect((await file(paths[2] ?? '')).status).toBe(403)
    expect((await file(paths[3] ?? '')).status).toBe(404)
    expect((await file('/etc/passwd')).status).toBe(403)
    expect((await file(folder)).status).toBe(403)
    await worker.finish(task)
  })

  it('are handed out of the output folder of their own job only, never of the data folder', async () => {
    const script = `const JOB_TYPE = { label: 'Writes', settings: [{ key: 'output_dir', type: 'string', required: true }] }
      function compileJob(job) { job.addTask(author.Task('one', 'misc')) }`
    const saved = async () => (await farm.call('PUT', '/job-types/writes/source', { body: { source: script } })).status
    await expect.poll(saved, { timeout: 30_000 }).toBe(200)
    const worker = await farm.worker('writer')
    const [mine, others] = [join(farm.folder, 'mine'), join(farm.folder, 'others')]
    for (const folder of [mine, others, join(farm.folder, 'private')]) {
      await mkdir(join(folder, 'deep'), { recursive: true })
      await writeFile(join(folder, 'a.png'), 'an image')
      await writeFile(join(folder, 'deep', 'a.png'), 'an image')
    }
    const secrets = join(farm.folder, 'data', 'kept.png')
    await writeFile(secrets, 'a secret')
    await symlink(join(farm.folder, 'private', 'a.png'), join(mine, 'link.png'))
    await symlink(secrets, join(mine, 'data.png'))
    await symlink(join(farm.folder, 'private'), join(mine, 'linked'))
    const job = await farm.submit({ type: 'writes', priority: 90, settings: { output_dir: mine } })
    const [task] = (await worker.take(1, 10_000)).assignments
    if (task?.jobId !== job.id) throw new Error('got no task of the job')
    const statusOf = async (path: string): Promise<number> => {
      await worker.report(task, { type: 'output', at: Date.now(), path, frame: null, bytes: 1, width: 1, height: 1, renderedMs: 1 })
      const { items } = (await farm.get(`/jobs/${task.jobId}/frames`)).body
      return (await farm.get(`/frames/${items.find((frame: { path: string }) => frame.path === path).id}/file`)).status
    }
    expect(await statusOf(join(mine, 'a.png'))).toBe(200)
    expect(await statusOf(join(mine, 'deep', 'a.png'))).toBe(200)
    expect(await statusOf(join(mine, 'none.png'))).toBe(404)
    for (const path of [
      join(others, 'a.png'),
      join(others, 'none.png'),
      `${mine}/../others/a.png`,
      `${mine}/../others/none.png`,
      join(mine, 'link.png'),
      join(mine, 'linked', 'a.png'),
      join(mine, 'data.png'),
      secrets,
      join(farm.folder, 'data', 'previews', 'x.png'),
    ])
      expect([path, await statusOf(path)]).toEqual([path, 403])

    // A worker that can write there puts a link in the folder's place.
    await rm(mine, { recursive: true })
    await symlink(join(farm.folder, 'private'), mine)
    expect(await statusOf(join(mine, 'a.png'))).toBe(403)
    await worker.finish(task)
  })

  it('are handed out of a folder that their worker names once an admin has allowed it, and never as a hard link for few eyes', async () => {
    const folder = join(farm.folder, 'allowed')
    const secret = join(farm.folder, 'secret.key')
    await mkdir(folder, { recursive: true })
    await writeFile(secret, 'a secret', { mode: 0o600 })
    for (const name of ['a.png', 'snapshot.png']) await writeFile(join(folder, name), 'an image', { mode: 0o644 })
    await link(secret, join(folder, 'hard.png'))
    await link(join(folder, 'snapshot.png'), join(farm.folder, 'snapshot.png'))
    const worker = await farm.worker('with folders')
    const running: { taskId: string; attempt: number }[] = []
    const signOn = async (folders: string[]) => worker.signOn({ folders, running })
    const shown = async () => (await farm.get(`/workers/${worker.id}`)).body.folders
    await signOn([folder])
    expect(await shown()).toEqual([{ path: folder, allowed: false }])
    await farm.submit({ type: 'writes', priority: 95, settings: { output_dir: join(farm.folder, 'elsewhere') } })
    const [task] = (await worker.take(1, 10_000)).assignments
    if (task === undefined) throw new Error('got no task')
    running.push({ taskId: task.taskId, attempt: task.attempt })
    const statusOf = async (path: string): Promise<number> => {
      await worker.report(task, { type: 'output', at: Date.now(), path, frame: null, bytes: 1, width: 1, height: 1, renderedMs: 1 })
      const { items } = (await farm.get(`/jobs/${task.jobId}/frames`)).body
      return (await farm.get(`/frames/${items.find((frame: { path: string }) => frame.path === path).id}/file`)).status
    }
    expect(await statusOf(join(folder, 'a.png'))).toBe(403)
    expect((await farm.call('POST', `/workers/${worker.id}/approve`)).body.folders).toEqual([{ path: folder, allowed: true }])
    expect(await statusOf(join(folder, 'a.png'))).toBe(200)
    expect(await statusOf(join(folder, 'snapshot.png'))).toBe(200)
    expect(await statusOf(join(folder, 'hard.png'))).toBe(403)
    expect(await statusOf(join(farm.folder, 'beside.png'))).toBe(403)

    // What it names later is not allowed yet; what it names no more counts no more.
    await signOn([farm.folder])
    expect(await shown()).toEqual([{ path: farm.folder, allowed: false }])
    expect(await statusOf(join(folder, 'a.png'))).toBe(403)
    await worker.finish(task)
  })
})
