/**
 * A farm that is only made up, for looking at the GUI and for measuring it with 10,000 jobs or 100,000 frames. It serves
 * the built renderer and answers the native API's reads from memory, with the shapes of src/shared/schemas. Nothing of
 * it ships. `npx tsx test/support/mockFarm.ts [port] [jobs] [frames]` runs it by hand.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import { WebSocketServer, type WebSocket } from 'ws'
import type { JobStatus, TaskStatus } from '../../src/shared/enums.ts'
import type { FramehouseEvent } from '../../src/shared/events.ts'
import { parseTaskId, taskPublicId } from '../../src/shared/ids.ts'
import { Policy } from '../../src/shared/policy.ts'
import { Value } from 'typebox/value'
import type { Frame } from '../../src/shared/schemas/jobs/frame.ts'
import type { Job, JobSummary } from '../../src/shared/schemas/jobs/job.ts'
import type { Task, TaskSummary } from '../../src/shared/schemas/jobs/task.ts'
import { FarmSettings } from '../../src/shared/schemas/settings.ts'
import type { Machine, Worker } from '../../src/shared/schemas/worker.ts'

const root = process.env['FRAMEHOUSE_RENDERER'] ?? fileURLToPath(new URL('../../out/renderer', import.meta.url))
const NOW = Date.now()
const iso = (ms: number) => new Date(ms).toISOString()
function id(text: string): string {
  const h = createHash('md5').update(text).digest('hex')
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`
}
/** A number that is always the same for the same text. */
const dice = (text: string, sides: number) => createHash('md5').update(text).digest().readUInt32LE(0) % sides

const WORKERS = ['atlas', 'borealis', 'cassini', 'dragonfly', 'europa', 'figaro', 'render-07', 'render-08', 'workstation-mika']
const SHOTS = [
  'sq010_sh0040_comp',
  'sq010_sh0050_lighting',
  'sq020_sh0010_fx',
  'turntable_hero',
  'lookdev_forest',
  'sq030_sh0120_lighting',
  'title_card',
  'crowd_cache',
]
const CODE: Record<TaskStatus, string> = {
  queued: 'q',
  active: 'a',
  completed: 'c',
  failed: 'f',
  canceled: 'x',
  'soft-failed': 's',
  paused: 'p',
}

interface FakeJob {
  job: Job
  statuses: TaskStatus[]
  names: string[]
}

export interface MockFarm {
  url: string
  jobs: FakeJob[]
  emit(event: FramehouseEvent): void
  close(): Promise<void>
}

