/**
 * The manager dies between any two transactions, and a new one starts on what the disk has. Whatever the moment: the
 * database keeps its promises, no client received what is not there, and the work can be brought to its end.
 */
import { describe, expect, it } from 'vitest'
import { compileTasks } from '../../../src/main/engine/compile/compileTasks.ts'
import type { WorkerState } from '../../../src/main/engine/base/model.ts'
import type { Report } from '../../../src/shared/schemas/agent.ts'
import { violations } from '../../support/invariants.ts'
import { TestFarm } from '../../support/testFarm.ts'

/** Says what was acknowledged; everything in it must be true after the crash. */
type Acknowledge = (claim: string) => void
type Scenario = (test: TestFarm, worker: WorkerState, acknowledge: Acknowledge) => Promise<void>

/** Runs the scenario until the manager dies after `transactions`; true when it got to its end before. */
async function runUntilDeath(
  test: TestFarm,
  scenario: Scenario,
  worker: WorkerState,
  transactions: number,
): Promise<{ ended: boolean; claims: string[] }> {
  const claims: string[] = []
  let ended = false
  const died = test.dieAfter(transactions)
  const running = scenario(test, worker, (claim) => claims.push(claim)).then(() => (ended = true))
  await Promise.race([running, died])
  // Replies to what was committed before its death are on their way still.
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
  return { ended, claims }
}

/** `after` looks at what the new manager has, and brings the work to its end. Returns how many moments there were. */
async function atEveryMoment(
  scenario: Scenario,
  after: (test: TestFarm, worker: WorkerState, claims: string[]) => Promise<void>,
): Promise<number> {
  for (let transactions = 0; ; transactions++) {
    const test = await TestFarm.open()
    const worker = await test.worker('ada', { capacity: 4 })
    await test.settled()
    const { ended, claims } = await runUntilDeath(test, scenario, worker, transactions)
    await test.revive()
    try {
      expect(await violations(test), `after ${transactions} transactions`).toEqual({})
      await after(test, test.again(worker), claims)
      expect(await violations(test), `at the end, after ${transactions} transactions`).toEqual({})
    } catch (error) {
      throw new Error(`when the manager died after ${transactions} transactions, having acknowledged: ${claims.join(', ')}`, {
        cause: error,
      })
    } finally {
      await test.close()
    }
    if (ended) return transactions
    expect(transactions).toBeLessThan(200)
  }
}

const statusOf = async (test: TestFarm, name: string): Promise<string | undefined> =>
  (await test.opened.read.get<{ status: string }>('select status from jobs where name = ?', [name]))?.status

/** Signs on as a worker does after the manager's death: it runs nothing any more. */
const comeBack = (test: TestFarm, worker: WorkerState) =>
  test.farm.workers.signOn(worker.publicId, {
    name: worker.name,
    software: '',
    address: '',
    kinds: ['misc'],
    canRestart: false,
    capacity: 4,
    running: [],
  })

