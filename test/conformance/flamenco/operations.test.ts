/** Every operation of `/api/v3` with every status it may answer with: one row each (Flamenco §1.1–§1.5). */
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFlamencoManager, type FlamencoManager } from '../../support/flamencoManager.ts'
import { echoJob, FlamencoWorker, NO_SUCH_ID, SECRET, submit, tasksOf, TASK_TYPES } from './actors.ts'
import { Client, OPERATIONS, type CallOptions, type Reply } from './client.ts'

let manager: FlamencoManager
let client: Client
/** Signed on and awake; what rows need a worker for. */
let worker: FlamencoWorker
let png: Buffer

beforeAll(async () => {
  manager = await openFlamencoManager()
  client = new Client(manager)
  worker = await FlamencoWorker.awake(client)
  png = await sharp({ create: { width: 64, height: 36, channels: 3, background: 'red' } })
    .png()
    .toBuffer()
  await writeFile(join(manager.context.paths.scripts, 'needs_ffmpeg.js'), NEEDS_FFMPEG)
})
afterAll(async () => {
  expect(manager.errors).toEqual([])
  await manager.close()
})

const NEEDS_FFMPEG = `const JOB_TYPE = { label: 'Needs FFmpeg', settings: [] }
function compileJob(job) {
  const task = author.Task('only', 'ffmpeg')
  task.addCommand(author.Command('exec', { exe: 'true' }))
  job.addTask(task)
}`

/** Arranges what the row needs; returns params and options of the call. */
type Arrange = () => Promise<{ params?: string[]; options?: CallOptions }> | { params?: string[]; options?: CallOptions }
type Row = [operation: string, status: number, what: string, arrange: Arrange, check?: (reply: Reply) => unknown]

const plain: Arrange = () => ({})
const send =
  (body: unknown, ...params: string[]): Arrange =>
  () => ({ params, options: { body } })
const sha256 = (content: string) => createHash('sha256').update(content).digest('hex')

/** A job, and its params. */
const withJob =
  (body?: unknown): Arrange =>
  async () => ({ params: [(await submit(client)).id], ...(body === undefined ? {} : { options: { body } }) })
/** A task of a new job, and its params. */
const withTask =
  (body?: unknown): Arrange =>
  async () => {
    const job = await submit(client)
    return { params: [(await tasksOf(client, job.id))[0].id], ...(body === undefined ? {} : { options: { body } }) }
  }
/** The only task of a job that our worker runs alone, handed out to it. */
async function activeTask(): Promise<string> {
  await cancelEverything()
  await submit(client)
  return (await worker.schedule()).body.uuid
}
async function cancelEverything(): Promise<void> {
  const { jobs } = (await client.call('GET /jobs', 200)).body
  for (const { id } of jobs)
    await client.call('POST /jobs/{job_id}/setstatus', 204, [id], { body: { status: 'cancel-requested', reason: 'test' } })
}
const withOtherWorker =
  (body?: unknown): Arrange =>
  async () => {
    const other = await FlamencoWorker.register(client, 'other')
    return { params: [other.uuid], ...(body === undefined ? {} : { options: { body } }) }
  }
const withTag =
  (body?: unknown): Arrange =>
  async () => {
    const tag = await client.call('POST /worker-mgt/tags', 200, [], { body: { name: `tag ${Math.random()}`, description: 'old' } })
    return { params: [tag.body.id], ...(body === undefined ? {} : { options: { body } }) }
  }
const image =
  (options: CallOptions = {}): Arrange =>
  async () => ({
    params: [await activeTask()],
    options: { as: worker, raw: png, headers: { 'content-type': 'image/png' }, ...options },
  })
const wrong: CallOptions = { as: { uuid: NO_SUCH_ID, secret: 'wrong' } }
async function shamanOff(): Promise<void> {
  await manager.context.settings.update({ shamanEnabled: false })
}
async function uploaded(content: string): Promise<{ sha: string; size: number }> {
  const file = { sha: sha256(content), size: Buffer.byteLength(content) }
  await client.call('POST /shaman/files/{checksum}/{filesize}', 204, [file.sha, String(file.size)], upload(content))
  return file
}
const upload = (content: string): CallOptions => ({ raw: content, headers: { 'content-type': 'application/octet-stream' } })

const BAD_ID = 'not-a-uuid'
const path = (input: string) => send({ path: input })

