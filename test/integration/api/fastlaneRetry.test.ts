/** What follows by itself from the end of a Fastlane execution, and what clients ask meanwhile. */
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { FastlaneJobs } from '../../../src/main/dialects/fastlane/jobs/jobs.ts'
import { executionsOf, findFastlaneJob } from '../../../src/main/dialects/fastlane/store/queries.ts'
import { LiveManager, until, type LiveWorker } from '../../support/liveManager.ts'

let farm: LiveManager
let worker: LiveWorker
beforeAll(async () => {
  farm = await LiveManager.start()
  // A retry is made at once, and waits for ever.
  await farm.call('PATCH', '/settings', { body: { fastlaneRetryMs: 3_600_000 } })
  worker = await farm.worker('box', { kinds: ['container'] })
})
afterAll(() => farm.stop())

const send = (method: string, path: string, body?: object) =>
  fetch(farm.url + path, {
    method,
    ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  }).then(async (reply) => ({ status: reply.status, body: (await reply.json()) as { job: { executionCount: number } } }))

it('a retry that was decided before a stop came does not come after it', async () => {
  const id = randomUUID()
  const path = `/tasks/late/jobs/${id}/`
  await send('PUT', path, { image: 'none', command: 'false', retries: 1 })
  const { context } = farm.manager
  const before = await findFastlaneJob(context.read, 'late', id)
  if (!before) throw new Error('there is no such job')
  const [fence] = (await worker.take()).assignments
  if (!fence) throw new Error('there is no work')
  await worker.finish(fence, 'exit-code')
  await until(async () => (await send('GET', path)).body.job.executionCount === 2, 'its retry')
  expect((await send('POST', `${path}stop/`)).status).toBe(200)

  // What dealt with the end had looked at the job before the stop.
  await context.writer.exclusive((tx) => tx.run('update fastlane_executions set settled_at = null'))
  const ended = (await executionsOf(context.read, before.id, context.now(), 0, 9)).at(-1)
  if (!ended) throw new Error('it did not run')
  await new FastlaneJobs(context).retryAfter(before, ended)
  expect((await send('GET', path)).body.job.executionCount).toBe(2)
})
