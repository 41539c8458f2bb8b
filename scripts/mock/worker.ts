/**
 * A worker that renders nothing: it speaks the protocol of ours (src/shared/schemas/agent.ts), paints a small picture for each
 * frame and takes as long as the day says. By its clock it lives through a day in seconds, or goes on in real time.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Assignment, WorkerRequest, ReportEvent, ReportReply, SignOnReply, TakeReply } from '../../src/shared/schemas/agent.ts'
import type { Load } from '../../src/shared/schemas/worker.ts'
import { callApi } from './api.ts'
import { courseOf, type Course, type CourseFrame } from './course.ts'
import { JOBS, type PlannedWorker } from './day.ts'
import { dice, idOf } from './dice.ts'
import { paint, type Picture } from './pictures.ts'

export interface MockClock {
  now(): number
  /** Does it when so much time has passed. */
  after(ms: number, what: () => Promise<void>): void
}

/** What is kept of a worker between the making of the farm and its going on. */
export interface WorkerMemory {
  name: string
  id: string
  secret: string
  status: 'awake' | 'asleep'
  running: { task: Assignment; done: number }[]
}

interface Running {
  task: Assignment
  course: Course
  done: number
}

const GIB = 2 ** 30

export class MockWorker {
  private readonly running = new Map<string, Running>()
  private seq = 0
  /** It ended a task since this was put back: there may be something new for it, and for others. */
  hasEnded = false
  private painted: { key: string; picture: Promise<Picture> } | undefined
  /** Reports keep their order. */
  private turn: Promise<unknown> = Promise.resolve()

  constructor(
    readonly plan: PlannedWorker,
    private readonly url: string,
    private readonly clock: MockClock,
    readonly memory: WorkerMemory,
  ) {}

  /** Becomes known at the manager. */
  static async join(plan: PlannedWorker, url: string, clock: MockClock): Promise<MockWorker> {
    const secret = `mock-worker-secret-of-${plan.name}`.padEnd(40, '.')
    const { name, kinds, platform } = plan
    const body = { name, secret, platform, kinds, machine: machineOf(plan) }
    const { workerId } = await callApi<{ workerId: string }>(url, 'POST', '/agent/join', { body })
    return new MockWorker(plan, url, clock, { name, id: workerId, secret, status: 'awake', running: [] })
  }

  async signOn(): Promise<void> {
    const { name, kinds, slots: capacity } = this.plan
    const body = {
      name,
      software: 'Framehouse 0.1.0',
      kinds,
      capacity,
      canRestart: true,
      machine: machineOf(this.plan),
      running: this.fences(),
    }
    const reply = await this.call<SignOnReply>('POST', '/agent/sign-on', body)
    this.seq = reply.reportSeq
    for (const { taskId } of this.fences()) if (!reply.keep.some((kept) => kept.taskId === taskId)) this.running.delete(taskId)
  }

  async signOff(): Promise<void> {
    await this.call('POST', '/agent/sign-off')
    this.running.clear()
  }

  get freeSlots(): number {
    return this.memory.status === 'asleep' ? 0 : Math.max(0, this.plan.slots - this.running.size)
  }

  /** One call for work; begins what it brings, and answers what is asked. @returns whether there was any of it */
  async take(waitMs = 0): Promise<boolean> {
    const { status } = this.memory
    const body = { slots: this.freeSlots, waitMs, running: this.fences(), status, load: this.load() }
    const reply = await this.call<TakeReply>('POST', '/agent/take', body)
    for (const request of reply.requests ?? []) await this.answer(request)
    for (const fence of reply.cancel) {
      const running = this.running.get(fence.taskId)
      if (!running) continue
      await this.report(running.task, 0, {
        type: 'finished',
        at: this.clock.now(),
        outcome: 'stopped',
        exitCode: null,
        reason: fence.reason,
      })
      this.running.delete(fence.taskId)
    }
    if (reply.statusRequested === 'asleep' || reply.statusRequested === 'awake') this.memory.status = reply.statusRequested
    for (const task of reply.assignments) await this.begin(task)
    return reply.assignments.length > 0 || (reply.requests?.length ?? 0) > 0
  }

  /** What it runs now, for the next one of its name. */
  remember(): WorkerMemory {
    return { ...this.memory, running: [...this.running.values()].map(({ task, done }) => ({ task, done })) }
  }

  /** Goes on with what it ran when it was remembered; to be called before it signs on. */
  resume(): void {
    for (const { task, done } of this.memory.running) {
      const running = { task, course: courseOf(task, habitsOf(task)), done }
      this.running.set(task.taskId, running)
      this.next(running)
    }
  }

  private async begin(task: Assignment): Promise<void> {
    const running = { task, course: courseOf(task, habitsOf(task)), done: 0 }
    this.running.set(task.taskId, running)
    const at = this.clock.now()
    const text = running.course.firstLines.map((line) => `${line}\n`).join('')
    const warnings = running.course.warnings.map((warning): ReportEvent => ({ type: 'warning', at, ...warning }))
    await this.report(task, 0, { type: 'started', at }, { type: 'log', at, stream: 'stdout', text }, ...warnings)
    this.next(running)
  }