const META: Row[] = [
  [
    'GET /version',
    200,
    'says what it is',
    plain,
    ({ body }) => expect(body).toMatchObject({ version: '3.9', shortversion: '3.9', name: 'Framehouse' }),
  ],
  ['GET /status', 200, 'says how the farm is', plain],
  [
    'GET /configuration',
    200,
    'says where jobs lie',
    plain,
    ({ body }) => expect(body).toMatchObject({ shamanEnabled: true, isFirstRun: true }),
  ],
  [
    'POST /configuration/check/shared-storage',
    200,
    'a good folder',
    () => ({ options: { body: { path: manager.folder } } }),
    ({ body }) => expect(body).toEqual({ path: manager.folder, is_usable: true, cause: 'Directory checked successfully' }),
  ],
  ['POST /configuration/check/shared-storage', 200, 'no path', path(''), causes('An empty path is not suitable as shared storage')],
  [
    'POST /configuration/check/shared-storage',
    200,
    'UNC',
    path('\\\\server\\share'),
    causes('UNC notation is not supported. Mount as a drive letter instead.'),
  ],
  [
    'POST /configuration/check/shared-storage',
    200,
    'nothing there',
    path('/no/such/folder'),
    causes('This path does not exist. Choose an existing directory.'),
  ],
  [
    'POST /configuration/check/shared-storage',
    200,
    'a file',
    path('/etc/hostname'),
    causes('The given path is not a directory. Choose an existing directory.'),
  ],
  [
    'POST /configuration/check/shared-storage',
    200,
    'the manager’s own folder',
    () => ({ options: { body: { path: manager.context.paths.data } } }),
    ({ body }) => expect(body.is_usable).toBe(false),
  ],
  ['POST /configuration/check/shared-storage', 400, 'no path at all', send({})],
  ['GET /configuration/check/blender', 200, 'what the machine has', plain],
  [
    'POST /configuration/check/blender',
    200,
    'a command that is not there',
    path('no-such-blender'),
    ({ body }) =>
      expect(body).toEqual({
        input: 'no-such-blender',
        path: '',
        source: 'path_envvar',
        is_usable: false,
        cause: 'Blender could not be found',
      }),
  ],
  [
    'POST /configuration/check/blender',
    200,
    'a program that is none',
    path('/bin/true'),
    ({ body }) =>
      expect(body).toMatchObject({
        source: 'input_path',
        path: '/bin/true',
        is_usable: false,
        cause: expect.stringContaining('There was an error running the command: '),
      }),
  ],
  ['POST /configuration/check/blender', 400, 'no path', send({ path: 3 })],
  ['POST /configuration/setup-assistant', 204, 'a whole choice', () => ({ options: { body: assistant() } })],
  ['POST /configuration/setup-assistant', 400, 'no storage', () => ({ options: { body: { ...assistant(), storageLocation: '' } } })],
  [
    'POST /configuration/setup-assistant',
    400,
    'a storage that is not absolute',
    () => ({ options: { body: { ...assistant(), storageLocation: '~/farm' } } }),
    ({ body }) => expect(body).toMatchObject({ field: 'storageLocation', message: expect.stringMatching(/^storageLocation: .*absolute/) }),
  ],
  ['POST /configuration/setup-assistant', 400, 'an unusable Blender', () => ({ options: { body: assistant({ is_usable: false }) } })],
  ['POST /configuration/setup-assistant', 400, 'no input', () => ({ options: { body: assistant({ source: 'path_envvar', input: '' }) } })],
  [
    'GET /configuration/file',
    200,
    'the whole configuration',
    plain,
    ({ body }) => expect(body).toMatchObject({ _meta: { version: 3 }, task_timeout: '10m0s' }),
  ],
  [
    'PUT /configuration/file',
    204,
    'comes back as it went',
    async () => ({ options: { body: (await client.call('GET /configuration/file', 200)).body } }),
  ],
  [
    'PUT /configuration/file',
    400,
    'a name that is empty',
    send({ manager_name: '' }),
    ({ body }) => expect(body).toMatchObject({ field: 'manager_name', message: expect.stringContaining('manager_name') }),
  ],
  [
    'PUT /configuration/file',
    400,
    'a variable that cannot be named so',
    send({ variables: { '1{}': { values: [] } } }),
    ({ body }) => expect(body.field).toContain('variables'),
  ],
  [
    'PUT /configuration/file',
    400,
    'a storage that is not absolute',
    send({ shared_storage_path: 'awake' }),
    ({ body }) => expect(body).toMatchObject({ field: 'shared_storage_path', message: expect.stringContaining('shared_storage_path') }),
  ],
  ['PUT /configuration/file', 400, 'an unreadable duration', send({ task_timeout: 'soon' })],
  [
    'GET /configuration/variables/{audience}/{platform}',
    200,
    'for workers',
    () => ({ params: ['workers', 'linux'] }),
    ({ body }) => expect(body.blender).toEqual({ value: 'blender', is_twoway: false }),
  ],
  ['GET /configuration/variables/{audience}/{platform}', 400, 'unknown audience', () => ({ params: ['cats', 'linux'] })],
  [
    'GET /configuration/shared-storage/{audience}/{platform}',
    200,
    'for users',
    () => ({ params: ['users', 'windows'] }),
    ({ body }) => expect(body).toMatchObject({ audience: 'users', platform: 'windows', shamanEnabled: true }),
  ],
  ['GET /configuration/shared-storage/{audience}/{platform}', 400, 'unknown audience', () => ({ params: ['nobody', 'linux'] })],
]

function causes(cause: string) {
  return ({ body }: Reply) => expect(body).toMatchObject({ is_usable: false, cause })
}
function assistant(blender: object = {}): object {
  return {
    storageLocation: join(manager.folder, 'storage'),
    blenderExecutable: { input: 'blender', path: '/usr/bin/blender', source: 'path_envvar', is_usable: true, cause: '', ...blender },
  }
}