function makeJob(n: number, frames: number, status: JobStatus): FakeJob {
  const publicId = id(`job-${n}`)
  const done =
    status === 'completed' ? frames : status === 'queued' || status === 'paused' ? 0 : Math.floor(frames * (0.2 + dice(`d${n}`, 60) / 100))
  const names: string[] = []
  const statuses: TaskStatus[] = []
  for (let f = 1; f <= frames; f++) {
    names.push(`render-${f + 1000}`)
    let s: TaskStatus = f <= done ? 'completed' : 'queued'
    if (status === 'active' && f > done && f <= done + 4) s = 'active'
    if (status !== 'completed' && f < done && dice(`f${n}.${f}`, 31) === 0) s = dice(`s${n}.${f}`, 2) ? 'failed' : 'soft-failed'
    if (status === 'canceled' && f > done) s = 'canceled'
    if (status === 'paused') s = 'paused'
    statuses.push(s)
  }
  names.push('encode-preview-video')
  statuses.push(status === 'completed' ? 'completed' : 'queued')
  const count = (s: TaskStatus) => statuses.reduce((sum, each) => sum + (each === s ? 1 : 0), 0)
  const created = NOW - n * 3_700_000 - 1_900_000
  const completed = count('completed')
  const summary: JobSummary = {
    id: publicId,
    name: `${SHOTS[n % SHOTS.length] ?? 'job'}_v${String(3 + (n % 17)).padStart(3, '0')}`,
    type: ['simple-blender-render', 'simple-blender-render', 'command-per-frame', 'demo-render', 'ffmpeg-encode'][n % 5] ?? '',
    project: ['Nordlicht', 'Harbour', 'Nordlicht', ''][n % 4] ?? '',
    ownerId: 'local',
    owner: ['anna', 'mika', 'jo', 'local'][n % 4] ?? '',
    origin: 'native',
    priority: 30 + (n % 5) * 10,
    status,
    activity: '',
    counts: {
      total: statuses.length,
      queued: count('queued'),
      active: count('active'),
      completed,
      failed: count('failed'),
      canceled: count('canceled'),
      softFailed: count('soft-failed'),
      paused: count('paused'),
    },
    steps: { completed, total: statuses.length },
    warningCount: 0,
    frameCount: completed,
    activeWorkers: status === 'active' ? WORKERS.slice(0, 4).map((name) => ({ id: id(name), name })) : [],
    tag: null,
    etaSeconds: status === 'active' ? (statuses.length - completed) * 21.5 : null,
    lastFrame: null,
    createdAt: iso(created),
    updatedAt: iso(created + 60_000),
    startedAt: status === 'queued' ? null : iso(created + 60_000),
    finishedAt: status === 'completed' || status === 'failed' || status === 'canceled' ? iso(created + 60_000 + frames * 9000) : null,
    startAfter: null,
    deletedAt: null,
  }
  const job: Job = {
    ...summary,
    settings: {
      blendfile: '/mnt/projects/nordlicht/sq010/sh0040_v012.blend',
      frames: `1001-${1000 + frames}`,
      chunk_size: 1,
      render_output_root: '/mnt/renders/nordlicht',
      fps: 24,
      format: 'PNG',
      use_gpu: true,
    },
    metadata: { project: summary.project, 'user.name': summary.owner },
    policy: Value.Create(Policy),
    queueOrder: 'priority',
    maxWorkers: 6,
    maxTasks: null,
    limits: [],
    dependsOn: [],
    outputDir: '/mnt/renders/nordlicht/sq010_sh0040',
    blocklist: [],
    notify: [],
    keepWholeFrames: false,
    sendFiles: false,
  }
  const fake = { job, statuses, names }
  job.lastFrame = frameOf(fake, statuses.lastIndexOf('completed') + 1)
  return fake
}

let jobNumbers = new Map<string, number>()
const frameId = (fake: FakeJob, index: number) => (jobNumbers.get(fake.job.id) ?? 0) * 1_000_000 + index
function frameOf(fake: FakeJob, index: number): Frame | null {
  if (index < 1 || fake.job.frameCount === 0) return null
  const fid = frameId(fake, index)
  return {
    id: fid,
    jobId: fake.job.id,
    taskId: taskPublicId(fake.job.id, index),
    attempt: 1,
    frame: 1000 + index,
    path: `/mnt/renders/nordlicht/f_${1000 + index}.png`,
    bytes: 3_200_000,
    width: 1920,
    height: 1080,
    preview: 'ready',
    previewProblem: '',
    thumbnailUrl: `/api/v1/frames/${fid}/thumbnail`,
    largeUrl: `/api/v1/frames/${fid}/large`,
    lightUrl: null,
    renderedMs: 18_400,
    check: 'whole',
    checkReason: '',
    kept: false,
    side: false,
    view: '',
    sha256: null,
    modifiedAt: iso(NOW - index * 1000),
    createdAt: iso(NOW - index * 1000),
  }
}

