/** Every route of the Fastlane API, with real containers. Numbers are sections of the protocol's description. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { docker as engine } from '../../support/containers.ts'
import { FastlaneFarm } from '../../support/fastlaneFarm.ts'
import { differenceOf, HOSTILE, hostileInShell } from '../../support/hostile.ts'
import { until } from '../../support/liveManager.ts'
import { requirePart } from '../../support/parts.ts'

const docker = requirePart('docker')
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}000)?$/

docker.describe('Fastlane', () => {
  let lane: FastlaneFarm
  beforeAll(async () => {
    lane = await FastlaneFarm.start()
  })
  afterAll(() => lane.stop())

  // Enqueue (2.6) --------------------------------------------------------------------------------------------------

  it('enqueues a job: 200, seven keys, addresses with a slash at their end', async () => {
    const { reply } = await lane.enqueue('hello-world', "echo 'it works'")
    const { jobId, executionId } = reply.body
    expect(reply.body).toEqual({
      executionId,
      executionUrl: `${lane.url}/tasks/hello-world/jobs/${jobId}/executions/${executionId}/`,
      jobId,
      jobUrl: `${lane.url}/tasks/hello-world/jobs/${jobId}/`,
      queueJobId: expect.stringMatching(UUID),
      taskId: 'hello-world',
      taskUrl: `${lane.url}/tasks/hello-world/`,
    })
    expect(jobId).toMatch(UUID)
    expect(executionId).toMatch(UUID)
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/)
    expect(reply.text).toMatch(/^\{"executionId".*\}\n$/)
    expect(reply.headers.get('access-control-allow-origin')).toBeNull()
  })

  it.each([
    ['echo', "echo 'it works'", 'done', 0, 'it works', ''],
    ['a shell', `sh -c 'echo "it failed" && exit 123'`, 'failed', 123, 'it failed', ''],
    ['an unknown command', "sh -c 'qwe'", 'failed', 127, '', 'sh: qwe: not found'],
  ])('runs %s: %s', async (_name, command, status, exitCode, log, error) => {
    const { path } = await lane.enqueue('functional', command)
    const execution = await lane.ended(path)
    expect(execution).toMatchObject({ status, exitCode })
    expect([execution.log?.trim(), execution.error?.trim()]).toEqual([log, error])
    expect(execution.metadata).toMatchObject({ container_id: expect.stringMatching(/^[0-9a-f]{64}$/), docker_port: 0 })
  })

  it('a program that cannot be started fails with the words of the engine, and says so to its hooks', async () => {
    const webhooks = { fails: [{ url: `${lane.http.url}/cannot-start` }] }
    const { path } = await lane.enqueue('functional', 'no-such-program', { webhooks })
    const execution = await lane.ended(path)
    expect(execution).toMatchObject({ status: 'failed' })
    expect(execution.error).toContain('no-such-program')
    await until(() => lane.http.to('/cannot-start').length === 1, 'the hook')
  })

  it('an image that is not there fails with the words of the engine', async () => {
    const reply = await lane.request('POST', '/tasks/functional/', { image: 'framehouse.example/none:1', command: 'ls' })
    const execution = await lane.ended(`/tasks/functional/jobs/${reply.body.jobId}/`)
    expect(execution).toMatchObject({ status: 'failed', exitCode: null })
    expect(execution.error).toContain('framehouse.example/none:1')
  })

  it('a second job goes to the same task, with and without the final slash, and without a content type', async () => {
    const task = `twice-${randomUUID()}`
    const body = JSON.stringify({ image: lane.image.name, command: 'true' })
    const replies = [
      await lane.request('POST', `/tasks/${task}/`, body),
      await lane.request('POST', `/tasks/${task}`, body),
      await lane.request('POST', `/tasks/${task}`, body, { 'content-type': 'application/x-www-form-urlencoded' }),
    ]
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200])
    const { body: details } = await lane.get(`/tasks/${task}/`)
    expect(details.taskId).toBe(task)
    expect(details.jobs.map(({ id }: { id: string }) => id).sort()).toEqual(replies.map((reply) => reply.body.jobId).sort())
    expect(details.jobs[0]).toEqual({
      createdAt: expect.stringMatching(TIME),
      id: expect.any(String),
      url: expect.stringContaining(`/tasks/${task}/jobs/`),
    })
  })

  // PUT (2.7) ------------------------------------------------------------------------------------------------------

  it.each(['jobs', 'job'])('PUT under /%s/ makes a job with the given id, and runs it again with what it is given later', async (word) => {
    const id = randomUUID()
    const path = `/tasks/put/${word}/${id}`
    const first = await lane.request('PUT', path, { image: lane.image.name, command: 'echo one', retries: 2, metadata: { a: 1 } })
    expect(first.body).toMatchObject({ jobId: id, jobUrl: `${lane.url}/tasks/put/jobs/${id}/` })
    await lane.ended(`${path}/`)
    const second = await lane.request('PUT', `${path}/`, { image: lane.image.name, command: 'echo two' })
    expect(second.body.executionId).not.toBe(first.body.executionId)
    expect(second.body.queueJobId).not.toBe(first.body.queueJobId)
    const newest = await lane.ended(`${path}/`, 2)
    expect(newest.log).toBe('two\n')
    const { job } = (await lane.get(`${path}/`)).body
    expect(job).toMatchObject({ command: 'echo two', executionCount: 2, metadata: { retries: 0, retry_count: 0, custom: { a: 1 } } })
    expect(job.executions[1].log).toBe('one\n')
  })

  it('the same job id in another task is another job; any spelling of a UUID is taken', async () => {
    const id = randomUUID()
    await lane.request('PUT', `/tasks/put-a/jobs/${id}/`, { image: lane.image.name, command: 'true' })
    const other = await lane.request('PUT', `/tasks/put-b/jobs/${id.replaceAll('-', '').toUpperCase()}/`, {
      image: lane.image.name,
      command: 'true',
    })
    expect(other.body.jobId).toBe(id)
    expect((await lane.get(`/tasks/put-b/jobs/${id}/`)).body.job.executionCount).toBe(1)
  })

  it('PUT on a delayed job moves it: the old plan is gone', async () => {
    const id = randomUUID()
    const path = `/tasks/put/jobs/${id}/`
    const delayed = await lane.request('PUT', path, { image: lane.image.name, command: 'echo late', startIn: '1h' })
    expect(delayed.body).toMatchObject({ executionId: null, executionUrl: null })
    expect((await lane.get(path)).body.job).toMatchObject({ executionCount: 0, executions: [], scheduled: false })
    const moved = await lane.request('PUT', path, { image: lane.image.name, command: 'echo early', startIn: '1s' })
    expect(moved.body.queueJobId).not.toBe(delayed.body.queueJobId)
    const execution = await lane.ended(path)
    expect(execution.log).toBe('early\n')
    expect((await lane.get(path)).body.job.executionCount).toBe(1)
    expect((await lane.farm.job(await ownJobId(id))).counts).toMatchObject({ completed: 1, total: 2 })
  })

  async function ownJobId(clientId: string): Promise<string> {
    const row = await lane.farm.manager.context.read.get<{ id: string }>(
      'select j.public_id as id from fastlane_jobs f join jobs j on j.id = f.job_id where f.client_id = ?',
      [clientId],
    )
    return row?.id ?? ''
  }

  it('PUT takes a cron away and gives one', async () => {
    const id = randomUUID()
    const path = `/tasks/put/jobs/${id}/`
    await lane.request('PUT', path, { image: lane.image.name, command: 'true', cron: '0 0 1 1 *' })
    expect((await lane.get(path)).body.job).toMatchObject({ scheduled: true, metadata: { cron: '0 0 1 1 *' } })
    await lane.request('PUT', path, { image: lane.image.name, command: 'true' })
    const { job } = (await lane.get(path)).body
    expect(job.scheduled).toBe(false)
    expect(job.metadata.cron).toBeUndefined()
    await lane.request('PUT', path, { image: lane.image.name, command: 'true', cron: '0 0 2 1 *' })
    expect((await lane.get(path)).body.job.scheduled).toBe(true)
    await lane.request('POST', `${path}stop/`)
    expect((await lane.get(path)).body.job.scheduled).toBe(false)
  })

  // Details (2.8, 2.11) --------------------------------------------------------------------------------------------

  it.each(['jobs', 'job'])('job details under /%s/ have all keys', async (word) => {
    const { path } = await lane.enqueue('details', 'echo x', { envs: { A: 'b' } })
    const execution = await lane.ended(path)
    const { body } = await lane.get(path.replace('/jobs/', `/${word}/`))
    expect(body.task).toEqual({ id: 'details', url: `${lane.url}/tasks/details/` })
    expect(Object.keys(body.job)).toEqual([
      'command',
      'createdAt',
      'executionCount',
      'executions',
      'image',
      'lastModifiedAt',
      'metadata',
      'requestIPAddress',
      'scheduled',
      'taskId',
    ])
    expect(body.job.requestIPAddress).toBe('127.0.0.1')
    expect(body.job.metadata).toEqual({
      additional_dns_entries: [],
      enqueued_id: expect.stringMatching(UUID),
      envs: { A: 'b' },
      expiration: null,
      notify: { fails: [], finishes: [], succeeds: [] },
      retries: 0,
      retry_count: 0,
      timeout: 1800,
      webhooks: { fails: [], finishes: [], succeeds: [] },
    })
    expect(execution.url).toBe(`${lane.url}${path}executions/${execution.executionId}/`)
  })

  it('an execution has exactly its keys, with nulls before its end', async () => {
    const { path, reply } = await lane.enqueue('details', 'sleep 30')
    const url = `${path}executions/${reply.body.executionId}/`
    await lane.containerRuns(path)
    const { body } = await lane.get(url)
    expect(body).toEqual({
      execution: {
        command: 'sleep 30',
        createdAt: expect.stringMatching(TIME),
        error: null,
        executionId: reply.body.executionId,
        exitCode: null,
        finishedAt: null,
        image: lane.image.name,
        log: null,
        metadata: { container_id: expect.stringMatching(/^[0-9a-f]{12}$/), docker_host: '/var/run/docker.sock', docker_port: 0 },
        requestIPAddress: '127.0.0.1',
        startedAt: expect.stringMatching(TIME),
        status: 'running',
      },
      job: { id: reply.body.jobId, url: `${lane.url}${path}` },
      task: { id: 'details', url: `${lane.url}/tasks/details/` },
    })
    for (const output of ['stdout', 'stderr', 'logs']) {
      const { status, text, headers } = await lane.get(`${path}${output}/`)
      expect([status, text, headers.get('fastlane-exit-code')]).toEqual([200, '', 'None'])
    }
    await lane.request('POST', `${url}stop`)
    expect(await lane.inStatus(path, 'failed')).toMatchObject({ exitCode: 137, error: 'User stopped job execution manually.' })
  })

  it('the twenty newest of many executions, the newest first; page 2 has the next', async () => {
    const id = randomUUID()
    const path = `/tasks/many/jobs/${id}/`
    for (let run = 1; run <= 22; run++) await lane.request('PUT', path, { image: lane.image.name, command: `echo ${run}` })
    const { job } = (await lane.get(path)).body
    expect(job.executionCount).toBe(22)
    expect(job.executions.map(({ command }: { command: string }) => command)).toEqual(
      Array.from({ length: 20 }, (_, at) => `echo ${22 - at}`),
    )
    const rest = (await lane.get(`${path}?page=2`)).body.job.executions
    expect(rest.map(({ command }: { command: string }) => command)).toEqual(['echo 2', 'echo 1'])
    await lane.request('POST', `${path}stop/`)
  })

  // Output (2.12) --------------------------------------------------------------------------------------------------

  it.each(['jobs', 'job'])('output under /%s/, of a job and of an execution', async (word) => {
    const { path, reply } = await lane.enqueue('output', `sh -c 'echo out; echo err >&2; exit 3'`)
    await lane.ended(path)
    const job = path.replace('/jobs/', `/${word}/`)
    for (const base of [job, `${job}executions/${reply.body.executionId}/`]) {
      for (const [output, text] of [
        ['stdout', 'out\n'],
        ['stderr', 'err\n'],
        ['logs', 'out\n\n-=-\nerr\n'],
      ] as const) {
        const got = await lane.get(`${base}${output}/`)
        expect([got.status, got.text, got.headers.get('fastlane-exit-code')]).toEqual([200, text, '3'])
        expect(got.headers.get('content-type')).toBe('text/plain; charset=utf-8')
        expect(got.headers.get('x-content-type-options')).toBe('nosniff')
      }
    }
  })

  it('the logs of what wrote nothing are the separator', async () => {
    const { path } = await lane.enqueue('output', 'true')
    await lane.ended(path)
    expect((await lane.get(`${path}logs/`)).text).toBe('\n-=-\n')
  })

  it('a long output comes whole, with every character', async () => {
    const { path } = await lane.enqueue('output', `sh -c 'for i in $(seq 5000); do echo "$i äöü €"; done'`)
    await lane.ended(path)
    const lines = (await lane.get(`${path}stdout/`)).text.split('\n')
    expect(lines).toHaveLength(5001)
    expect(lines[4999]).toBe('5000 äöü €')
  })

  it('an output comes as it was written: carriage returns, bytes that are no UTF-8, long lines, no newline at the end', async () => {
    const flood = 'head -c 2000000 /dev/zero | tr "\\000" y'
    const { path } = await lane.enqueue('output', `sh -c 'eval "$H"; (eval "$H"; ${flood}) >&2'`, { envs: { H: hostileInShell() } })
    await lane.ended(path)
    const output = async (name: string): Promise<Buffer> => Buffer.from(await (await fetch(`${lane.url}${path}${name}/`)).arrayBuffer())
    const stderr = Buffer.concat([HOSTILE, Buffer.alloc(2_000_000, 'y')])
    expect(differenceOf(await output('stdout'), HOSTILE)).toBeUndefined()
    expect(differenceOf(await output('stderr'), stderr)).toBeUndefined()
    expect(differenceOf(await output('logs'), Buffer.concat([HOSTILE, Buffer.from('\n-=-\n'), stderr]))).toBeUndefined()
  })

  it('an output that reaches the limit ends its run: failed, with the reason, and all of it up to there', async () => {
    await lane.change({ maxLogBytes: 50_000 })
    try {
      const { path } = await lane.enqueue('output', `sh -c 'echo first; yes'`, { retries: 2 })
      const execution = await lane.ended(path)
      expect(execution).toMatchObject({ status: 'failed', error: 'its log reached the limit of 50 kB' })
      const stdout = (await lane.get(`${path}stdout/`)).text
      expect(stdout).toMatch(/^first\n(y\n)*y?$/)
      expect(stdout.length).toBeGreaterThan(49_000)
      expect(stdout.length).toBeLessThanOrEqual(50_000)
      // A run that floods its log would do so again.
      expect((await lane.get(path)).body.job.executionCount).toBe(1)
    } finally {
      await lane.change({ maxLogBytes: 0 })
    }
  })

  it('an output of a million lines costs what its bytes cost, not its lines', async () => {
    const { path, reply } = await lane.enqueue('output', `sh -c 'seq 1000000'`)
    await lane.ended(path)
    const job = await lane.get(path)
    expect(job.body.job.executions[0].log.length).toBeLessThan(1_100_000)
    const elapsed = async (url: string): Promise<number> => {
      const times: number[] = []
      for (let round = 0; round < 9; round++) {
        const startedAt = performance.now()
        await (await fetch(url)).arrayBuffer()
        times.push(performance.now() - startedAt)
      }
      return times.toSorted((one, other) => one - other)[4] ?? 0
    }
    const native = await elapsed(`${lane.url}/api/v1/tasks/${reply.body.executionId}/attempts/1/log`)
    // The bench holds it to this at p95 (`npm run bench -- fastlanelogs`); here it is the median, on a machine with other work.
    expect(await elapsed(`${lane.url}${path}stdout/`)).toBeLessThan(2 * native + 20)
    expect(await elapsed(lane.url + path)).toBeLessThan(2 * native + 20)
  })

  // Stop (2.9, 2.13) and retry (2.10) --------------------------------------------------------------------------------

  it.each(['jobs', 'job'])('stop under /%s/ ends the container: failed, its real exit code, what it wrote, a sentence', async (word) => {
    const { path, reply } = await lane.enqueue(
      'stopping',
      `sh -c 'trap "exit 7" TERM; echo begun; echo warned >&2; while true; do sleep 0.05; done'`,
      {
        retries: 3,
      },
    )
    await until(async () => (await streamed(path)).includes('begun'), 'its first line')
    const stopped = await lane.request('POST', `${path.replace('/jobs/', `/${word}/`)}stop`)
    expect([stopped.status, stopped.body]).toEqual([
      200,
      { jobId: reply.body.jobId, jobUrl: reply.body.jobUrl, taskId: 'stopping', taskUrl: reply.body.taskUrl },
    ])
    const execution = await lane.ended(path)
    expect(execution).toMatchObject({
      status: 'failed',
      exitCode: 7,
      log: 'begun\n',
      error: 'warned\nUser stopped job execution manually.',
    })
    const { job } = (await lane.get(path)).body
    expect(job).toMatchObject({ executionCount: 1, metadata: { retry_count: 4 } })
  })

  async function streamed(path: string): Promise<string> {
    const { frames, closed } = lane.listen(`${path}ws/`)
    await Promise.race([closed, until(() => frames.length > 0, 'a frame').catch(() => undefined)])
    return frames.join('')
  }

  it('stop of a delayed job takes its plan away; stop again is 200', async () => {
    const { path } = await lane.enqueue('stopping', 'true', { startIn: '1h' })
    expect((await lane.request('POST', `${path}stop/`)).status).toBe(200)
    expect((await lane.request('POST', `${path}stop/`)).status).toBe(200)
    expect((await lane.get(path)).body.job.executionCount).toBe(0)
    expect((await lane.request('POST', `${path}retry/`)).body.error).toBe('No execution yet to retry.')
  })

  it('stop of an execution leaves a cron, and takes retries', async () => {
    const id = randomUUID()
    const path = `/tasks/stopping/jobs/${id}/`
    const body = { image: lane.image.name, command: 'sleep 60', retries: 3 }
    await lane.request('PUT', path, { ...body, cron: '*/1 * * * * *' })
    // Each second there is a newer one, and the worker has four places: the newest may wait for long.
    const { executionId } = await lane.someContainerRuns(path)
    const stopped = await lane.request('POST', `${path}executions/${executionId}/stop/`)
    expect(stopped.body).toEqual({
      execution: { id: executionId, url: `${lane.url}${path}executions/${executionId}/` },
      job: { id, url: `${lane.url}${path}` },
      task: { id: 'stopping', url: `${lane.url}/tasks/stopping/` },
    })
    expect((await lane.get(path)).body.job.scheduled).toBe(true)
    await lane.request('POST', `${path}stop/`)
    expect((await lane.get(path)).body.job.scheduled).toBe(false)
  })

  it.each(['jobs', 'job'])('retry under /%s/ runs the last execution again', async (word) => {
    const { path, reply } = await lane.enqueue('again', 'echo once more')
    await lane.ended(path)
    const again = await lane.request('POST', `${path.replace('/jobs/', `/${word}/`)}retry`)
    expect([again.status, again.body]).toEqual([
      200,
      { jobId: reply.body.jobId, jobUrl: reply.body.jobUrl, taskId: 'again', taskUrl: reply.body.taskUrl },
    ])
    expect((await lane.ended(path, 2)).log).toBe('once more\n')
  })

  it('retry of what runs stops it first', async () => {
    const { path, reply } = await lane.enqueue('again', `sh -c 'trap "exit 9" TERM; while true; do sleep 0.05; done'`)
    await lane.containerRuns(path)
    await lane.request('POST', `${path}retry/`)
    const first = `${path}executions/${reply.body.executionId}/`
    await until(async () => (await lane.get(first)).body.execution.status === 'failed', 'the end of the first one')
    expect((await lane.get(path)).body.job.executionCount).toBe(2)
    await lane.request('POST', `${path}stop/`)
  })

  it('retry of a scheduled job is refused', async () => {
    const { path } = await lane.enqueue('again', 'true', { cron: '*/1 * * * * *' })
    await lane.ended(path)
    const { status, body } = await lane.request('POST', `${path}retry/`)
    expect([status, body]).toEqual([400, { error: "Can't retry a scheduled job.", operation: 'retry_job' }])
    await lane.request('POST', `${path}stop/`)
  })

  // Lists and search (2.4, 2.5) --------------------------------------------------------------------------------------

  it('tasks come in pages, with five keys each', async () => {
    await lane.change({ fastlanePageSize: 3 })
    const { body } = await lane.get('/tasks/')
    expect(body).toMatchObject({ hasNext: true, hasPrev: false, page: 1, perPage: 3, prevUrl: null, nextUrl: `${lane.url}/tasks/?page=2` })
    expect(body.items).toHaveLength(3)
    expect(Object.keys(body.items[0])).toEqual(['createdAt', 'jobsCount', 'lastModifiedAt', 'taskId', 'url'])
    expect(body.items[0]).toMatchObject({ taskId: 'hello-world', jobsCount: 1, url: `${lane.url}/tasks/hello-world/` })
    expect(body.pages).toBe(Math.ceil(body.total / 3))
    const last = (await lane.get(`/tasks/?page=${body.pages}`)).body
    expect(last).toMatchObject({ hasNext: false, hasPrev: true, nextUrl: null })
    expect(last.prevUrl).toMatch(/\/tasks\/\?page=\d+$/)
    await lane.change({ fastlanePageSize: 10 })
  })

  it.each([
    ['world', ['hello-world']],
    ['WORLD', ['hello-world']],
    ['hel', []],
    ['worlds', ['hello-world']],
    ['"hello world"', ['hello-world']],
    ['hello -world', []],
    ['details again', ['again', 'details', ...[]]],
    ['") OR *', []],
    ['-world', []],
  ])('search for %s', async (query, tasks) => {
    const { status, body } = await lane.get(`/search/?query=${encodeURIComponent(query)}`)
    expect(status).toBe(200)
    expect(body.items.map(({ taskId }: { taskId: string }) => taskId).sort()).toEqual(tasks)
  })

  // Farm (2.1, 2.2, 2.15) ---------------------------------------------------------------------------------------------

  it.each(['/', '/healthcheck', '/healthcheck/'])('health at %s', async (path) => {
    const { status, body } = await lane.get(path)
    expect([status, body]).toEqual([200, { errors: [], mongo: true, redis: true }])
  })

  it('the list of routes', async () => {
    const { status, body } = await lane.get('/routes/')
    expect(status).toBe(200)
    expect(body).toContainEqual({ endpoint: '/tasks/<task>/jobs/<job>/', methods: 'GET, HEAD, PUT' })
    expect(body).toContainEqual({ endpoint: '/docker-executor/blacklist', methods: 'DELETE, POST, PUT' })
  })

  it('a browser that opens / gets the GUI', async () => {
    const { status, headers } = await lane.request('GET', '/', undefined, { accept: 'text/html,application/xhtml+xml' })
    expect([status, headers.get('location')]).toEqual([307, '/app/'])
  })

  it('status tells of hosts, containers, queues, and jobs with a cron', async () => {
    const running = await lane.enqueue('status', 'sleep 60')
    const delayed = await lane.enqueue('status', 'true', { startAt: 4_102_444_800 })
    const cron = await lane.enqueue('status', 'true', { cron: '0 0 1 1 *', envs: { MY_PASSWORD: 'x' } })
    const execution = await lane.containerRuns(running.path)
    const { body } = await lane.get('/status/')
    expect(Object.keys(body)).toEqual(['containers', 'fastlane', 'hosts', 'jobs', 'queues', 'tasks'])
    // The first digits of the container's id, which Docker takes for the whole.
    const [container] = body.containers.running
    expect(body.containers.running).toEqual([{ host: '/var/run/docker.sock', id: expect.stringMatching(/^[0-9a-f]{12}$/), port: 0 }])
    expect(engine(['inspect', '--format', '{{.State.Running}}', container.id])).toBe('true')
    expect(execution.metadata).toMatchObject({ container_id: container.id, docker_host: '/var/run/docker.sock', docker_port: 0 })
    expect(body.hosts).toEqual([
      { available: true, blacklisted: false, circuit: 'closed', error: null, host: '/var/run/docker.sock', port: 0 },
    ])
    expect(Object.keys(body.queues)).toEqual(['jobs', 'monitor', 'notify', 'scheduled', 'webhooks'])
    expect(body.queues.jobs).toEqual({ length: 0 })
    expect(body.queues.scheduled.length).toBeGreaterThanOrEqual(2)
    expect(body.queues.scheduled.nextHumanReadableDate).toMatch(TIME)
    expect(body.jobs.count).toBeGreaterThan(10)
    const item = body.jobs.scheduled.find(({ url }: { url: string }) => url === cron.reply.body.jobUrl)
    expect(item).toMatchObject({
      command: 'true',
      metadata: { envs: { MY_PASSWORD: '***' } },
      nextScheduledAt: expect.stringMatching(/-01-01T00:00:00$/),
      scheduled: true,
      stopUrl: `${cron.reply.body.jobUrl}stop/`,
      task: { id: 'status', url: `${lane.url}/tasks/status/` },
    })
    expect(item.executions).toBeUndefined()
    expect(item.taskId).toBeUndefined()
    for (const { path } of [running, delayed, cron]) await lane.request('POST', `${path}stop/`)
  })

  it('a blacklisted host gets nothing new, until it is taken off', async () => {
    const path = '/docker-executor/blacklist'
    const host = '/var/run/docker.sock'
    expect(await lane.request('POST', path, { host })).toMatchObject({ status: 200, text: '' })
    expect((await lane.get('/status/')).body.hosts[0]).toMatchObject({
      available: false,
      blacklisted: true,
      error: 'server is blacklisted',
    })
    const refused = await lane.enqueue('blacklist', 'true')
    expect(await lane.ended(refused.path)).toMatchObject({ status: 'failed', exitCode: null, error: expect.stringMatching(/./) })
    expect((await lane.request('DELETE', `${path}/`, { host })).status).toBe(200)
    expect((await lane.ended((await lane.enqueue('blacklist', 'true')).path)).status).toBe('done')
  })

  // Streams (2.14, 7) -------------------------------------------------------------------------------------------------

  it.each(['jobs', 'job'])('the socket under /%s/ gives what ended: code, stdout, separator, stderr; then 1010 wsdone', async (word) => {
    const { path, reply } = await lane.enqueue('stream', `sh -c 'echo out; echo err >&2; exit 4'`)
    await lane.ended(path)
    const job = path.replace('/jobs/', `/${word}/`)
    for (const url of [`${job}ws/`, `${job}ws`, `${job}executions/${reply.body.executionId}/ws/`]) {
      const { frames, closed } = lane.listen(url)
      expect(await closed).toEqual({ code: 1010, reason: 'wsdone' })
      expect(frames).toEqual(['EXIT CODE: 4\n', 'out\n', '\n-=-\n', 'err\n'])
    }
  })

  it('the socket of what runs gives every line from its start, both streams, and ends with 1000 wsdone', async () => {
    const { path } = await lane.enqueue(
      'stream',
      `sh -c 'echo a; echo b >&2; while [ ! -e /tmp/go ]; do sleep 0.05; [ $((++i)) -gt 20 ] && touch /tmp/go; done; echo c'`,
    )
    await lane.inStatus(path, 'running')
    const { frames, closed } = lane.listen(`${path}ws/`)
    expect(await closed).toEqual({ code: 1000, reason: 'wsdone' })
    expect(frames.join('').split('\n').sort()).toEqual(['', 'a', 'b', 'c'])
  })

  it.each([
    ['an unknown job', () => `/tasks/stream/jobs/${randomUUID()}/ws/`, 1000, ''],
    ['a job without executions', async () => `${(await lane.enqueue('stream', 'true', { startIn: '1h' })).path}ws/`, 1000, 'wsretry'],
    ['an unknown execution', async () => `${(await lane.enqueue('stream', 'true')).path}executions/${randomUUID()}/ws/`, 1000, 'wsretry'],
    ['what waits', async () => `${(await lane.enqueue('stream', 'true', { expiration: 1 })).path}ws/`, 1010, /wsretry|wsdone/],
  ])('the socket of %s', async (_name, path, code, reason) => {
    const { closed } = lane.listen(await path())
    expect(await closed).toEqual({ code, reason: reason instanceof RegExp ? expect.stringMatching(reason) : reason })
  })

  it('the stream pages open the socket beside them', async () => {
    const { path } = await lane.enqueue('stream<b>', 'true')
    const { status, text, headers } = await lane.get(`${path}stream/`)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src 'nonce-/)
    expect(text).toContain('<title>stream&#60;b&#62; - ')
    expect((await lane.get(`${path}executions/${randomUUID()}/stream/`)).status).toBe(200)
    expect((await lane.get(`${path}ws/`)).status).toBe(404)
  })

  // Slashes (1.4) -----------------------------------------------------------------------------------------------------

  it('a GET without its slash is sent on, with its query', async () => {
    const { status, headers } = await lane.get('/tasks?page=1')
    expect([status, headers.get('location')]).toEqual([308, './tasks/?page=1'])
    const followed = await fetch(`${lane.url}/tasks/details?x=1`)
    expect(followed.url).toBe(`${lane.url}/tasks/details/?x=1`)
    expect(((await followed.json()) as { taskId: string }).taskId).toBe('details')
  })
})