const WORKER: Row[] = [
  [
    'POST /worker/register-worker',
    200,
    'with an empty Basic header',
    () => ({ options: { as: { uuid: '', secret: '' }, body: registration } }),
    ({ body }) => expect(body).toMatchObject({ name: 'new', platform: 'windows', supported_task_types: ['blender', 'misc'] }),
  ],
  ['POST /worker/register-worker', 400, 'without a name', send({ ...{ secret: SECRET, platform: 'linux', supported_task_types: [] } })],
  ['POST /worker/sign-on', 200, 'receives its requested status', () => ({ options: { as: worker, body: signOn } })],
  ['POST /worker/sign-on', 400, 'without a version', () => ({ options: { as: worker, body: { name: 'x', supported_task_types: [] } } })],
  [
    'POST /worker/sign-on',
    403,
    'with a wrong secret',
    () => ({ options: { as: { uuid: worker.uuid, secret: 'wrong' }, body: signOn } }),
    ({ headers, body }) => {
      expect(headers.get('www-authenticate')).toBeNull()
      expect(body.message).toMatch(/^security requirements failed: /)
    },
  ],
  ['POST /worker/sign-off', 204, 'leaves', async () => ({ options: { as: await FlamencoWorker.register(client, 'leaving') } })],
  ['POST /worker/sign-off', 403, 'unknown', () => ({ options: wrong })],
  ['GET /worker/state', 204, 'nothing is asked of it', () => ({ options: { as: worker } })],
  [
    'GET /worker/state',
    200,
    'a change is asked for',
    async () => {
      const asked = await FlamencoWorker.awake(client, 'asked')
      await client.call('POST /worker-mgt/workers/{worker_id}/setstatus', 204, [asked.uuid], { body: { status: 'asleep', is_lazy: true } })
      return { options: { as: asked } }
    },
    ({ body }) => expect(body.status_requested).toBe('asleep'),
  ],
  ['GET /worker/state', 403, 'unknown', () => ({ options: wrong })],
  ['POST /worker/state-changed', 204, 'stores it', () => ({ options: { as: worker, body: { status: 'awake' } } })],
  ['POST /worker/state-changed', 400, 'no such status', () => ({ options: { as: worker, body: { status: 'dancing' } } })],
  ['POST /worker/state-changed', 403, 'unknown', () => ({ options: { ...wrong, body: { status: 'awake' } } })],
  [
    'POST /worker/task',
    204,
    'nothing to do',
    async () => {
      await cancelEverything()
      return { options: { as: worker } }
    },
  ],
  [
    'POST /worker/task',
    200,
    'a task',
    async () => {
      await submit(client)
      return { options: { as: worker } }
    },
    ({ body }) =>
      expect(body).toMatchObject({
        name: 'echo',
        status: 'active',
        job_priority: 50,
        commands: [{ name: 'echo', parameters: { message: 'hey' } }],
      }),
  ],
  ['POST /worker/task', 403, 'unknown', () => ({ options: wrong })],
  ['POST /worker/task', 409, 'not awake', async () => ({ options: { as: await FlamencoWorker.register(client, 'sleepy') } })],
  [
    'POST /worker/task',
    423,
    'must change its status first',
    async () => {
      const asked = await FlamencoWorker.awake(client, 'asked')
      await client.call('POST /worker-mgt/workers/{worker_id}/setstatus', 204, [asked.uuid], { body: { status: 'asleep', is_lazy: true } })
      return { options: { as: asked } }
    },
    ({ body }) => expect(body).toEqual({ status_requested: 'asleep' }),
  ],
  [
    'POST /worker/task/{task_id}',
    204,
    'takes an update',
    async () => ({ params: [await activeTask()], options: { as: worker, body: { activity: 'Started', taskStatus: 'active' } } }),
  ],
  ['POST /worker/task/{task_id}', 400, 'bad id', () => ({ params: [BAD_ID], options: { as: worker, body: {} } })],
  [
    'POST /worker/task/{task_id}',
    400,
    'soft-failed is not for workers to say',
    async () => ({ params: [await activeTask()], options: { as: worker, body: { taskStatus: 'soft-failed' } } }),
  ],
  ['POST /worker/task/{task_id}', 403, 'unknown worker', () => ({ params: [NO_SUCH_ID], options: { ...wrong, body: {} } })],
  ['POST /worker/task/{task_id}', 404, 'no such task', () => ({ params: [NO_SUCH_ID], options: { as: worker, body: {} } })],
  [
    'POST /worker/task/{task_id}',
    409,
    'assigned to no worker',
    async () => {
      const job = await submit(client)
      return { params: [(await tasksOf(client, job.id))[0].id], options: { as: worker, body: { activity: 'mine?' } } }
    },
  ],
  [
    'POST /worker/task/{task_id}',
    409,
    'assigned to another',
    async () => ({
      params: [await activeTask()],
      options: { as: await FlamencoWorker.awake(client, 'thief'), body: { taskStatus: 'completed' } },
    }),
  ],
  [
    'GET /worker/task/{task_id}/may-i-run',
    200,
    'yes',
    async () => ({ params: [await activeTask()], options: { as: worker } }),
    ({ body }) => expect(body).toEqual({ mayKeepRunning: true, reason: '', statusChangeRequested: false }),
  ],
  [
    'GET /worker/task/{task_id}/may-i-run',
    200,
    'an unknown task',
    () => ({ params: [NO_SUCH_ID], options: { as: worker } }),
    ({ body }) => expect(body).toEqual({ mayKeepRunning: false, reason: 'Task not found', statusChangeRequested: false }),
  ],
  ['GET /worker/task/{task_id}/may-i-run', 400, 'bad id', () => ({ params: [BAD_ID], options: { as: worker } })],
  ['GET /worker/task/{task_id}/may-i-run', 200, 'unknown worker', () => ({ params: [NO_SUCH_ID], options: wrong })],
  ['POST /worker/task/{task_id}/output-produced', 202, 'an image', image()],
  [
    'POST /worker/task/{task_id}/output-produced',
    400,
    'bad id',
    () => ({ params: [BAD_ID], options: { as: worker, raw: png, headers: { 'content-type': 'image/png' } } }),
  ],
  ['POST /worker/task/{task_id}/output-produced', 403, 'unknown worker', image(wrong)],
  [
    'POST /worker/task/{task_id}/output-produced',
    404,
    'no such task',
    () => ({ params: [NO_SUCH_ID], options: { as: worker, raw: png, headers: { 'content-type': 'image/jpeg' } } }),
  ],
  ['POST /worker/task/{task_id}/output-produced', 411, 'an empty body', image({ raw: '' }), says('Content-Length header required')],
  [
    'POST /worker/task/{task_id}/output-produced',
    413,
    'too large',
    image({ raw: Buffer.alloc(26_214_401) }),
    says('image too large; should be max 26214400 bytes'),
  ],
  [
    'POST /worker/task/{task_id}/output-produced',
    415,
    'no image that we know',
    image({ headers: { 'content-type': 'image/openexr' } }),
    says('unsupported mime type "image/openexr"'),
  ],
  [
    'POST /worker/task/{task_id}/output-produced',
    429,
    'too many at once',
    async () => {
      const task = await activeTask()
      // One may be worked on already, three more wait; everything happens before the first await of the worker.
      while (manager.context.lastRendered.offer(NO_SUCH_ID, png)) continue
      return { params: [task], options: { as: worker, raw: png, headers: { 'content-type': 'image/png' } } }
    },
    says('image processing queue is full'),
  ],
]
const registration = { name: 'new', secret: SECRET, platform: 'windows', supported_task_types: ['Blender', ' misc ', 'blender'] }
const signOn = { name: 'een-worker', supported_task_types: TASK_TYPES, software_version: '3.9-beta1 (abc123)' }
function says(message: string) {
  return ({ body }: Reply) => expect(body.message).toBe(message)
}