/** A picture that moves with the frame: hills under a sun. */
async function picture(fid: number, width: number): Promise<Buffer> {
  const n = fid % 1_000_000
  const job = Math.floor(fid / 1_000_000)
  const sun = 10 + ((n * 1.4) % 80)
  const hue = (job * 67) % 360
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${Math.round((width * 9) / 16)}" viewBox="0 0 160 90">
    <defs><linearGradient id="s" x2="0" y2="1"><stop offset="0" stop-color="hsl(${hue},35%,22%)"/><stop offset="1" stop-color="hsl(${(hue + 40) % 360},55%,62%)"/></linearGradient></defs>
    <rect width="160" height="90" fill="url(#s)"/><circle cx="${sun * 1.6}" cy="${46 - Math.sin((sun / 100) * Math.PI) * 30}" r="9" fill="#ffe9b8"/>
    <path d="M0 62 Q30 ${40 + (n % 9)} 62 58 T160 50 V90 H0Z" fill="hsl(${hue},30%,28%)"/><path d="M0 74 Q50 56 92 70 T160 66 V90 H0Z" fill="hsl(${hue},34%,15%)"/></svg>`
  return sharp(Buffer.from(svg)).jpeg({ quality: 80 }).toBuffer()
}

function workers(jobs: FakeJob[]): Worker[] {
  const active = jobs.find((fake) => fake.job.status === 'active')
  return WORKERS.map((name, i): Worker => {
    const running = active && i < 4 ? active.statuses.flatMap((s, index) => (s === 'active' ? [index + 1] : [])).slice(i, i + 1) : []
    return {
      id: id(name),
      name,
      adapter: i === 6 ? 'flamenco' : 'native',
      platform: i === 8 ? 'windows' : 'linux',
      address: `192.168.20.${30 + i}`,
      software: i === 6 ? 'Flamenco Worker 3.9' : 'Framehouse 0.1.0',
      sessions: [],
      status: i === 5 ? 'asleep' : i === 7 ? 'offline' : 'awake',
      statusRequested: null,
      statusRequestLazy: false,
      canRestart: i !== 6,
      approved: i !== 8,
      kinds: ['blender-render', 'ffmpeg', 'exec', 'trace'],
      capacity: i === 1 ? 2 : 1,
      folders: [],
      person: '',
      signIn: null,
      replaces: null,
      tags: i % 3 === 0 ? [{ id: id('gpu'), name: 'gpu', description: '' }] : [],
      machine: { id: id(`m-${name}`), name },
      running: running.map((index) => ({
        taskId: taskPublicId(active?.job.id ?? '', index),
        taskName: `render-${1000 + index}`,
        jobId: active?.job.id ?? '',
        jobName: active?.job.name ?? '',
        attempt: 1,
        startedAt: iso(NOW - 9000 * (i + 1)),
      })),
      sleepSchedule: i === 5 ? { isActive: true, daysOfWeek: 'mo tu we th fr', startTime: '08:00', endTime: '18:00' } : null,
      lastSeenAt: iso(Date.now() - (i === 7 ? 4_000_000 : 2000)),
      createdAt: iso(NOW - 90_000_000),
    }
  })
}
function machines(): Machine[] {
  return WORKERS.map((name, i): Machine => ({
    id: id(`m-${name}`),
    name,
    platform: i === 8 ? 'windows' : 'linux',
    arch: 'x64',
    cpuCount: 32,
    memoryBytes: 128e9,
    address: `192.168.20.${30 + i}`,
    gpus: i % 3 === 0 ? [{ name: 'NVIDIA RTX A5000', memoryBytes: 24e9 }] : [],
    software: [
      { name: 'Blender', version: '4.2.3', path: '/opt/blender-4.2/blender' },
      { name: 'FFmpeg', version: '7.0', path: '/usr/bin/ffmpeg' },
    ],
    hourlyRate: null,
    watts: 450,
    load:
      i === 7
        ? null
        : {
            cpu: i < 4 ? 0.86 + i * 0.03 : 0.04,
            memoryUsed: i < 4 ? 61e9 + i * 9e9 : 9e9,
            memoryTotal: 128e9,
            gpus: i % 3 === 0 ? [{ load: i < 4 ? 0.93 : 0.01, memoryUsed: 11e9, temperature: 64 }] : [],
            diskFree: 812e9,
          },
    lastSeenAt: iso(Date.now() - 2000),
    workerIds: [id(name)],
  }))
}

const LOG_TEXT = [
  'Fra:1042 Mem:812.41M (Peak 1024.02M) | Time:00:04.21 | Remaining:00:11.90 | Mem:642.11M, Peak:655.02M | Scene, main | Sample 96/256',
  "Saved: '/mnt/renders/nordlicht/f_1042.png'",
  'Time: 00:18.40 (Saving: 00:00.31)',
  'Warning: texture /mnt/projects/tex/bark_disp.exr is not packed',
  'Read blend: "/mnt/projects/nordlicht/sq010/sh0040_v012.blend"',
  'Error: Cycles could not load OptiX kernel, falling back',
]

export async function startMockFarm(options: { port?: number; jobs?: number; frames?: number; logLines?: number } = {}): Promise<MockFarm> {
  const order: JobStatus[] = [
    'active',
    'completed',
    'active',
    'queued',
    'failed',
    'completed',
    'paused',
    'completed',
    'canceled',
    'completed',
  ]
  const jobs = Array.from({ length: options.jobs ?? 24 }, (_, n) =>
    makeJob(n, n === 0 ? (options.frames ?? 144) : 24 + (n % 5) * 20, order[n % 10] ?? 'completed'),
  )
  jobNumbers = new Map(jobs.map((fake, n) => [fake.job.id, n + 1]))
  for (const fake of jobs) fake.job.lastFrame = frameOf(fake, fake.statuses.lastIndexOf('completed') + 1)
  const byId = new Map(jobs.map((fake) => [fake.job.id, fake]))
  const byTail = new Map(jobs.map((fake) => [fake.job.id.slice(9), fake]))
  const logLines = options.logLines ?? 340

  const counts = (list: readonly string[]) =>
    list.reduce<Record<string, number>>((sum, key) => ({ ...sum, [key]: (sum[key] ?? 0) + 1 }), {})
  function taskSummary(fake: FakeJob, index: number): TaskSummary {
    const status = fake.statuses[index - 1] ?? 'queued'
    const started = status !== 'queued' && status !== 'paused'
    return {
      id: taskPublicId(fake.job.id, index),
      jobId: fake.job.id,
      index,
      name: fake.names[index - 1] ?? '',
      kind: 'blender-render',
      status,
      priority: 50,
      activity: status === 'failed' ? 'exit code 1' : '',
      steps: { completed: status === 'completed' ? 1 : 0, total: 1 },
      worker: started ? { id: id(WORKERS[index % 5] ?? ''), name: WORKERS[index % 5] ?? '' } : null,
      attempts: started ? 1 + (status === 'failed' ? 2 : 0) : 0,
      warningCount: 0,
      unmet: 0,
      updatedAt: iso(NOW),
      startedAt: started ? iso(NOW - 60_000) : null,
      finishedAt: status === 'completed' || status === 'failed' ? iso(NOW - 41_600) : null,
    }
  }
  function task(taskId: string): Task | undefined {
    const parsed = parseTaskId(taskId)
    const fake = parsed && byTail.get(parsed.jobTail)
    if (!parsed || !fake) return undefined
    const summary = taskSummary(fake, parsed.index)
    const worker = summary.worker ?? { id: id('atlas'), name: 'atlas' }
    return {
      ...summary,
      commands: [{ name: 'blender-render', parameters: { exe: '{blender}', args: ['-b'] }, totalStepCount: 1 }],
      failedBy: [],
      warnings: [],
      attemptList: Array.from({ length: summary.attempts }, (_, n) => ({
        taskId,
        number: n + 1,
        worker,
        status: summary.status === 'active' ? 'active' : summary.status === 'failed' ? 'failed' : 'completed',
        outcome: summary.status === 'failed' ? 'exit-code' : 'success',
        reason: summary.activity,
        exitCode: summary.status === 'failed' ? 1 : 0,
        startedAt: iso(NOW - 60_000),
        endedAt: summary.status === 'active' ? null : iso(NOW - 41_600),
        logBytes: logLines * 60,
        logLines,
        result: null,
        metrics: null,
      })),
    }
  }
  const status = () => ({
    version: '0.1.0',
    managerName: 'Framehouse',
    farm: 'active',
    now: iso(Date.now()),
    startedAt: iso(NOW),
    jobs: counts(jobs.map((fake) => fake.job.status)),
    tasks: { active: 8, queued: 412 },
    workers: counts(workers(jobs).map((w) => w.status)),
    pendingWorkers: 1,
    framesLastHour: 231,
    openToLan: false,
  })
  const summaryOf = (fake: FakeJob): JobSummary => fake.job

  function route(path: string, query: URLSearchParams): unknown {
    const p = path.split('/').slice(1)
    if (path === '/whoami')
      return { id: 'local', actor: 'local', role: 'admin', scopes: ['admin', 'manage', 'submit', 'read'], via: 'loopback' }
    if (path === '/status') return status()
    if (path === '/workers') return { items: workers(jobs) }
    if (path === '/machines') return { items: machines() }
    if (path === '/tags') return { items: [{ id: id('gpu'), name: 'gpu', description: 'Workers with a GPU' }] }
    if (path === '/limits')
      return {
        items: [
          { id: id('nuke'), name: 'nuke-render', description: 'Nuke render licenses', max: 10, scope: 'machine', inUse: 7, holders: [] },
          { id: id('houdini'), name: 'houdini-engine', description: '', max: 4, scope: 'attempt', inUse: 4, holders: [] },
        ],
      }
    if (path === '/statistics') {
      const buckets = Array.from({ length: 48 }, (_, i) => ({
        at: iso(NOW - (48 - i) * 1_800_000),
        frames: 20 + dice(`b${i}`, 160),
        tasks: 30 + dice(`c${i}`, 90),
        failed: dice(`e${i}`, 6),
        busySeconds: 4000 + dice(`g${i}`, 6000),
      }))
      return {
        since: iso(NOW - 86_400_000),
        until: iso(NOW),
        bucketSeconds: 1800,
        buckets,
        failures: [
          { outcome: 'exit-code', count: 14 },
          { outcome: 'lost', count: 3 },
        ],
        jobs: jobs.slice(0, 12).map(({ job }, i) => ({
          job: { id: job.id, name: job.name },
          seconds: 9000 - i * 600,
          frames: job.frameCount,
          cost: 3.2 - i * 0.2,
          wattHours: 1400 - i * 90,
        })),
        workers: WORKERS.map((name, i) => ({ worker: { id: id(name), name }, seconds: 8000 - i * 700, tasks: 120 - i * 9, failed: i % 3 })),
      }
    }
    if (path === '/overview')
      return {
        status: status(),
        running: jobs
          .filter((f) => f.job.status === 'active')
          .slice(0, 6)
          .map(summaryOf),
        attention: [
          {
            kind: 'worker-pending',
            message: 'workstation-mika asks to join',
            target: { kind: 'worker', id: id('workstation-mika'), name: 'workstation-mika' },
            at: iso(NOW),
          },
          {
            kind: 'job-failed',
            message: '5 tasks failed',
            target: { kind: 'job', id: jobs[4]?.job.id ?? '', name: jobs[4]?.job.name ?? '' },
            at: iso(NOW),
          },
        ],
        frames: jobs
          .slice(0, 3)
          .flatMap((fake) =>
            Array.from({ length: 8 }, (_, i) => ({ ...frameOf(fake, i + 3), jobName: fake.job.name })).filter((f) => 'id' in f),
          ),
        utilisation: Array.from({ length: 24 }, (_, i) => ({
          at: iso(NOW - (24 - i) * 3_600_000),
          share: 0.2 + dice(`u${i}`, 70) / 100,
          frames: 40 + dice(`v${i}`, 300),
        })),
        nextFinish: null,
      }
    if (p[0] === 'machines' && p[2] === 'samples')
      return {
        items: Array.from({ length: 120 }, (_, i) => ({
          at: iso(NOW - (120 - i) * 60_000),
          cpu: 0.5 + 0.4 * Math.sin(i / 9),
          memory: 0.4 + 0.1 * Math.sin(i / 20),
          gpu: Math.max(0, Math.sin(i / 14)),
        })),
      }
    if (path === '/job-types') return { items: [], broken: [] }
    if (path === '/settings') return Value.Create(FarmSettings)
    if (path === '/jobs') {
      const ids = query.get('ids')?.split(',')
      const q = query.get('q')?.toLowerCase() ?? ''
      const wanted = new Set((query.get('status') ?? '').split(',').filter(Boolean))
      const list = jobs.filter(
        (f) =>
          (!ids || ids.includes(f.job.id)) &&
          (!q || `${f.job.name} ${f.job.type} ${f.job.owner}`.toLowerCase().includes(q)) &&
          (wanted.size === 0 || wanted.has(f.job.status)),
      )
      const from = Number(query.get('cursor') ?? 0)
      const to = from + Number(query.get('limit') ?? 100)
      return { items: list.slice(from, to).map(summaryOf), total: list.length, next: to < list.length ? String(to) : null }
    }
    const fake = p[0] === 'jobs' ? byId.get(p[1] ?? '') : undefined
    if (fake && p.length === 2) return fake.job
    if (fake && p[2] === 'grid')
      return {
        statuses: fake.statuses.map((s) => CODE[s]).join(''),
        names: fake.names,
        kinds: ['blender-render'],
        kindOf: fake.names.map(() => 0),
        frames: fake.statuses.flatMap((s, i) =>
          s === 'completed' && i < fake.names.length - 1 ? [[i + 1, 1001 + i, frameId(fake, i + 1)]] : [],
        ),
        marks: [],
      }
    if (fake && p[2] === 'frames')
      return { items: [frameOf(fake, fake.statuses.lastIndexOf('completed') + 1)].filter(Boolean), total: 1, next: null }
    if (fake && p[2] === 'tasks') {
      const from = Number(query.get('cursor') ?? 0)
      const to = Math.min(fake.names.length, from + Number(query.get('limit') ?? 100))
      return {
        items: Array.from({ length: to - from }, (_, i) => taskSummary(fake, from + i + 1)),
        total: fake.names.length,
        next: to < fake.names.length ? String(to) : null,
      }
    }
    if (fake && p[2] === 'timeline')
      return {
        items: fake.statuses.slice(0, 400).flatMap((s, i) =>
          s === 'queued'
            ? []
            : [
                {
                  taskId: taskPublicId(fake.job.id, i + 1),
                  taskName: fake.names[i],
                  attempt: 1,
                  worker: { id: id(WORKERS[i % 5] ?? ''), name: WORKERS[i % 5] },
                  status: s === 'soft-failed' ? 'failed' : s === 'paused' ? 'canceled' : s,
                  outcome: null,
                  startedAt: iso(NOW - 1_900_000 + Math.floor(i / 5) * 21_000 + (i % 5) * 1700),
                  endedAt: s === 'active' ? null : iso(NOW - 1_900_000 + Math.floor(i / 5) * 21_000 + 18_000 + dice(`t${i}`, 4000)),
                },
              ],
        ),
        next: null,
      }
    if (fake && p[2] === 'graph')
      return {
        nodes: [
          { id: 'a', label: 'render', kind: 'blender-render', taskId: null, counts: { completed: 80, active: 4, queued: 60 } },
          { id: 'b', label: 'encode-preview-video', kind: 'ffmpeg', taskId: null, counts: { queued: 1 } },
        ],
        edges: [{ from: 'a', to: 'b' }],
      }
    const one = p[0] === 'tasks' ? task(p[1] ?? '') : undefined
    if (one && p.length === 2) return one
    if (one && p[5] === 'lines') {
      const first = Number(query.get('from') ?? 0)
      const count = Math.max(0, Math.min(Number(query.get('count') ?? 1000), logLines - first))
      return {
        first,
        total: logLines,
        lines: Array.from({ length: count }, (_, i) => ({
          line: first + i,
          at: iso(NOW - 60_000 + (first + i) * 50),
          stream: 'stdout',
          text: LOG_TEXT[(first + i) % 41 === 7 ? 5 : (first + i) % 13 === 3 ? 3 : (first + i) % 17 === 9 ? 1 : 0] ?? '',
        })),
      }
    }
    return undefined
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const picked = /^\/api\/v1\/frames\/(\d+)\/(thumbnail|large)$/.exec(url.pathname)
    if (picked) {
      response
        .writeHead(200, { 'content-type': 'image/jpeg', 'cache-control': 'max-age=86400, immutable' })
        .end(await picture(Number(picked[1]), picked[2] === 'large' ? 1280 : 240))
      return
    }
    if (url.pathname.startsWith('/api/v1')) {
      const body = route(url.pathname.slice('/api/v1'.length), url.searchParams)
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body ?? { status: 404, code: 'not-found', message: `No ${url.pathname} in the made-up farm` }))
      return
    }
    const wanted = normalize(join(root, url.pathname.replace(/^\/app/, '')))
    const file = wanted.startsWith(root) && existsSync(wanted) && extname(wanted) ? wanted : join(root, 'index.html')
    const types: Record<string, string> = {
      '.html': 'text/html; charset=utf-8',
      '.js': 'text/javascript',
      '.css': 'text/css',
      '.svg': 'image/svg+xml',
    }
    response.writeHead(200, {
      'content-type': types[extname(file)] ?? 'application/octet-stream',
      'content-security-policy':
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    })
    response.end(readFileSync(file))
  }

  const server = createServer((request, response) => void serve(request, response))
  const sockets = new Set<WebSocket>()
  const wss = new WebSocketServer({ server })
  wss.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.send('[]')
  })
  const beat = setInterval(() => sockets.forEach((socket) => socket.send('[]')), 5000)
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  // A server that listens on TCP has an AddressInfo.
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    jobs,
    emit: (event) => sockets.forEach((socket) => socket.send(JSON.stringify([event]))),
    close: () => {
      clearInterval(beat)
      wss.close()
      for (const socket of sockets) socket.terminate()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, jobs, frames] = process.argv.slice(2).map(Number)
  const farm = await startMockFarm({ port: port || 0, ...(jobs && { jobs }), ...(frames && { frames }) })
  console.log(farm.url)
}
