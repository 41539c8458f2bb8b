/**
 * Makes the farm of `npm run dev -- --mock`: a manager with a clock that jumps lives through the day of day.ts, whose workers, people and
 * jobs all come through its API. The same every time, but for what the manager itself draws by lot.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startManager } from '../../src/main/manager.ts'
import type { Job } from '../../src/shared/schemas/jobs/job.ts'
import { VERSION } from '../../src/shared/version.ts'
import { callApi } from './api.ts'
import { JOBS, LIMITS, PASSWORD, PEOPLE, SCHEDULES, TAGS, WORKERS, type PlannedJob } from './day.ts'
import { idOf } from './dice.ts'
import { Timeline } from './timeline.ts'
import { MockWorker } from './worker.ts'

/** What the workers go on with, below the farm's folder. */
export const MEMORY_FILE = 'mock-workers.json'
const MINUTE = 60_000
const DAY_MINUTES = 12 * 60 + 10
const silent = {
  debug() {},
  info() {},
  warn() {},
  error: (facts: object, message: string) => void process.stderr.write(`${message} ${JSON.stringify(facts)}\n`),
}

interface Named {
  id: string
}

/** @param dataDir empty, or not there @param end the moment at which the day ends: now */
export async function makeMockFarm(dataDir: string, end: number): Promise<void> {
  await mkdir(dataDir, { recursive: true })
  const begin = end - DAY_MINUTES * MINUTE
  const time = new Timeline(begin)
  // By the moment, so that one more or less of a thing that is not shown gives no other the id of its neighbour.
  const made = new Map<number, number>()
  const newId = (): string => {
    const at = time.now()
    made.set(at, (made.get(at) ?? 0) + 1)
    return idOf(`${at - begin} ${made.get(at)}`)
  }
  const manager = await startManager({
    dataDir,
    listen: { host: '127.0.0.1', port: 0 },
    // So that workers have to be let in.
    trustLoopback: false,
    log: silent,
    version: VERSION,
    now: time.now,
    newId,
  })
  try {
    const owner = (await readFile(join(dataDir, 'owner-token'), 'utf8')).trim()
    await new Day(manager.url, time, end, owner).pass(dataDir)
  } finally {
    await manager.stop()
  }
}

class Day {
  private readonly workers: MockWorker[] = []
  private readonly jobs = new Map<string, string>()
  private readonly tags = new Map<string, string>()
  private readonly tokens = new Map<string, string>()
  /** Something changed since workers asked for work. */
  private hasActed = true

  constructor(
    private readonly url: string,
    private readonly time: Timeline,
    private readonly end: number,
    private readonly owner: string,
  ) {}

  async pass(dataDir: string): Promise<void> {
    // Between two appointments lie minutes without a call.
    await this.api('PATCH', '/settings', { managerName: 'Mock farm', workerTimeoutMs: 0, taskTimeoutMs: 0, nobodyLeftMs: 0 })
    await this.furnish()
    for (const plan of WORKERS) await this.addWorker(plan)
    for (const plan of JOBS) this.ago(plan.ago, () => this.submit(plan))
    for (const plan of SCHEDULES) await this.addSchedule(plan)
    await this.time.runUntil(this.end, () => this.settle())
    await this.api('PATCH', '/settings', { workerTimeoutMs: 60_000, taskTimeoutMs: 600_000, nobodyLeftMs: 300_000 })
    const kept = this.workers.filter(({ plan }) => plan.leftAgo === undefined)
    await writeFile(
      join(dataDir, MEMORY_FILE),
      JSON.stringify(
        kept.map((worker) => worker.remember()),
        null,
        2,
      ),
    )
  }

  private async furnish(): Promise<void> {
    for (const { name, role } of PEOPLE) await this.api('POST', '/users', { name, role, password: PASSWORD })
    for (const { name } of PEOPLE) {
      this.tokens.set(name, (await this.api<{ token: string }>('POST', '/login', { name, password: PASSWORD })).token)
    }
    for (const tag of TAGS) this.tags.set(tag.name, (await this.api<Named>('POST', '/tags', tag)).id)
    for (const limit of LIMITS) await this.api('POST', '/limits', limit)
  }

