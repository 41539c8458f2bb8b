/** Submissions whose sender gets no reply: sent again with a key they make one job, and without one no work is done in vain. */
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LiveManager, until } from '../../support/liveManager.ts'

const SLOW_TYPE = `
const JOB_TYPE = { label: 'Slow', settings: [{ key: 'ms', type: 'int32', default: 0 }] }
function compileJob(job) {
  const end = Date.now() + job.settings.ms
  while (Date.now() < end) {}
  print('took ' + job.settings.ms + ' ms')
  job.addTask(author.Task('one', 'misc'))
}
`

let farm: LiveManager
beforeAll(async () => {
  farm = await LiveManager.start()
  await writeFile(join(farm.manager.context.paths.scripts, 'slow.js'), SLOW_TYPE)
  await until(async () => (await farm.get('/job-types/slow')).status === 200, 'the job type')
})
afterAll(() => farm.stop())

async function submit(
  body: object,
  key?: string,
  path = '/api/v1/jobs',
): Promise<{ status: number; replayed: boolean; body: Record<string, unknown> }> {
  const reply = await fetch(farm.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'idempotency-key': key }) },
    body: JSON.stringify(body),
  })
  const parsed: unknown = await reply.json()
  // Tests look into a reply as they know it.
  return { status: reply.status, replayed: reply.headers.get('idempotent-replayed') === 'true', body: parsed as Record<string, unknown> }
}

const jobsNamed = async (name: string): Promise<number> => (await farm.get(`/jobs?q=${name}`)).body.total

describe('a submission with an Idempotency-Key', () => {
  const dialects = [
    ['native', '/api/v1/jobs', { name: 'once-native', type: 'slow' }],
    ['Flamenco', '/api/v3/jobs', { name: 'once-flamenco', type: 'slow', priority: 50, submitter_platform: 'linux' }],
  ] as const
  it.each(dialects)('makes one job, however often and however quickly it is sent (%s)', async (_dialect, path, job) => {
    const key = `key-of-${job.name}`
    const replies = await Promise.all([submit(job, key, path), submit(job, key, path), submit(job, key, path)])
    replies.push(await submit(job, key, path))
    expect(new Set(replies.map(({ body }) => body['id'])).size).toBe(1)
    expect(replies.filter(({ replayed }) => replayed)).toHaveLength(3)
    expect(await jobsNamed(job.name)).toBe(1)
  })

  it('makes one job by Fastlane, too', async () => {
    const send = () => submit({ image: 'busybox', command: 'true' }, 'fastlane-key', '/tasks/keyed/')
    const [first, second] = [await send(), await send()]
    expect([second.body['jobId'], second.body['executionId']]).toEqual([first.body['jobId'], first.body['executionId']])
    expect((await send()).body['jobId']).toBe(first.body['jobId'])
  })

  it('is refused when the key was used for another request, and names its job', async () => {
    const first = await submit({ name: 'used-once', type: 'slow' }, 'used')
    const other = await submit({ name: 'used-once', type: 'slow', priority: 7 }, 'used')
    expect(other.status).toBe(400)
    expect(other.body['message']).toContain(String(first.body['id']))
    expect(other.body['field']).toBe('Idempotency-Key')
    expect(await jobsNamed('used-once')).toBe(1)
  })

  it('is refused when the key is none', async () => {
    expect((await submit({ name: 'x', type: 'slow' }, 'a b')).status).toBe(400)
    expect((await submit({ name: 'x', type: 'slow' }, 'k'.repeat(201))).status).toBe(400)
  })
})

it('what a vanished caller asked for is not stored, neither while its script runs nor while it waits', async () => {
  const port = Number(new URL(farm.url).port)
  const sockets = ['vanish-runs', 'vanish-waits'].map((name) => {
    const body = JSON.stringify({ name, type: 'slow', settings: { ms: 3_000 } })
    const socket = connect(port, '127.0.0.1')
    socket.write(
      `POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    )
    return socket
  })
  await new Promise((resolve) => setTimeout(resolve, 500))
  const startedAt = performance.now()
  for (const socket of sockets) socket.destroy()
  // The next caller does not wait for scripts whose callers have left.
  const next = await submit({ name: 'after-vanish', type: 'slow' })
  expect(next.status).toBe(201)
  expect(next.body['activity']).toContain('took 0 ms')
  expect(performance.now() - startedAt).toBeLessThan(20_000)
  await until(async () => (await jobsNamed('after-vanish')) === 1, 'the next job')
  expect(await jobsNamed('vanish')).toBe(1)
})