const WORKER_MGT: Row[] = [
  ['GET /worker-mgt/workers', 200, 'all of them', plain, ({ body }) => expect(body.workers.length).toBeGreaterThan(0)],
  [
    'GET /worker-mgt/workers/{worker_id}',
    200,
    'one',
    () => ({ params: [worker.uuid.toUpperCase()] }),
    ({ body }) => expect(body).toMatchObject({ id: worker.uuid, platform: 'linux' }),
  ],
  ['GET /worker-mgt/workers/{worker_id}', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /worker-mgt/workers/{worker_id}', 404, 'nobody', () => ({ params: [NO_SUCH_ID] }), says(`worker "${NO_SUCH_ID}" not found`)],
  ['DELETE /worker-mgt/workers/{worker_id}', 204, 'is gone', withOtherWorker()],
  ['DELETE /worker-mgt/workers/{worker_id}', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['DELETE /worker-mgt/workers/{worker_id}', 404, 'nobody', () => ({ params: [NO_SUCH_ID] })],
  ['POST /worker-mgt/workers/{worker_id}/setstatus', 204, 'asks', withOtherWorker({ status: 'asleep', is_lazy: false })],
  ['POST /worker-mgt/workers/{worker_id}/setstatus', 400, 'no such status', withOtherWorker({ status: 'dancing', is_lazy: false })],
  ['POST /worker-mgt/workers/{worker_id}/setstatus', 404, 'nobody', send({ status: 'asleep', is_lazy: false }, NO_SUCH_ID)],
  [
    'POST /worker-mgt/workers/{worker_id}/setstatus',
    412,
    'restart of one that cannot',
    withOtherWorker({ status: 'restart', is_lazy: false }),
  ],
  ['POST /worker-mgt/workers/{worker_id}/settags', 204, 'unknown tags are ignored', withOtherWorker({ tag_ids: [NO_SUCH_ID] })],
  ['POST /worker-mgt/workers/{worker_id}/settags', 400, 'no list', withOtherWorker({ tag_ids: 'x' })],
  ['POST /worker-mgt/workers/{worker_id}/settags', 404, 'nobody', send({ tag_ids: [] }, NO_SUCH_ID)],
  ['GET /worker-mgt/workers/{worker_id}/sleep-schedule', 204, 'none', withOtherWorker()],
  [
    'GET /worker-mgt/workers/{worker_id}/sleep-schedule',
    200,
    'one',
    async () => {
      const other = await FlamencoWorker.register(client, 'early bird')
      await client.call('POST /worker-mgt/workers/{worker_id}/sleep-schedule', 204, [other.uuid], {
        body: schedule({ days_of_week: 'Monday TUESDAY', start_time: '23:00', end_time: '7:00' }),
      })
      return { params: [other.uuid] }
    },
    ({ body }) => expect(body).toMatchObject({ is_active: true, days_of_week: 'mo tu', end_time: '23:00' }),
  ],
  ['GET /worker-mgt/workers/{worker_id}/sleep-schedule', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /worker-mgt/workers/{worker_id}/sleep-schedule', 404, 'nobody', () => ({ params: [NO_SUCH_ID] })],
  ['POST /worker-mgt/workers/{worker_id}/sleep-schedule', 204, 'without times', () => withOtherWorker(schedule({}))()],
  [
    'POST /worker-mgt/workers/{worker_id}/sleep-schedule',
    400,
    'not a time',
    () => withOtherWorker(schedule({ start_time: 'noon' }))(),
    ({ body }) => expect(body.field).toBe('start_time'),
  ],
  [
    'POST /worker-mgt/workers/{worker_id}/sleep-schedule',
    400,
    'not a day',
    () => withOtherWorker(schedule({ days_of_week: 'mo x' }))(),
    ({ body }) => expect(body.field).toBe('days_of_week'),
  ],
  ['POST /worker-mgt/workers/{worker_id}/sleep-schedule', 404, 'nobody', () => ({ params: [NO_SUCH_ID], options: { body: schedule({}) } })],
  ['GET /worker-mgt/tags', 200, 'all of them', plain],
  [
    'POST /worker-mgt/tags',
    200,
    'makes one',
    send({ name: 'GPU', description: 'has one' }),
    ({ body }) => expect(body).toMatchObject({ name: 'GPU', description: 'has one' }),
  ],
  ['POST /worker-mgt/tags', 400, 'without a name', send({ description: 'x' })],
  [
    'POST /worker-mgt/tags',
    409,
    'a name twice',
    async () => {
      await client.call('POST /worker-mgt/tags', 200, [], { body: { name: 'twice' } })
      return { options: { body: { name: 'twice' } } }
    },
  ],
  ['GET /worker-mgt/tag/{tag_id}', 200, 'one', withTag()],
  ['GET /worker-mgt/tag/{tag_id}', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /worker-mgt/tag/{tag_id}', 404, 'none', () => ({ params: [NO_SUCH_ID] })],
  ['PUT /worker-mgt/tag/{tag_id}', 204, 'another name', withTag({ name: 'renamed', id: NO_SUCH_ID })],
  ['PUT /worker-mgt/tag/{tag_id}', 400, 'without a name', withTag({})],
  ['PUT /worker-mgt/tag/{tag_id}', 404, 'none', send({ name: 'x' }, NO_SUCH_ID)],
  [
    'PUT /worker-mgt/tag/{tag_id}',
    409,
    'another worker’s name',
    async () => {
      await client.call('POST /worker-mgt/tags', 200, [], { body: { name: 'taken' } })
      return withTag({ name: 'taken' })()
    },
  ],
  ['DELETE /worker-mgt/tag/{tag_id}', 204, 'is gone', withTag()],
  ['DELETE /worker-mgt/tag/{tag_id}', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['DELETE /worker-mgt/tag/{tag_id}', 404, 'none', () => ({ params: [NO_SUCH_ID] })],
]
function schedule(overrides: object): object {
  return { is_active: true, days_of_week: '', start_time: '', end_time: '', ...overrides }
}

const JOBS: Row[] = [
  [
    'GET /jobs/types',
    200,
    'all of them',
    plain,
    ({ body }) => {
      const names = body.job_types.map(({ name }: { name: string }) => name)
      expect(names).toEqual([...names].sort())
      expect(names).toContain('simple-blender-render')
    },
  ],
  [
    'GET /jobs/type/{typeName}',
    200,
    'one',
    () => ({ params: ['echo-sleep-test'] }),
    ({ body }) => expect(body.etag).toBe('eba586e16d6b55baaa43e32f9e78ae514b457fee'),
  ],
  ['GET /jobs/type/{typeName}', 404, 'none', () => ({ params: ['no-such-type'] }), says('no such job type known')],
  ['GET /jobs', 200, 'all of them', plain],
  [
    'POST /jobs',
    200,
    'without priority',
    () => ({ options: { body: { ...echoJob(), priority: undefined } } }),
    ({ body }) => expect(body).toMatchObject({ priority: 50, status: 'queued', submitter_platform: '' }),
  ],
  ['POST /jobs', 200, 'with its etag', () => ({ options: { body: echoJob({ type_etag: 'eba586e16d6b55baaa43e32f9e78ae514b457fee' }) } })],
  [
    'POST /jobs',
    200,
    'without settings',
    () => ({ options: { body: { name: 'x', type: 'needs-ffmpeg', priority: 1, submitter_platform: 'manager' } } }),
    ({ body }) => expect(body).toMatchObject({ settings: {}, metadata: {} }),
  ],
  ['POST /jobs', 400, 'unknown type', () => ({ options: { body: echoJob({ type: 'no-such-type' }) } }), says('job type unknown')],
  [
    'POST /jobs',
    400,
    'a setting is missing',
    () => ({ options: { body: echoJob({ settings: {} }) } }),
    ({ body }) => expect(body.message).toContain('message'),
  ],
  [
    'POST /jobs',
    400,
    'unknown tag',
    () => ({ options: { body: echoJob({ worker_tag: NO_SUCH_ID }) } }),
    ({ body }) => expect(body.field).toBe('worker_tag'),
  ],
  [
    'POST /jobs',
    400,
    'a checkout that escapes',
    () => ({ options: { body: echoJob({ storage: { shaman_checkout_id: '../../etc' } }) } }),
    ({ body }) => expect(body.field).toBe('storage/shaman_checkout_id'),
  ],
  ['POST /jobs', 412, 'an old etag', () => ({ options: { body: echoJob({ type_etag: 'old' }) } })],
  ['POST /jobs/check', 204, 'would be taken', () => ({ options: { body: echoJob() } })],
  ['POST /jobs/check', 400, 'unknown type', () => ({ options: { body: echoJob({ type: 'no-such-type' }) } })],
  ['POST /jobs/check', 412, 'an old etag', () => ({ options: { body: echoJob({ type_etag: 'old' }) } })],
  [
    'POST /jobs/query',
    200,
    'by status, metadata and settings',
    async () => {
      await submit(client, echoJob({ name: 'find me', metadata: { shot: 'sq010' } }))
      return {
        options: {
          body: {
            status_in: ['queued'],
            metadata: { shot: 'SQ0%' },
            settings: { sleep_repeats: 1 },
            order_by: ['-priority', 'name'],
            limit: 1,
            offset: 0,
          },
        },
      }
    },
    ({ body }) => expect(body.jobs.map(({ name }: { name: string }) => name)).toEqual(['find me']),
  ],
  ['POST /jobs/query', 400, 'an unknown column', send({ order_by: ['secret; drop table jobs'] })],
  ['DELETE /jobs/mass-delete', 400, 'without a time', send({})],
  [
    'DELETE /jobs/mass-delete',
    400,
    'a time that is none',
    send({ last_updated_max: 'yesterday' }),
    ({ body }) => expect(body.field).toBe('last_updated_max'),
  ],
  ['DELETE /jobs/mass-delete', 400, 'a day that is none', send({ last_updated_max: '2026-13-45T00:00:00Z' })],
  ['DELETE /jobs/mass-delete', 416, 'nanoseconds and a time zone', send({ last_updated_max: '2000-01-01T00:00:00.123456789+02:00' })],
  ['DELETE /jobs/mass-delete', 416, 'nothing is that old', send({ last_updated_max: '2000-01-01T00:00:00Z' })],
  [
    'DELETE /jobs/mass-delete',
    204,
    'old jobs',
    async () => {
      const job = await submit(client)
      return { options: { body: { last_updated_max: job.updated } } }
    },
  ],
  ['GET /jobs/last-rendered', 204, 'no image yet', plain],
  [
    'GET /jobs/last-rendered',
    200,
    'the newest image',
    withImage(),
    ({ body }) => expect(body.suffixes).toEqual(['last-rendered.jpg', 'last-rendered-small.jpg', 'last-rendered-tiny.jpg']),
  ],
  ['GET /jobs/{job_id}', 200, 'one', withJob()],
  ['GET /jobs/{job_id}', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /jobs/{job_id}', 404, 'none', () => ({ params: [NO_SUCH_ID] }), says('no such job')],
  ['DELETE /jobs/{job_id}', 204, 'is gone', withJob()],
  ['DELETE /jobs/{job_id}', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['DELETE /jobs/{job_id}', 404, 'none', () => ({ params: [NO_SUCH_ID] })],
  [
    'GET /jobs/{job_id}/what-would-delete-do',
    200,
    'nothing of Shaman',
    withJob(),
    ({ body }) => expect(body).toEqual({ shaman_checkout: false }),
  ],
  ['GET /jobs/{job_id}/what-would-delete-do', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /jobs/{job_id}/what-would-delete-do', 404, 'none', () => ({ params: [NO_SUCH_ID] })],
  ['GET /jobs/{job_id}/last-rendered', 204, 'no image', withJob()],
  ['GET /jobs/{job_id}/last-rendered', 204, 'no job either', () => ({ params: [NO_SUCH_ID] })],
  ['GET /jobs/{job_id}/last-rendered', 200, 'an image', withImage()],
  ['GET /jobs/{job_id}/last-rendered', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['POST /jobs/{job_id}/setstatus', 204, 'pauses', withJob({ status: 'pause-requested', reason: 'lunch' })],
  ['POST /jobs/{job_id}/setstatus', 400, 'no such status', withJob({ status: 'dancing', reason: '' })],
  ['POST /jobs/{job_id}/setstatus', 404, 'none', send({ status: 'queued', reason: '' }, NO_SUCH_ID)],
  ['POST /jobs/{job_id}/setstatus', 422, 'half-made again', withJob({ status: 'under-construction', reason: '' })],
  ['POST /jobs/{job_id}/setpriority', 204, 'changes', withJob({ priority: 100 })],
  ['POST /jobs/{job_id}/setpriority', 400, 'out of range', withJob({ priority: 101 })],
  ['POST /jobs/{job_id}/setpriority', 404, 'none', send({ priority: 1 }, NO_SUCH_ID)],
  ['POST /jobs/{job_id}/settag', 204, 'clears', withJob({})],
  ['POST /jobs/{job_id}/settag', 400, 'no text', withJob({ id: 3 })],
  ['POST /jobs/{job_id}/settag', 404, 'none', send({}, NO_SUCH_ID)],
  ['POST /jobs/{job_id}/settag', 406, 'unknown tag', withJob({ name: 'no such tag' }), says('tag not found')],
  [
    'GET /jobs/{job_id}/tasks',
    200,
    'all of them',
    withJob(),
    ({ body }) => expect(body.tasks.map((task: { index_in_job: number }) => task.index_in_job)).toEqual([1, 2]),
  ],
  [
    'GET /jobs/{job_id}/tasks',
    200,
    'none of an unknown job',
    () => ({ params: [NO_SUCH_ID] }),
    ({ body }) => expect(body).toEqual({ tasks: [] }),
  ],
  ['GET /jobs/{job_id}/tasks', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /jobs/{job_id}/blocklist', 200, 'nobody', withJob(), ({ body }) => expect(body).toEqual([])],
  ['GET /jobs/{job_id}/blocklist', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /jobs/{job_id}/blocklist', 404, 'none', () => ({ params: [NO_SUCH_ID] })],
  [
    'DELETE /jobs/{job_id}/blocklist',
    204,
    'a worker',
    async () => ({ params: [(await submit(client)).id], options: { body: [{ worker_id: worker.uuid, task_type: 'misc' }] } }),
  ],
  ['DELETE /jobs/{job_id}/blocklist', 400, 'an empty list', withJob([])],
  [
    'DELETE /jobs/{job_id}/blocklist',
    404,
    'none',
    () => ({ params: [NO_SUCH_ID], options: { body: [{ worker_id: worker.uuid, task_type: 'misc' }] } }),
  ],
  [
    'GET /tasks/{task_id}',
    200,
    'one',
    withTask(),
    ({ body }) => expect(body).toMatchObject({ status: 'queued', commands: [{ name: 'echo' }], failed_by_workers: [] }),
  ],
  ['GET /tasks/{task_id}', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /tasks/{task_id}', 404, 'none', () => ({ params: [NO_SUCH_ID] }), says('no such task')],
  ['GET /tasks/{task_id}/logtail', 204, 'no log', withTask()],
  ['GET /tasks/{task_id}/logtail', 200, 'its end', withLog(), ({ text }) => expect(text).toContain('a line of the log\n')],
  ['GET /tasks/{task_id}/logtail', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /tasks/{task_id}/logtail', 404, 'none', () => ({ params: [NO_SUCH_ID] })],
  ['GET /tasks/{task_id}/log', 204, 'no log', withTask()],
  ['GET /tasks/{task_id}/log', 200, 'where it is', withLog()],
  ['GET /tasks/{task_id}/log', 400, 'bad id', () => ({ params: [BAD_ID] })],
  ['GET /tasks/{task_id}/log', 404, 'none', () => ({ params: [NO_SUCH_ID] })],
  ['POST /tasks/{task_id}/setstatus', 204, 'cancels', withTask({ status: 'canceled', reason: 'test' })],
  ['POST /tasks/{task_id}/setstatus', 400, 'no such status', withTask({ status: 'dancing', reason: '' })],
  ['POST /tasks/{task_id}/setstatus', 404, 'none', send({ status: 'queued', reason: '' }, NO_SUCH_ID)],
]

/** A job whose newest image has been processed. */
function withImage(): Arrange {
  return async () => {
    await manager.context.lastRendered.idle()
    const { params: [task = ''] = [] } = await image()()
    await client.call('POST /worker/task/{task_id}/output-produced', 202, [task], {
      as: worker,
      raw: png,
      headers: { 'content-type': 'image/png' },
    })
    await manager.context.lastRendered.idle()
    return { params: [(await client.call('GET /tasks/{task_id}', 200, [task])).body.job_id] }
  }
}
function withLog(): Arrange {
  return async () => {
    const task = await activeTask()
    await worker.update(task, { log: 'a line of the log' })
    return { params: [task] }
  }
}

const SHAMAN: Row[] = [
  [
    'POST /shaman/checkout/requirements',
    200,
    'what is missing',
    async () => {
      const known = await uploaded('known')
      const unknown = { sha: sha256('unknown'), size: 7, path: 'unknown.png' }
      return { options: { body: { files: [{ ...known, path: 'known.png' }, unknown, { ...unknown, path: 'again.png' }] } } }
    },
    ({ body }) => expect(body.files).toEqual([{ sha: sha256('unknown'), size: 7, path: 'unknown.png', status: 'unknown' }]),
  ],
  ['POST /shaman/checkout/requirements', 400, 'no checksum', send({ files: [{ sha: '../../etc', size: 1, path: 'x' }] })],
  [
    'POST /shaman/checkout/create',
    200,
    'a checkout',
    async () => ({ options: { body: { files: [{ ...(await uploaded('scene')), path: 'scene.blend' }], checkoutPath: 'my job' } } }),
    ({ body }) => expect(body).toEqual({ checkoutPath: 'my job' }),
  ],
  ['POST /shaman/checkout/create', 400, 'an escaping path', send({ files: [], checkoutPath: '../up' })],
  [
    'POST /shaman/checkout/create',
    424,
    'missing files',
    send({ files: [{ sha: sha256('never sent'), size: 10, path: 'x' }], checkoutPath: 'incomplete' }),
  ],
  [
    'GET /shaman/files/{checksum}/{filesize}',
    200,
    'unknown',
    () => ({ params: [sha256('nope'), '4'] }),
    ({ body }) => expect(body).toEqual({ status: 'unknown' }),
  ],
  [
    'GET /shaman/files/{checksum}/{filesize}',
    200,
    'stored',
    async () => {
      const { sha, size } = await uploaded('stored')
      return { params: [sha, String(size)] }
    },
    ({ body }) => expect(body).toEqual({ status: 'stored' }),
  ],
  ['GET /shaman/files/{checksum}/{filesize}', 400, 'no checksum', () => ({ params: ['abc', '4'] })],
  ['POST /shaman/files/{checksum}/{filesize}', 204, 'stored', () => ({ params: [sha256('new'), '3'], options: upload('new') })],
  [
    'POST /shaman/files/{checksum}/{filesize}',
    208,
    'known already',
    async () => {
      await uploaded('again')
      return { params: [sha256('again'), '5'], options: upload('again') }
    },
  ],
  [
    'POST /shaman/files/{checksum}/{filesize}',
    400,
    'an undecodable name',
    () => ({
      params: [sha256('x'), '1'],
      options: {
        ...upload('x'),
        headers: { 'content-type': 'application/octet-stream', 'x-shaman-original-filename': '=?latin-9?x?broken' },
      },
    }),
  ],
  ['POST /shaman/files/{checksum}/{filesize}', 417, 'other content', () => ({ params: [sha256('this'), '4'], options: upload('that') })],
  ['POST /shaman/files/{checksum}/{filesize}', 417, 'other size', () => ({ params: [sha256('this'), '5'], options: upload('this') })],
  [
    'POST /shaman/checkout/requirements',
    503,
    'Shaman is off',
    async () => {
      await shamanOff()
      return { options: { body: { files: [] } } }
    },
  ],
  ['POST /shaman/checkout/create', 503, 'Shaman is off', send({ files: [], checkoutPath: 'x' })],
  ['GET /shaman/files/{checksum}/{filesize}', 503, 'Shaman is off', () => ({ params: [sha256('x'), '1'] })],
  ['POST /shaman/files/{checksum}/{filesize}', 503, 'Shaman is off', () => ({ params: [sha256('x'), '1'], options: upload('x') })],
]

describe.each([
  ['worker', WORKER],
  ['worker management', WORKER_MGT],
  ['jobs and tasks', JOBS],
  ['meta', META],
  ['shaman', SHAMAN],
])('%s', (_, rows) => {
  test.each(rows)('%s %d: %s', async (operation, status, _what, arrange, check) => {
    const { params, options } = await arrange()
    const reply = await client.call(operation, status, params, options)
    check?.(reply)
  })
})

test('every operation and every status of the OpenAPI document has a row', async () => {
  const all = await documented()
  expect(new Set(all.map((each) => each.replace(/ \d+$/, '')))).toEqual(new Set(Object.keys(OPERATIONS)))
  expect(all.filter((each) => !client.seen.has(each)).sort()).toEqual(ELSEWHERE)
})

test('the documentation lists every operation with the statuses that it has', async () => {
  const text = await readFile(new URL('../../../docs/flamenco-api.md', import.meta.url), 'utf8')
  const rows = [...text.matchAll(/^\| `([A-Z]+ \/[^`]*)`[^|]*\| ([\d ]+) \|/gm)].flatMap(([, operation, statuses = '']) =>
    statuses
      .trim()
      .split(' ')
      .map((status) => `${operation} ${status}`),
  )
  expect(rows.sort()).toEqual((await documented()).sort())
})

/** Operations with statuses, as the OpenAPI document has them. */
async function documented(): Promise<string[]> {
  const { body: document } = await client.request('GET', '/api/v3/openapi3.json')
  return Object.entries(document.paths as Record<string, Record<string, { responses: object }>>)
    .filter(([url]) => url.startsWith('/api/v3/'))
    .flatMap(([url, methods]) =>
      Object.entries(methods).flatMap(([method, { responses }]) =>
        Object.keys(responses).map((status) => `${method.toUpperCase()} ${url.slice('/api/v3'.length)} ${status}`),
      ),
    )
}

test('the OpenAPI document is one that generators of clients understand', async () => {
  const { body: document } = await client.request('GET', '/api/v3/openapi3.json')
  const text = JSON.stringify(document)
  expect(document.openapi).toBe('3.0.3')
  // These belong to JSON Schema, not to OpenAPI 3.0.
  for (const word of ['"const"', '"anyOf"', '"patternProperties"', '"type":"null"', '"$id"']) expect(text).not.toContain(word)
  const references = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name ?? ''))
  expect(Object.keys(document.components.schemas).sort()).toEqual([...references].sort())
  const ids = Object.values(document.paths as Record<string, Record<string, { operationId: string }>>).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  )
  expect(new Set(ids).size).toBe(ids.length)
  const upload = document.paths['/api/v3/shaman/files/{checksum}/{filesize}'].post
  expect(Object.keys(upload.requestBody.content)).toEqual(['application/octet-stream'])
  expect(upload.parameters.find(({ name }: { name: string }) => name === 'filesize').schema).toEqual({ type: 'integer', minimum: 0 })
  for (const word of ['x-raw-body', 'x-integer']) expect(text).not.toContain(word)
  const page = await client.request('GET', '/api/v3/swagger-ui/')
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests')
})

/** Statuses that need a state of their own; tests beside this one bring them about. */
const ELSEWHERE = [
  // The database is busy or the farm stops: errors.test.ts.
  'DELETE /jobs/mass-delete 503',
  'DELETE /jobs/{job_id} 503',
  'POST /worker/register-worker 503',
  'POST /worker/task 503',
  // Too many strangers: security.test.ts.
  'POST /worker/register-worker 429',
  // No name is free: shaman.test.ts of the integration tests.
  'POST /shaman/checkout/create 409',
  // Another client uploads: shaman.test.ts beside this.
  'POST /shaman/files/{checksum}/{filesize} 425',
].sort()