  private async addWorker(plan: (typeof WORKERS)[number]): Promise<void> {
    const worker = await MockWorker.join(plan, this.url, this.time)
    await worker.signOn()
    const path = `/workers/${worker.memory.id}`
    if (plan.pending) return void this.workers.push(worker)
    await this.api('POST', `${path}/approve`)
    if (plan.tags.length > 0) await this.api('PUT', `${path}/tags`, { tags: plan.tags.map((tag) => this.tags.get(tag)) })
    await worker.take()
    if (plan.asleep) await this.api('POST', `${path}/actions`, { status: 'asleep' })
    const { leftAgo } = plan
    if (leftAgo !== undefined)
      this.ago(leftAgo, () => worker.signOff().then(() => void this.workers.splice(this.workers.indexOf(worker), 1)))
    this.workers.push(worker)
  }

  private async addSchedule({ name, trigger, job, runAgo, paused }: (typeof SCHEDULES)[number]): Promise<void> {
    const template = {
      name: job.name,
      type: 'command-per-frame',
      project: 'Archive',
      settings: { command: 'make-proxies {frame}', frames: job.frames },
    }
    // Made at the end of the day, so that none comes due before.
    this.ago(runAgo ?? 1, async () => {
      const { id } = await this.api<Named>('POST', '/schedules', { name, trigger, job: template, ...(paused && { paused }) })
      if (runAgo !== undefined) await this.api('POST', `/schedules/${id}/run`)
    })
  }

  private async submit(plan: PlannedJob): Promise<void> {
    const { name, type, project, priority, settings, paused, limits, tag, after, startsInHours } = plan
    const body = {
      name,
      type,
      project,
      priority,
      settings,
      paused,
      limits,
      ...(tag !== undefined && { tag: this.tags.get(tag) }),
      ...(after !== undefined && { dependsOn: [this.jobs.get(after)] }),
      ...(startsInHours !== undefined && { startAfter: new Date(this.end + startsInHours * 60 * MINUTE).toISOString() }),
    }
    const job = await this.api<Named>('POST', '/jobs', body, plan.by)
    this.jobs.set(name, job.id)
    for (const { ago, action } of plan.then ?? []) this.ago(ago, () => this.api('POST', `/jobs/${job.id}/actions`, { action }, plan.by))
  }

  /** Lets workers fetch what there is for them, until there is nothing more. A look at a job's files comes a moment after its last task. */
  private async settle(): Promise<void> {
    if (!this.hasActed && !this.workers.some((worker) => worker.hasEnded)) return
    this.hasActed = false
    for (const worker of this.workers) worker.hasEnded = false
    for (let isBusy = true; isBusy;) {
      isBusy = false
      const isLooking = await this.isLooking()
      // Those who are busy may be asked for a look.
      const asked = isLooking ? this.workers : this.workers.filter(({ freeSlots }) => freeSlots > 0)
      for (const worker of asked) isBusy = (await worker.take()) || isBusy
      if (!isLooking) continue
      isBusy = true
      await sleep(2)
    }
  }

  /** Whether a job has done all its tasks and its files are being looked for. */
  private async isLooking(): Promise<boolean> {
    const { items } = await this.api<{ items: Job[] }>('GET', '/jobs?status=active')
    return items.some(({ counts }) => counts.completed === counts.total)
  }

  private ago(minutes: number, what: () => Promise<unknown>): void {
    this.time.at(this.end - minutes * MINUTE, async () => {
      await what()
      this.hasActed = true
    })
  }

  private api<T>(method: string, path: string, body?: unknown, by?: string): Promise<T> {
    const token = (by === undefined ? undefined : this.tokens.get(by)) ?? this.owner
    return callApi<T>(this.url, method, path, { body, headers: { authorization: `Bearer ${token}` } })
  }
}
