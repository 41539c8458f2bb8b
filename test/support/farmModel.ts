/** What people, workers and the clock may do to a farm, as values that fast-check makes up, and what must be true of it afterwards. */
import fc from 'fast-check'
import { ConflictError, InvalidInputError, NotFoundError, PreconditionError } from '../../src/main/engine/base/errors.ts'
import { compileTasks } from '../../src/main/engine/compile/compileTasks.ts'
import type { AuthoredTask } from '../../src/main/engine/base/compiledJob.ts'
import type { WorkerState } from '../../src/main/engine/base/model.ts'
import type { TASK_STATUSES } from '../../src/shared/enums.ts'
import { FINISHED_JOB_STATUSES, type Outcome } from '../../src/shared/enums.ts'
import { taskPublicId } from '../../src/shared/ids.ts'
import type { Policy } from '../../src/shared/policy.ts'
import type { Fence } from '../../src/shared/schemas/agent.ts'
import { violations } from './invariants.ts'
import type { TestFarm } from './testFarm.ts'
import { authored } from './testFarm.ts'

const MINUTE = 60_000
const SHAPES: Record<string, Partial<AuthoredTask>[]> = {
  one: [{}],
  four: [{}, {}, {}, {}],
  chain: [{}, { dependsOn: [1] }, { dependsOn: [2] }],
  barrier: [{}, {}, {}, { dependsOn: [1, 2, 3], kind: 'video' }],
  kinds: [{}, { kind: 'video' }, {}, { kind: 'none' }],
  twelve: Array.from({ length: 12 }, () => ({})),
}
const OUTCOMES: readonly Outcome[] = ['success', 'success', 'exit-code', 'exit-code', 'exit-code', 'lost', 'no-licence', 'stopped']

const small = fc.nat({ max: 3 })
const policy: fc.Arbitrary<Partial<Policy>> = fc.record(
  {
    failAfterWorkers: fc.integer({ min: 1, max: 3 }),
    blockAfterFailures: fc.constantFrom(0, 1, 3),
    failJobAtPercent: fc.constantFrom(10, 50, 101),
    failJobWhenNobodyLeft: fc.boolean(),
    retryOnSameWorker: fc.boolean(),
    retryDelayMs: fc.constantFrom(0, MINUTE),
  },
  { requiredKeys: [] },
)

export type Step =
  | {
      do: 'submit'
      shape: keyof typeof SHAPES
      policy: Partial<Policy>
      paused: boolean
      maxWorkers: boolean
      maxTasks: boolean
      ordered: boolean
      after: boolean
    }
  | { do: 'take'; worker: number }
  | { do: 'end'; worker: number; outcome: Outcome }
  | { do: 'job'; job: number; action: 'pause' | 'resume' | 'cancel' | 'requeue' | 'requeue-failed' | 'delete' | 'undelete' }
  | { do: 'task'; job: number; task: number; action: 'requeue' | 'requeue-elsewhere' | 'cancel' | 'skip' }
  | { do: 'set-task'; job: number; task: number; status: (typeof TASK_STATUSES)[number] }
  | {
      do: 'set-job'
      job: number
      status: 'active' | 'queued' | 'requeueing' | 'cancel-requested' | 'pause-requested' | 'failed' | 'completed'
    }
  | { do: 'grow'; job: number; older: boolean }
  | { do: 'unblock'; job: number; worker: number }
  | { do: 'worker'; worker: number; what: 'leaves' | 'comes' | 'is deleted' | 'sleeps' | 'is woken' | 'loses its kind' | 'is lost' }
  | { do: 'pass'; minutes: number }
  | { do: 'restart' }

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('submit' as const),
        shape: fc.constantFrom(...Object.keys(SHAPES)),
        policy,
        paused: fc.boolean().map((yes) => yes),
        maxWorkers: fc.boolean(),
        maxTasks: fc.boolean(),
        ordered: fc.boolean(),
        after: fc.boolean(),
      }),
    },
    { weight: 14, arbitrary: fc.record({ do: fc.constant('take' as const), worker: small }) },
    { weight: 14, arbitrary: fc.record({ do: fc.constant('end' as const), worker: small, outcome: fc.constantFrom(...OUTCOMES) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('job' as const),
        job: small,
        action: fc.constantFrom('pause', 'resume', 'cancel', 'requeue', 'requeue-failed', 'delete', 'undelete'),
      }),
    },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('task' as const),
        job: small,
        task: fc.integer({ min: 1, max: 4 }),
        action: fc.constantFrom('requeue', 'requeue-elsewhere', 'cancel', 'skip'),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('set-task' as const),
        job: small,
        task: fc.integer({ min: 1, max: 4 }),
        status: fc.constantFrom('queued', 'completed', 'failed', 'canceled', 'paused', 'soft-failed'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('set-job' as const),
        job: small,
        status: fc.constantFrom('active', 'queued', 'requeueing', 'cancel-requested', 'pause-requested', 'failed'),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('grow' as const), job: small, older: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('unblock' as const), job: small, worker: small }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('worker' as const),
        worker: small,
        what: fc.constantFrom('leaves', 'comes', 'is deleted', 'sleeps', 'is woken', 'loses its kind', 'is lost'),
      }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('pass' as const), minutes: fc.constantFrom(1, 4, 16) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  ),
  { minLength: 5, maxLength: 40 },
) as fc.Arbitrary<Step[]>

