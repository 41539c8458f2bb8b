/** Everything at once, from a seeded dice: what must always be true of a farm is true afterwards, and after a restart. */
import { afterEach, describe, expect, it } from 'vitest'
import { FarmError } from '../../../src/main/engine/base/errors.ts'
import type { WorkerSignOn } from '../../../src/main/engine/base/farmRecords.ts'
import type { JobState, WorkerState } from '../../../src/main/engine/base/model.ts'
import type { Assignment, Report } from '../../../src/shared/schemas/agent.ts'
import type { JobAction } from '../../../src/shared/schemas/jobs/job.ts'
import type { TaskAction } from '../../../src/shared/schemas/jobs/task.ts'
import { memoryOf, violations } from '../../support/invariants.ts'
import { TestFarm } from '../../support/testFarm.ts'

/** Mulberry32: the same numbers for the same seed on every machine. */
function dice(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

const JOB_ACTIONS: JobAction[] = ['pause', 'resume', 'resume', 'cancel', 'requeue', 'requeue-failed', 'requeue-failed']
const TASK_ACTIONS: TaskAction[] = ['requeue', 'requeue-elsewhere', 'cancel', 'skip']

let test: TestFarm
afterEach(() => test.close())

/** A refusal is an answer like any other; anything else is a defect. */
async function tolerate(change: Promise<unknown>): Promise<void> {
  await change.catch((error: unknown) => {
    if (!(error instanceof FarmError)) throw error
  })
}

class Simulation {
  readonly jobs: JobState[] = []
  /** Attempts whose success was reported and not refused: no task may have two since it was last reset. */
  readonly completions: string[] = []

  constructor(
    private readonly roll: (below: number) => number,
    private readonly workers: WorkerState[],
  ) {}

  async addJob(): Promise<void> {
    const size = 5 + this.roll(60)
    const tasks = Array.from({ length: size }, (_, at) => ({
      priority: 40 + this.roll(20),
      kind: this.roll(8) === 0 ? 'video' : 'misc',
      dependsOn: at > 3 && this.roll(3) === 0 ? [...new Set([1 + this.roll(at), 1 + this.roll(at)])] : [],
    }))
    const dependsOn = this.jobs.length > 2 && this.roll(5) === 0 ? [this.jobs[this.roll(this.jobs.length)]!.publicId] : []
    const job = test.submit(tasks, {
      priority: this.roll(100),
      limits: this.roll(3) === 0 ? ['nuke'] : [],
      maxWorkers: this.roll(4) === 0 ? 1 + this.roll(4) : null,
      dependsOn,
      policyChanges: { failAfterWorkers: 1 + this.roll(3), failJobAtPercent: 20 + this.roll(81), blockAfterFailures: 2 + this.roll(4) },
    })
    await tolerate(job.then((state) => this.jobs.push(state)))
  }

  /** One worker: takes, logs, progresses, finishes or fails, forgets, leaves and comes back, until told to stop. */
  async workerLife(worker: WorkerState, until: () => boolean): Promise<void> {
    let held: Assignment[] = []
    let seq = 0
    while (!until()) {
      if (held.length === 0 || this.roll(3) === 0) {
        const reply = await test.farm.native.take(worker.publicId, {
          slots: worker.capacity - held.length,
          waitMs: 5,
          running: held.map(fence),
        })
        for (const { taskId, attempt } of reply.cancel) held = held.filter((one) => one.taskId !== taskId || one.attempt !== attempt)
        held.push(...reply.assignments)
      }
      const task = held[this.roll(held.length || 1)]
      if (!task) {
        if (this.roll(20) === 0) await this.comeAndGo(worker, held)
        continue
      }
      const reports: Report[] = []
      const say = (event: Report['event']): void => void reports.push({ seq: ++seq, taskId: task.taskId, attempt: task.attempt, event })
      say({ type: 'log', at: test.time, stream: 'stdout', text: `line ${seq}\n` })
      if (this.roll(4) === 0) say({ type: 'progress', at: test.time, stepsCompleted: this.roll(3) })
      const fate = this.roll(12)
      if (fate < 7) say({ type: 'finished', at: test.time, outcome: 'success', exitCode: 0, reason: '' })
      else if (fate < 9)
        say({
          type: 'finished',
          at: test.time,
          outcome: fate === 8 && this.roll(3) === 0 ? 'lost' : 'exit-code',
          exitCode: 1,
          reason: 'dice',
        })
      if (fate < 9) held = held.filter((one) => one !== task)
      const calls = [test.farm.native.report(worker.publicId, reports, 0)]
      // The reply was lost, and the worker asks again at once.
      if (this.roll(6) === 0) calls.push(test.farm.native.report(worker.publicId, reports, 0))
      const [reply] = await Promise.all(calls)
      if (reply!.reportSeq < seq) throw new Error('a report was not taken')
    }
  }

  async comeAndGo(worker: WorkerState, held: Assignment[]): Promise<void> {
    if (this.roll(2) === 0) {
      await test.farm.workers.signOff(worker.publicId)
      held.length = 0
    }
    await test.farm.workers.signOn(worker.publicId, signOn(worker, held))
  }

  async meddle(): Promise<void> {
    const job = this.jobs[this.roll(this.jobs.length)]
    if (!job) return
    const what = this.roll(12)
    const taskId = test.taskId(job, 1 + this.roll(job.taskCount))
    if (what < 5) await tolerate(test.farm.jobs.act(job.publicId, JOB_ACTIONS[this.roll(JOB_ACTIONS.length)]!, 'dice'))
    else if (what < 8) await tolerate(test.farm.tasks.act(taskId, TASK_ACTIONS[this.roll(TASK_ACTIONS.length)]!, 'dice'))
    else if (what === 8) await tolerate(test.farm.jobs.unblock(job.publicId, this.workers[0]!.publicId, 'misc'))
    else if (what === 9) {
      await tolerate(test.farm.jobs.change(job.publicId, { priority: this.roll(100), maxWorkers: this.roll(2) ? null : 2 }))
    } else if (what === 10) await tolerate(test.farm.tasks.explain(taskId))
    else {
      const worker = this.workers[this.roll(this.workers.length)]!
      await tolerate(test.farm.workers.requestStatus(worker.publicId, this.roll(3) ? 'awake' : 'asleep', this.roll(2) === 0))
    }
  }
}

const signOn = ({ name, kinds, capacity }: WorkerState, held: Assignment[]): WorkerSignOn => ({
  name,
  software: '',
  address: '',
  kinds,
  canRestart: false,
  capacity,
  running: held.map(fence),
})
const fence = ({ taskId, attempt }: Assignment) => ({ taskId, attempt })

describe.each([1, 2, 3])('many workers, many jobs, many hands, with seed %i', (seed) => {
  it('ends as consistent as it began, and every job can be brought to its end', async () => {
    test = await TestFarm.open()
    const roll = dice(seed)
    await test.farm.limits.create({ name: 'nuke', max: 5 })
    const workers: WorkerState[] = []
    for (let at = 0; at < 20; at++) {
      workers.push(await test.worker(`worker ${at}`, { capacity: 1 + (at % 3), kinds: at % 4 === 0 ? ['misc', 'video'] : ['misc'] }))
    }
    const simulation = new Simulation(roll, workers)
    for (let at = 0; at < 6; at++) await simulation.addJob()
    let over = false
    const lives = workers.map((worker) => simulation.workerLife(worker, () => over))
    for (let round = 0; round < 120; round++) {
      test.pass(50)
      await simulation.meddle()
      if (round % 20 === 0) await simulation.addJob()
      if (round % 10 === 0) {
        test.farm.timers.releaseDue()
        await test.farm.timers.checkTimeouts()
        test.farm.timers.keepHouse()
      }
    }
    over = true
    await Promise.all(lives)
    expect(await violations(test)).toEqual({})
    const before = await memoryOf(test)
    await test.restart()
    expect(await violations(test)).toEqual({})
    expect(await memoryOf(test)).toEqual(before)

    // Nothing is stuck for ever: with everything requeued and no failures, all of it gets done.
    const awake = workers.map((worker) => test.again(worker))
    for (const worker of awake) {
      await test.farm.workers.requestStatus(worker.publicId, worker.status, false)
      await test.farm.workers.signOn(worker.publicId, signOn(worker, []))
      if (worker.status !== 'awake') await test.farm.workers.changedStatus(worker.publicId, 'awake')
    }
    for (const job of simulation.jobs) {
      if ((await test.status(job)) === 'paused') await tolerate(test.farm.jobs.act(job.publicId, 'resume', 'tester'))
      await tolerate(test.farm.jobs.act(job.publicId, 'requeue', 'tester'))
    }
    for (let round = 0; round < 3; round++) await test.work(...awake)
    expect(await test.opened.read.all(`select name, status from jobs where status <> 'completed'`)).toEqual([])
    expect(await violations(test)).toEqual({})
  })
})
