/** The built manager is killed while a schedule fires every second: every moment has fired once, and none is left out. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { FiringPage, Schedule } from '../../src/shared/schemas/schedule.ts'
import { ManagerProcess } from '../support/managerProcess.ts'

const KILLS = 5

describe('a manager that is killed while a schedule fires', () => {
  let folder: string
  let manager: ManagerProcess
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'framehouse-schedules-'))
    manager = await ManagerProcess.start({ dataDir: folder })
  }, 60_000)
  afterAll(async () => {
    await manager?.kill()
    await rm(folder, { recursive: true, force: true })
  })

  it('has fired each moment once', { timeout: 240_000 }, async () => {
    const { id } = await manager.json<Schedule>('POST', '/api/v1/schedules', {
      name: 'every second',
      trigger: { kind: 'interval', everySeconds: 1 },
      job: { name: '{n}', type: 'echo-sleep-test', settings: { message: 'hello', sleep_duration_seconds: 0 } },
      missed: 'all',
      missedLimit: 100,
    })
    const fired = async (): Promise<number> => (await manager.json<Schedule>('GET', `/api/v1/schedules/${id}`)).fired
    for (let kill = 0; kill < KILLS; kill++) {
      const before = await fired()
      // Firings follow closely on each other while it makes up for its absence: it dies in the middle of one of them.
      await expect.poll(fired, { interval: 3, timeout: 60_000 }).toBeGreaterThan(before)
      await manager.kill()
      manager = await ManagerProcess.start({ dataDir: folder })
    }
    const before = await fired()
    await expect.poll(fired, { timeout: 60_000 }).toBeGreaterThan(before + 1)
    await manager.json('POST', `/api/v1/schedules/${id}/pause`)

    const { items } = await manager.json<FiringPage>('GET', `/api/v1/schedules/${id}/firings?limit=1000`)
    const firings = items.toReversed()
    expect(new Set(firings.map(({ outcome }) => outcome))).toEqual(new Set(['submitted']))
    expect(firings.map(({ number }) => number)).toEqual(firings.map((_, index) => index + 1))
    const first = Date.parse(firings[0]?.dueAt ?? '')
    expect(firings.map(({ dueAt }) => Date.parse(dueAt))).toEqual(firings.map((_, index) => first + index * 1000))
    const jobs = await manager.json<{ items: { id: string; name: string }[] }>('GET', '/api/v1/jobs?limit=1000&sort=createdAt')
    expect(jobs.items.map(({ id: jobId, name }) => [jobId, name])).toEqual(firings.map(({ job, number }) => [job?.id, String(number)]))
  })
})