interface Member {
  id: string
  name: string
  running: Fence[]
}

/** Plays one sequence on a farm, which may have seen others before. */
export class FarmModel {
  private readonly jobs: { publicId: string; id: number }[] = []
  private members: (Member | undefined)[] = []

  constructor(private readonly test: TestFarm) {}

  async play(sequence: readonly Step[]): Promise<void> {
    for (const place of [0, 1]) await this.come(place)
    for (const step of sequence) await this.step(step)
    await this.settle()
  }

  /** Names what is wrong; empty when all is well. */
  async wrong(): Promise<unknown[]> {
    const { test } = this
    const wrong: unknown[] = Object.entries(await violations(test))
    for (const { publicId } of this.jobs) {
      const job = await test.farm.jobs.find(publicId)
      if (!job || job.deletedAt !== null || FINISHED_JOB_STATUSES.includes(job.status) || job.status === 'paused') continue
      if (job.status !== 'active' && job.status !== 'queued') {
        wrong.push(`job ${job.status} with counts ${JSON.stringify(job.counts)}`)
        continue
      }
      if (job.counts.active > 0) wrong.push(`a task is active and no worker runs it: ${JSON.stringify(job.counts)}`)
      const rows = await test.opened.read.all<{ idx: number; status: string; unmet: number }>(
        `select idx, status, unmet from tasks where job_id = ? and status in ('queued', 'soft-failed')`,
        [job.id],
      )
      const ready = rows.filter(({ unmet }) => unmet === 0)
      if (ready.length === 0) wrong.push(`job ${job.status} has nothing that could run: ${JSON.stringify(job.counts)}`)
      for (const { idx } of ready) {
        const { reasons, workersEligible, summary } = await test.farm.tasks.explain(taskPublicId(publicId, idx))
        if (workersEligible > 0 || reasons.length === 0) wrong.push(`task ${idx} of a job ${job.status} waits for nothing: ${summary}`)
        const stalled = reasons.find(({ rule }) => rule === 'nobody-left')
        const held = reasons.some(({ rule }) => ['job-dependency', 'start-after', 'lane-order'].includes(rule))
        if (stalled && !held) wrong.push(`task ${idx} is still stalled: ${stalled.message}`)
      }
    }
    return wrong
  }

  /** Makes room for the next sequence. */
  async clear(): Promise<void> {
    const { test } = this
    for (const { publicId } of this.jobs) await test.farm.jobs.act(publicId, 'delete', 'model').catch(ignoreRefusal)
    for (const worker of test.farm.workers.all()) await test.farm.workers.delete(worker.publicId)
    test.pass(test.settings.undoPeriodMs + MINUTE)
    await test.farm.timers.purge()
  }

  private async step(step: Step): Promise<void> {
    await this.apply(step).catch(ignoreRefusal)
    await this.test.settled()
  }

  private async apply(step: Step): Promise<void> {
    const { test } = this
    const { farm } = test
    switch (step.do) {
      case 'submit':
        return this.submit(step)
      case 'take':
        return this.take(step.worker)
      case 'end':
        return this.end(step.worker, step.outcome)
      case 'job':
        return void (await farm.jobs.act(this.job(step.job).publicId, step.action, 'model'))
      case 'task':
        return farm.tasks.act(taskPublicId(this.job(step.job).publicId, step.task), step.action, 'model')
      case 'set-task':
        return farm.tasks.setStatus(taskPublicId(this.job(step.job).publicId, step.task), step.status, 'model')
      case 'set-job':
        return void (await farm.jobs.setStatus(this.job(step.job).publicId, step.status, 'model'))
      case 'grow': {
        const [task] = authored([{}])
        const compiled = compileTasks([{ ...task!, ...(step.older && { dependsOnOlder: [1] }) }])
        return void (await farm.jobs.grow(this.job(step.job).publicId, { ...compiled, settings: {}, metadata: {} }))
      }
      case 'unblock':
        return farm.jobs.unblock(this.job(step.job).publicId, this.member(step.worker).id, 'misc')
      case 'worker':
        return this.change(step.worker, step.what)
      case 'pass':
        return this.pass(step.minutes)
      case 'restart':
        return test.restart()
    }
  }