describe('a manager that dies at any moment', () => {
  it('of submission, hand-out, reports and completion', async () => {
    const moments = await atEveryMoment(
      async (test, worker, acknowledge) => {
        const job = await test.submit([{}, {}, { dependsOn: [1, 2] }], { name: 'render' })
        acknowledge('submitted')
        await test.submit([{}], { name: 'after', dependsOn: [job.publicId] })
        acknowledge('submitted after')
        for (let round = 0; round < 2; round++) {
          for (const task of await test.take(worker, 4)) {
            acknowledge(`taken ${task.taskName}`)
            const reports: Report[] = ['log', 'output', 'finished'].map((type, at) => ({
              seq: worker.reportSeq + 1 + at,
              taskId: task.taskId,
              attempt: task.attempt,
              event:
                type === 'log'
                  ? { type, at: test.time, stream: 'stdout' as const, text: `log of ${task.taskName}\n` }
                  : type === 'output'
                    ? { type, at: test.time, path: `/${task.taskName}.png`, frame: 1, bytes: 1, width: 1, height: 1, renderedMs: 1 }
                    : { type: 'finished' as const, at: test.time, outcome: 'success' as const, exitCode: 0, reason: '' },
            }))
            await test.farm.native.report(worker.publicId, reports, 0)
            acknowledge(`finished ${task.taskName}`)
          }
          await test.settled()
        }
      },
      async (test, worker, claims) => {
        if (claims.includes('submitted')) expect(await statusOf(test, 'render')).toBeDefined()
        if (claims.includes('submitted after')) expect(await statusOf(test, 'after')).toBeDefined()
        for (const claim of claims.filter((text) => text.startsWith('finished'))) {
          const name = claim.slice('finished '.length)
          const done = await test.opened.read.get<{ id: number; status: string; log_bytes: number; frames: number }>(
            `select t.id, t.status, a.log_bytes, (select count(*) from frames f where f.task_id = t.id) as frames
             from tasks t join jobs j on j.id = t.job_id join attempts a on a.task_id = t.id where j.name = 'render' and t.name = ? and a.status = 'completed'`,
            [name],
          )
          expect(done).toMatchObject({ status: 'completed', frames: 1, log_bytes: `log of ${name}\n`.length })
        }
        await comeBack(test, worker)
        await test.work(worker)
        const left = await test.opened.read.all(`select name, status from jobs where status <> 'completed'`)
        expect(left).toEqual([])
        const twice = await test.opened.read.all(
          `select task_id from attempts where status = 'completed' group by task_id having count(*) > 1`,
        )
        expect(twice).toEqual([])
      },
    )
    expect(moments).toBeGreaterThan(6)
  })

  it('of cancelling and requeueing thousands of tasks', async () => {
    const many = Array.from({ length: 2100 }, () => ({}))
    const moments = await atEveryMoment(
      async (test, worker, acknowledge) => {
        const job = await test.submit(many, { name: 'big' })
        acknowledge('submitted')
        await test.take(worker, 4)
        await test.farm.jobs.act(job.publicId, 'cancel', 'tester')
        acknowledge('canceled')
        await test.farm.jobs.act(job.publicId, 'requeue', 'tester')
        acknowledge('requeued')
      },
      async (test, worker, claims) => {
        const status = await statusOf(test, 'big')
        if (!claims.includes('submitted') && status === undefined) return
        if (claims.at(-1) === 'canceled') expect(['canceled', 'queued']).toContain(status)
        if (claims.at(-1) === 'requeued') expect(status).toBe('queued')
        const job = await test.opened.read.get<{ public_id: string }>('select public_id from jobs')
        await comeBack(test, worker)
        await test.farm.jobs.act(job!.public_id, 'requeue', 'tester')
        expect(await test.take(worker, 4)).toHaveLength(4)
        expect(await test.opened.read.get('select count_queued, count_active from jobs')).toEqual({ count_queued: 2096, count_active: 4 })
        await test.farm.jobs.act(job!.public_id, 'cancel', 'tester')
      },
    )
    expect(moments).toBeGreaterThan(10)
  })

  it('of pausing, resuming and requeueing one task with its dependents', async () => {
    await atEveryMoment(
      async (test, worker, acknowledge) => {
        const job = await test.submit([{}, { dependsOn: [1] }, { dependsOn: [2] }, {}], { name: 'chain' })
        await test.finish(worker, (await test.take(worker, 1))[0]!)
        acknowledge('one done')
        await test.farm.jobs.act(job.publicId, 'pause', 'tester')
        acknowledge('paused')
        await test.farm.jobs.act(job.publicId, 'resume', 'tester')
        acknowledge('resumed')
        await test.work(worker)
        acknowledge('completed')
        await test.farm.tasks.act(test.taskId(job, 1), 'requeue', 'tester')
        acknowledge('requeued')
      },
      async (test, worker, claims) => {
        const status = await statusOf(test, 'chain')
        if (status === undefined) return expect(claims).toEqual([])
        if (claims.at(-1) === 'requeued')
          expect(await test.opened.read.get('select count_queued, count_completed from jobs')).toEqual({
            count_queued: 3,
            count_completed: 1,
          })
        await comeBack(test, worker)
        const job = await test.opened.read.get<{ public_id: string }>('select public_id from jobs')
        if (status === 'paused') await test.farm.jobs.act(job!.public_id, 'resume', 'tester')
        const done = await test.work(worker)
        expect(await statusOf(test, 'chain')).toBe('completed')
        // In the order of the graph, whatever was left of it.
        const chain = done.map((id) => Number.parseInt(id.slice(0, 8), 16)).filter((index) => index <= 3)
        expect(chain).toEqual([...chain].sort())
      },
    )
  })

  it('of growing a job, and of failing one', async () => {
    await atEveryMoment(
      async (test, worker, acknowledge) => {
        const job = await test.submit([{}], { name: 'grows', policyChanges: { failAfterWorkers: 1 } })
        await test.work(worker)
        acknowledge('completed')
        const more = compileTasks([
          { name: 'more', kind: 'misc', priority: 50, commands: [], dependsOn: [], dependsOnOlder: [1] },
          { name: 'rest', kind: 'misc', priority: 50, commands: [], dependsOn: [1] },
        ])
        await test.farm.jobs.grow(job.publicId, { ...more, settings: {}, metadata: {} })
        acknowledge('grown')
        await test.fail(worker, await test.takeOne(worker))
        acknowledge('failed')
      },
      async (test, worker, claims) => {
        const row = await test.opened.read.get<{ status: string; task_count: number; public_id: string }>(
          'select status, task_count, public_id from jobs',
        )
        if (!row) return expect(claims).toEqual([])
        if (claims.includes('grown')) expect(row.task_count).toBe(3)
        if (claims.includes('failed')) expect(row.status).toBe('failed')
        await comeBack(test, worker)
        if (row.status === 'failed') await test.farm.jobs.act(row.public_id, 'requeue-failed', 'tester')
        await test.work(worker)
        expect(await statusOf(test, 'grows')).toBe('completed')
      },
    )
  })

  it('of purging', async () => {
    await atEveryMoment(
      async (test, worker, acknowledge) => {
        const job = await test.submit(
          Array.from({ length: 2500 }, () => ({})),
          { name: 'gone' },
        )
        await test.submit([{}], { name: 'kept', dependsOn: [job.publicId] })
        const task = await test.takeOne(worker)
        await test.say(worker, task, { type: 'log', at: test.time, stream: 'stdout', text: 'hello\n' })
        await test.farm.jobs.act(job.publicId, 'delete', 'tester')
        acknowledge('deleted')
        test.pass(test.settings.undoPeriodMs)
        await test.farm.timers.purge()
        acknowledge('purged')
      },
      async (test, worker, claims) => {
        if (claims.includes('purged')) expect(await statusOf(test, 'gone')).toBeUndefined()
        if (!claims.includes('deleted')) return
        test.pass(test.settings.undoPeriodMs)
        await test.farm.timers.purge()
        expect(await test.opened.read.all('select name from jobs')).toEqual([{ name: 'kept' }])
        expect(await test.opened.read.all('select id from tasks')).toHaveLength(1)
        expect(await test.opened.read.all('select * from log_chunks')).toEqual([])
        await comeBack(test, worker)
        await test.work(worker)
        expect(await statusOf(test, 'kept')).toBe('completed')
      },
    )
  })
})