  private next(running: Running): void {
    const frame = running.course.frames[running.done]
    if (frame) this.clock.after(frame.ms, () => this.endFrame(running, frame))
  }

  private async endFrame(running: Running, frame: CourseFrame): Promise<void> {
    const { task, course } = running
    if (this.running.get(task.taskId) !== running) return
    const done = running.done + 1
    const at = this.clock.now()
    const isLast = done >= course.frames.length
    const failure = isLast ? course.failure : undefined
    const lines = failure ? failure.lines : frame.lines
    const events: ReportEvent[] = [
      { type: 'log', at, stream: failure ? 'stderr' : 'stdout', text: lines.map((line) => `${line}\n`).join('') },
      ...(failure ? [] : [...(await this.output(task, frame, at)), { type: 'progress' as const, at, stepsCompleted: done }]),
    ]
    await this.report(task, 0, ...events)
    await this.sendPreview(task, frame)
    if (!isLast) {
      // Counted when the manager knows of it: until then it is tried again.
      running.done = done
      return this.next(running)
    }
    this.running.delete(task.taskId)
    this.hasEnded = true
    const { reason, exitCode } = failure ?? { reason: '', exitCode: 0 }
    const finished: ReportEvent = { type: 'finished', at, outcome: failure ? 'exit-code' : 'success', exitCode, reason }
    const reply = await this.report(task, this.freeSlots, finished)
    for (const given of reply.assignments) await this.begin(given)
  }

  private async output(task: Assignment, { frame, path, ms, black }: CourseFrame, at: number): Promise<ReportEvent[]> {
    if (path === undefined) return []
    const { png, width, height } = await this.paint(task.jobName, frame, black)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, png)
    const facts = { allBlack: black, oneColour: black }
    return [{ type: 'output', at, path, frame, bytes: png.length, width, height, renderedMs: ms, check: 'whole', modifiedAt: at, facts }]
  }

  private async sendPreview(task: Assignment, { frame, path, black }: CourseFrame): Promise<void> {
    if (path === undefined) return
    const { jpeg } = await this.paint(task.jobName, frame, black)
    const to = `/agent/preview/${task.taskId}/${task.attempt}?path=${encodeURIComponent(path)}`
    for (const size of ['thumbnail', 'large'])
      await callApi(this.url, 'PUT', `${to}&size=${size}`, { image: jpeg, headers: this.headers() })
  }

  /** The picture of a frame, made once for the file and its previews. */
  private paint(name: string, frame: number, black: boolean): Promise<Picture> {
    const key = `${name} ${frame}`
    if (this.painted?.key !== key) this.painted = { key, picture: paint(name, frame, black) }
    return this.painted.picture
  }

  /** All files are where they were written; nothing here can open a .blend. */
  private async answer({ id, command }: WorkerRequest): Promise<void> {
    const body = command.name === 'look-for-files' ? { result: { missing: [] } } : { problem: 'a made-up worker cannot look' }
    await this.call('POST', `/agent/requests/${id}`, body)
  }

  private report({ taskId, attempt }: Assignment, take: number, ...events: ReportEvent[]): Promise<ReportReply> {
    const sent = this.turn.then(() => {
      const reports = events.map((event) => ({ seq: ++this.seq, taskId, attempt, event }))
      return this.call<ReportReply>('POST', '/agent/report', { reports, take })
    })
    this.turn = sent.catch(() => undefined)
    return sent
  }

  private call<T>(method: string, path: string, body?: unknown): Promise<T> {
    return callApi<T>(this.url, method, path, { body: body ?? {}, headers: this.headers() })
  }

  private headers(): Record<string, string> {
    return { authorization: `Basic ${Buffer.from(`${this.memory.id}:${this.memory.secret}`).toString('base64')}` }
  }

  private fences(): { taskId: string; attempt: number }[] {
    return [...this.running.values()].map(({ task: { taskId, attempt } }) => ({ taskId, attempt }))
  }

  private load(): Load {
    const busy = this.running.size / this.plan.slots
    const wave = dice(`${this.plan.name} ${Math.floor(this.clock.now() / 60_000)}`)
    const cpu = 0.03 + busy * 0.8 + wave * 0.12
    const gpus = this.plan.gpu
      ? [{ load: Math.min(1, busy * 0.9 + wave * 0.1), memoryUsed: (2 + busy * 9) * GIB, temperature: 38 + busy * 34 }]
      : []
    return { cpu, memoryUsed: (6 + busy * 40 + wave * 8) * GIB, memoryTotal: 128 * GIB, gpus, diskFree: 812 * GIB }
  }
}

function habitsOf({ jobName }: Assignment) {
  return JOBS.find(({ name }) => name === jobName)
}

function machineOf({ name, platform, gpu }: PlannedWorker) {
  return {
    id: idOf(`machine ${name}`),
    name,
    platform,
    arch: 'x64',
    cpuCount: 32,
    memoryBytes: 128 * GIB,
    gpus: gpu ? [{ name: 'NVIDIA RTX A5000', memoryBytes: 24 * GIB }] : [],
    software: [
      { name: 'Blender', version: '4.2.3', path: '/opt/blender-4.2/blender' },
      { name: 'FFmpeg', version: '7.0.2', path: '/usr/bin/ffmpeg' },
    ],
  }
}
