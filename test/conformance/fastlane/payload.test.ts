/** Every option of the job payload (protocol 3), with what follows from it: retries, hooks, mails, times. Real containers. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FastlaneFarm } from '../../support/fastlaneFarm.ts'
import { until } from '../../support/liveManager.ts'
import { requirePart } from '../../support/parts.ts'

const docker = requirePart('docker')

docker.describe("Fastlane's job payload", () => {
  let lane: FastlaneFarm
  beforeAll(async () => {
    lane = await FastlaneFarm.start()
  })
  afterAll(() => lane.stop())

  it('envs reach the container as texts, and are shown without their secrets', async () => {
    const envs = {
      NAME: 'value',
      COUNT: 3,
      FLAG: true,
      LIST: [1, 'a'],
      MY_API_KEY: 'hush',
      'with.dot': 'x',
      nested: { password: 'p', a: 1 },
    }
    const { path } = await lane.enqueue('envs', 'env', { envs })
    const { log } = await lane.ended(path)
    for (const line of ['NAME=value', 'COUNT=3', 'FLAG=true', 'LIST=[1,"a"]', 'MY_API_KEY=hush', 'with.dot=x'])
      expect(log).toContain(`${line}\n`)
    expect((await lane.get(path)).body.job.metadata.envs).toEqual({
      ...envs,
      MY_API_KEY: '***',
      nested: { password: '***', a: 1 },
    })
    await lane.change({ hiddenWords: '' })
    expect((await lane.get(path)).body.job.metadata.envs).toEqual(envs)
    await lane.change({ hiddenWords: 'password,key,secret,client_id' })
  })

  it.each([
    [{ a: { b: 1 } }, { a: { b: 1 } }],
    ['text', undefined],
    [12, undefined],
    [[1], undefined],
    [{}, undefined],
  ])('metadata %j is kept as custom: %j', async (metadata, custom) => {
    const { path } = await lane.enqueue('metadata', 'true', { metadata })
    expect((await lane.get(path)).body.job.metadata.custom).toEqual(custom)
  })

  it('retries run a failed container again, each as an execution of its own, with growing waits', async () => {
    const { path } = await lane.enqueue('retries', `sh -c 'exit 5'`, { retries: 2 })
    await lane.ended(path, 3)
    const { job } = (await lane.get(path)).body
    expect(job.executions.map(({ status, exitCode }: { status: string; exitCode: number }) => [status, exitCode])).toEqual([
      ['failed', 5],
      ['failed', 5],
      ['failed', 5],
    ])
    expect(job.metadata).toMatchObject({ retries: 2, retry_count: 2 })
    const rows = await lane.farm.manager.context.read.all<{ wait: number }>(
      `select a.started_at - e.appears_at as wait from fastlane_executions e join attempts a on a.task_id = e.task_id
       join fastlane_jobs f on f.job_id = e.job_id where f.client_id = ? order by a.id`,
      [path.split('/')[4] ?? ''],
    )
    const waits = rows.map(({ wait }) => wait)
    expect(waits[1]).toBeGreaterThanOrEqual(40)
    expect(waits[2]).toBeGreaterThanOrEqual(80)
  })

  it('a run that succeeds after one that failed ends the job well in the farm, too', async () => {
    const { path } = await lane.enqueue('retries', `sh -c 'exit 1'`)
    await lane.ended(path)
    await lane.request('PUT', path, { image: lane.image.name, command: 'true' })
    await lane.ended(path, 2)
    const row = await lane.farm.manager.context.read.get<{ id: string }>('select public_id as id from jobs where client_id = ?', [
      path.replace(/^\/tasks\/|jobs\/|\/$/g, ''),
    ])
    expect((await lane.farm.job(row?.id ?? '')).status).toBe('completed')
  })

  it('what cannot be started, and what times out, is not retried', async () => {
    const bad = await lane.enqueue('retries', 'no-such-program', { retries: 3 })
    await lane.ended(bad.path)
    const slow = await lane.enqueue('retries', `sh -c 'echo begun; trap "exit 3" TERM; while true; do sleep 0.05; done'`, {
      retries: 3,
      timeout: 1,
    })
    const execution = await lane.ended(slow.path)
    expect(execution).toMatchObject({
      status: 'timedout',
      log: 'begun\n',
      error: expect.stringMatching(/^Job execution timed out after [1-9]\d* seconds\.$/),
    })
    expect((await lane.get(slow.path)).body.job.executionCount).toBe(1)
    expect((await lane.get(bad.path)).body.job.executionCount).toBe(1)
  })

  it('a timeout is never longer than the farm allows', async () => {
    const { path } = await lane.enqueue('timeout', 'true', { timeout: 999_999 })
    expect((await lane.get(path)).body.job.metadata.timeout).toBe(1800)
    const shorter = await lane.enqueue('timeout', 'true', { timeout: 60 })
    expect((await lane.get(shorter.path)).body.job.metadata.timeout).toBe(60)
  })

  it.each([
    ['startAt in the past', () => ({ startAt: 1 }), 0],
    ['startAt now, as a text', () => ({ startAt: String(Math.floor(Date.now() / 1000)) }), 0],
    ['startAt 0 is none', () => ({ startAt: 0 }), 0],
    ['startIn', () => ({ startIn: '1s' }), 900],
  ])('%s runs once', async (_name, when, after) => {
    const from = Date.now()
    const { path, reply } = await lane.enqueue('delayed', 'echo ran', when())
    const isNow = 'startAt' in when() && (when() as { startAt: unknown }).startAt === 0
    expect(reply.body.executionId === null).toBe(!isNow)
    expect((await lane.ended(path)).log).toBe('ran\n')
    expect(Date.now() - from).toBeGreaterThanOrEqual(after)
    expect((await lane.get(path)).body.job).toMatchObject({ executionCount: 1, scheduled: false })
  })

  it.each([
    ['48h', 172_800],
    ['1h', 3_600],
    ['5m', 300],
    ['30s', 30],
    ['4h30m25s', 16_225],
  ])('startIn %s is due in %i seconds', async (startIn, seconds) => {
    const { path } = await lane.enqueue('delayed', 'true', { startIn })
    const row = await lane.farm.manager.context.read.get<{ due: number }>(
      `select t.not_before - j.created_at as due from jobs j join tasks t on t.job_id = j.id where j.client_id = ?`,
      [path.replace(/^\/tasks\/|jobs\/|\/$/g, '')],
    )
    expect(row?.due).toBeGreaterThan(seconds * 1000 - 2_000)
    expect(row?.due).toBeLessThan(seconds * 1000 + 2_000)
    await lane.request('POST', `${path}stop/`)
  })

  it('a cron, seconds last, fires again and again; retries are counted anew at each', async () => {
    const id = randomUUID()
    const path = `/tasks/cron/jobs/${id}/`
    const { body } = await lane.request('PUT', path, {
      image: lane.image.name,
      command: `sh -c 'exit 1'`,
      cron: '* * * * * */1',
      retries: 1,
    })
    expect(body).toMatchObject({ executionId: null, jobId: id })
    expect((await lane.get(path)).body.job).toMatchObject({ scheduled: true, metadata: { cron: '* * * * * */1' } })
    await lane.ended(path, 4)
    await lane.request('POST', `${path}stop/`)
    const { executionCount } = (await lane.get(path)).body.job
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect((await lane.get(path)).body.job.executionCount).toBe(executionCount)
  })

  it('what is not started before its expiration is expired: its text, no hooks', async () => {
    const webhooks = { finishes: [{ url: `${lane.http.url}/expired` }] }
    const expiration = Math.floor(Date.now() / 1000) - 10
    const { path } = await lane.enqueue('expiration', 'true', { expiration, webhooks })
    const execution = await lane.ended(path)
    expect(execution).toMatchObject({ status: 'expired', exitCode: null, log: '' })
    const iso = new Date(expiration * 1000).toISOString().slice(0, 19)
    expect(execution.error).toMatch(new RegExp(`^Job was supposed to be done before ${iso}, but was started at \\d{4}-.*\\.$`))
    const { frames, closed } = lane.listen(`${path}ws/`)
    expect(await closed).toEqual({ code: 1010, reason: 'wsdone' })
    expect(frames[0]).toBe('EXIT CODE: None\n')
    await until(async () => (await lane.get('/status/')).body.queues.monitor.length === 0, 'what follows')
    expect(lane.http.to('/expired')).toEqual([])
  })

  it('additionalDNSEntries stand in the hosts file and in the metadata, as pairs', async () => {
    const { path } = await lane.enqueue('dns', 'cat /etc/hosts', { additionalDNSEntries: { 'db.studio.example': '10.9.8.7' } })
    expect((await lane.ended(path)).log).toMatch(/10\.9\.8\.7\s+db\.studio\.example/)
    expect((await lane.get(path)).body.job.metadata.additional_dns_entries).toEqual([['db.studio.example', '10.9.8.7']])
  })

  it.each([
    ['true', 'done', ['succeeds', 'finishes'], ['fails']],
    [`sh -c 'exit 2'`, 'failed', ['fails', 'finishes'], ['succeeds']],
  ])('%s: its hooks get the execution', async (command, status, told, untold) => {
    const key = randomUUID()
    const hook = (name: string) => [{ url: `${lane.http.url}/${key}/${name}`, method: 'GET', headers: { 'X-Key': 'k', 'X-Secret': 's' } }]
    const webhooks = { succeeds: hook('succeeds'), fails: hook('fails'), finishes: [{ headers: {} }, ...hook('finishes')] }
    const { path, reply } = await lane.enqueue('hooks', command, { webhooks, metadata: { shot: '040' }, envs: { HIDDEN: 'value-of-env' } })
    const execution = await lane.ended(path)
    for (const name of told) {
      const [got] = await until(() => lane.http.to(`/${key}/${name}`).length > 0 && lane.http.to(`/${key}/${name}`), name)
      expect(got?.method).toBe('POST')
      expect(got?.headers).toMatchObject({ 'x-key': 'k', 'content-type': 'application/json' })
      expect(got?.body).toMatchObject({
        status,
        exitCode: execution.exitCode,
        job_id: reply.body.jobId,
        metadata: { custom: { shot: '040' } },
      })
      expect(got?.body.executionId).toBe(execution.executionId)
      expect(got?.text).not.toContain('value-of-env')
    }
    await until(async () => ((await lane.executions(path))[0]?.metadata['webhookDispatch'] as unknown[])?.length === 2, 'what came of them')
    for (const name of untold) expect(lane.http.to(`/${key}/${name}`)).toEqual([])
    const [dispatch] = (await lane.executions(path))[0]?.metadata['webhookDispatch'] as Record<string, unknown>[]
    expect(dispatch).toMatchObject({ timestamp: expect.any(String), url: expect.stringContaining(key), statusCode: 200, body: 'ok' })
    const { metadata } = (await lane.get(path)).body.job
    expect(metadata.webhooks.finishes[1]).toMatchObject({ method: 'GET', headers: { 'X-Key': '***', 'X-Secret': '***' } })
  })

  it('a hook that fails is called again so many times, and three failures are remembered', async () => {
    const path = `/${randomUUID()}`
    lane.http.answer(path, { status: 500, body: 'broken' })
    const webhooks = { succeeds: [{ url: lane.http.url + path, retries: 4 }] }
    const job = await lane.enqueue('hooks', 'true', { webhooks })
    await until(() => lane.http.to(path).length === 5, 'all calls', 30_000)
    const dispatches = await until(async () => {
      const list = (await lane.executions(job.path))[0]?.metadata['webhookDispatch'] as Record<string, unknown>[] | undefined
      return list?.length === 3 && list
    }, 'three failures')
    expect(dispatches[2]).toMatchObject({ statusCode: 500, body: 'broken' })
    expect(dispatches[2]?.['error']).toMatch(/^The POST request to .* with body of "\{"command"\.\.\." failed with status code of 500\.$/)
  })

  it('a hook without an answer is remembered with what went wrong', async () => {
    const { path } = await lane.enqueue('hooks', 'true', { webhooks: { succeeds: [{ url: 'http://127.0.0.1:1/' }] } })
    const [dispatch] = await until(
      async () => (await lane.executions(path))[0]?.metadata['webhookDispatch'] as Record<string, unknown>[] | undefined,
      'it',
      20_000,
    )
    expect(dispatch).toMatchObject({ statusCode: 500, error: expect.stringContaining('failed with exception of Error: ') })
  })

  it('mails go to each address, with subject, execution and both forms of text', async () => {
    const notify = { succeeds: ['a@studio.example'], finishes: ['b@studio.example', 'c@studio.example'], fails: ['never@studio.example'] }
    const { reply } = await lane.enqueue('mails', 'echo hello', { notify })
    await until(() => lane.smtp.mails.length === 3, 'three mails', 30_000)
    const to = (address: string) => lane.smtp.mails.find((mail) => mail.to.includes(address))?.raw.replace(/\r\n[ \t]/g, ' ') ?? ''
    expect(to('a@studio.example')).toContain(`Subject: [Fastlane] Job mails/${reply.body.jobId} succeeded!`)
    expect(to('b@studio.example')).toContain(`Subject: [Fastlane] Job mails/${reply.body.jobId} finished with exit code 0!`)
    expect(to('c@studio.example')).toContain('multipart/alternative')
    expect(to('never@studio.example')).toBe('')
  })
})
