/** The built manager under a clock that the test sets (libfaketime), and stopped by SIGSTOP, while a worker runs a task. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { submitFrames } from '../../bench/handOut.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'
import { NativeCaller } from '../../support/nativeCaller.ts'
import { requirePart } from '../../support/parts.ts'

const faketime = requirePart('faketime')

let folder: string
let manager: ManagerProcess
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-clock-'))
})
afterEach(async () => {
  await manager.stop()
  await rm(folder, { recursive: true, force: true })
})

/** A worker that is at a task, with limits so short that a second lost to the clock would show. */
async function workerAtTask(): Promise<NativeCaller> {
  await manager.json('PATCH', '/api/v1/settings', { workerTimeoutMs: 4_000, taskTimeoutMs: 4_000, timeoutGraceMs: 4_000 })
  const worker = await NativeCaller.join(manager, 'ada')
  await submitFrames(manager, 1)
  await worker.take()
  return worker
}

/** What became of the only job and the only worker. */
async function states(): Promise<string[]> {
  const [jobs, workers] = await Promise.all([
    manager.json<{ items: { status: string }[] }>('GET', '/api/v1/jobs'),
    manager.json<{ items: { status: string }[] }>('GET', '/api/v1/workers'),
  ])
  return [jobs, workers].map(({ items }) => items[0]?.status ?? 'none')
}

const seconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count * 1_000))

faketime.describe('a clock that is set while the manager runs', () => {
  it.each([
    ['forward by a day', '+1d'],
    ['back by a day', '-1d'],
  ])('%s blames no worker', async (_, step) => {
    const clock = join(folder, 'clock')
    await writeFile(clock, '+0')
    const wrap = [
      'env',
      `LD_PRELOAD=${faketime.path}`,
      `FAKETIME_TIMESTAMP_FILE=${clock}`,
      'FAKETIME_DONT_FAKE_MONOTONIC=1',
      'FAKETIME_NO_CACHE=1',
    ]
    manager = await ManagerProcess.start({ dataDir: join(folder, 'data'), wrap })
    const worker = await workerAtTask()
    await writeFile(clock, step)
    await expect.poll(() => manager.told).toContain('clock of this computer was set')
    // Two rounds of the checks that time things out.
    for (let round = 0; round < 3; round++) {
      await seconds(1)
      await worker.hold()
    }
    expect(await states()).toEqual(['active', 'awake'])
    expect(manager.told.match(/clock of this computer was set/g)).toHaveLength(1)
    await worker.finish()
    expect((await states())[0]).toBe('completed')
  })
})

describe('a manager that stood still', () => {
  it('gives everyone the grace of a start before it takes anything away', async () => {
    manager = await ManagerProcess.start({ dataDir: join(folder, 'data') })
    const worker = await workerAtTask()
    manager.child.kill('SIGSTOP')
    await seconds(8)
    manager.child.kill('SIGCONT')
    await expect.poll(() => manager.told).toContain('the manager was suspended')
    await seconds(2)
    expect(await states()).toEqual(['active', 'awake'])
    await worker.hold()
    await worker.finish()
    expect((await states())[0]).toBe('completed')
  })
})