  private async submit(step: Extract<Step, { do: 'submit' }>): Promise<void> {
    const last = this.jobs.at(-1)
    const job = await this.test.submit(SHAPES[step.shape] ?? [{}], {
      policyChanges: step.policy,
      initialStatus: step.paused && step.ordered ? 'paused' : 'queued',
      maxWorkers: step.maxWorkers ? 1 : null,
      maxTasks: step.maxTasks ? 1 : null,
      ...(step.ordered && !step.paused && { lane: { kind: 'mailbox', name: 'model', concurrency: 1, ordered: true } }),
      ...(step.after && step.maxTasks && last && { dependsOn: [last.publicId] }),
    })
    this.jobs.push({ publicId: job.publicId, id: job.id })
  }

  private async take(place: number): Promise<void> {
    const member = this.member(place)
    const { assignments } = await this.test.farm.native.take(member.id, { slots: 1, waitMs: 0, running: member.running })
    for (const { taskId, attempt } of assignments) member.running.push({ taskId, attempt })
  }

  private async end(place: number, outcome: Outcome): Promise<void> {
    const member = this.member(place)
    const fence = member.running.shift()
    if (fence) await this.test.finish(this.state(member), fence, outcome, outcome === 'success' ? 0 : 1)
  }

  private async change(place: number, what: Extract<Step, { do: 'worker' }>['what']): Promise<void> {
    const { farm } = this.test
    if (what === 'comes') return this.come(place)
    const member = this.member(place)
    switch (what) {
      case 'leaves':
        member.running = []
        return farm.workers.signOff(member.id)
      case 'is deleted':
        this.members[place] = undefined
        return farm.workers.delete(member.id)
      case 'sleeps':
        member.running = []
        return farm.workers.changedStatus(member.id, 'asleep')
      case 'is woken':
        return farm.workers.changedStatus(member.id, 'awake')
      case 'loses its kind':
        member.running = []
        return void (await farm.workers.signOn(member.id, { ...SIGN_ON, name: member.name, kinds: ['video'] }))
      case 'is lost':
        member.running = []
        return farm.workers.changedStatus(member.id, 'error')
    }
  }

  /** A new worker, or one that left and comes back. */
  private async come(place: number): Promise<void> {
    const known = this.members[place]
    if (known) {
      known.running = []
      await this.test.farm.workers.signOn(known.id, { ...SIGN_ON, name: known.name, kinds: ['misc', 'video'] })
    } else {
      const worker = await this.test.worker(`w${place}`, { kinds: ['misc', 'video'] })
      this.members[place] = { id: worker.publicId, name: worker.name, running: [] }
    }
  }

  /** Everything that can happen by itself happens: tasks run to their end, time goes by. */
  private async settle(): Promise<void> {
    for (const member of this.members) while (member && member.running.length > 0) await this.end(this.members.indexOf(member), 'success')
    for (let rounds = 0; rounds < 4; rounds++) {
      for (let idle = 0; idle < 2;) {
        let took = false
        for (const [place, member] of this.members.entries()) {
          if (!member) continue
          await this.take(place)
          for (took ||= member.running.length > 0; member.running.length > 0;) await this.end(place, 'success')
        }
        await this.test.settled()
        idle = took ? 0 : idle + 1
      }
      await this.pass(16)
    }
  }

  private async pass(minutes: number): Promise<void> {
    const { test } = this
    for (let passed = 0; passed < minutes; passed += 2) {
      test.pass(2 * MINUTE)
      for (const member of this.members) if (member && this.isUp(member)) test.farm.workers.seen(member.id)
      test.farm.timers.releaseDue()
      await test.farm.timers.checkStartBy()
      await test.farm.timers.checkStalls()
    }
    await test.settled()
  }

  private isUp(member: Member): boolean {
    return ['awake', 'asleep'].includes(this.state(member).status)
  }

  private state(member: Member): WorkerState {
    const worker = this.test.farm.workers.find(member.id)
    if (!worker) throw new NotFoundError('worker', member.id)
    return worker
  }

  private member(place: number): Member {
    const member = this.members[place]
    if (!member) throw new NotFoundError('worker', String(place))
    return member
  }

  private job(place: number): { publicId: string; id: number } {
    const job = this.jobs[this.jobs.length - 1 - place]
    if (!job) throw new NotFoundError('job', String(place))
    return job
  }
}

const SIGN_ON = { software: 'model', address: '127.0.0.1', canRestart: false, capacity: 1, running: [] }

/** What a person is refused changes nothing. */
function ignoreRefusal(error: unknown): void {
  const refusals = [ConflictError, InvalidInputError, NotFoundError, PreconditionError]
  if (!refusals.some((kind) => error instanceof kind)) throw error
}
