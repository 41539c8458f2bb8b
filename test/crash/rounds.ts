/**
 * The crash test: simulated workers keep a manager busy, a random moment later it is killed with SIGKILL and started again
 * on the same files, round after round. In the end everything that was submitted must be completed, each task once, and
 * nothing that was acknowledged may be missing.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobGroups } from '../../src/shared/schemas/jobs/job.ts'
import { ManagerProcess } from '../support/managerProcess.ts'
import { portToComeBackTo } from '../support/ports.ts'
import { brokenInvariants } from './invariants.ts'
import { CrashWorker } from './crashWorker.ts'

/** The manager lives no longer than this, however little it was asked. */
const LONGEST_LIFE_MS = 10_000

export interface CrashOptions {
  rounds: number
  workers: number
  tasksPerJob: number
  /** The manager dies after at most so many replies to workers: by what it did, not by the clock, so that a slow machine tests as much. */
  longestLife: number
  /** How likely a worker dies in the middle of a task, 0–1. */
  workerMortality: number
  /** The database is checked after every so many kills, and at the end. */
  checkEvery: number
  seed: number
  say(line: string): void
}

export interface CrashResult {
  kills: number
  workerDeaths: number
  jobs: number
  tasksCompleted: number
  logsAcknowledged: number
  problems: string[]
}

export async function crashRounds(options: CrashOptions): Promise<CrashResult> {
  const random = seeded(options.seed)
  const dataDir = await mkdtemp(join(tmpdir(), 'framehouse-crash-'))
  let manager = await ManagerProcess.start({ dataDir, port: await portToComeBackTo() })
  const { port } = manager
  const workers = Array.from({ length: options.workers }, (_, at) => {
    return new CrashWorker(`crash ${at}`, () => `http://127.0.0.1:${port}`, random, options.workerMortality)
  })
  const submitted: string[] = []
  const result: CrashResult = { kills: 0, workerDeaths: 0, jobs: 0, tasksCompleted: 0, logsAcknowledged: 0, problems: [] }
  try {
    for (const worker of workers) await worker.join()
    submitted.push(await submit(manager, options.tasksPerJob))
    const running = workers.map((worker) => worker.run())
    for (let round = 1; round <= options.rounds && result.problems.length === 0; round++) {
      // Now and then the manager dies while it stores a job: then no client learned of the job, or all of it is there.
      const submission = submit(manager, options.tasksPerJob).then(
        (id) => submitted.push(id),
        () => undefined,
      )
      await lifetime(workers, random() * options.longestLife)
      // Not always at the moment of a reply.
      await new Promise((resolve) => setTimeout(resolve, random() * 20))
      await manager.kill()
      await submission
      result.kills++
      if (round % options.checkEvery === 0) {
        result.problems = await brokenInvariants(
          dataDir,
          workers.map((worker) => worker.acknowledged),
          submitted,
          false,
        )
        options.say(
          `${round} kills, ${submitted.length} jobs, ${count(workers, 'finished')} ends and ${count(workers, 'logs')} logs acknowledged`,
        )
      }
      manager = await ManagerProcess.start({ dataDir, port })
    }
    if (result.problems.length === 0) Object.assign(result, await drain(manager))
    for (const worker of workers) await worker.stop()
    await Promise.all(running)
    await manager.stop(true)
    if (result.problems.length === 0) {
      result.problems = await brokenInvariants(
        dataDir,
        workers.map((worker) => worker.acknowledged),
        submitted,
        true,
      )
    }
  } finally {
    for (const worker of workers) await worker.stop()
    if (manager.child.exitCode === null && manager.child.signalCode === null) await manager.kill()
    await rm(dataDir, { recursive: true, force: true })
  }
  const workerDeaths = workers.reduce((sum, worker) => sum + worker.deaths, 0)
  return {
    ...result,
    workerDeaths,
    tasksCompleted: count(workers, 'finished'),
    logsAcknowledged: count(workers, 'logs'),
  }
}

/** Waits until the workers got so many replies more, or for a while when nothing is left to do. */
async function lifetime(workers: CrashWorker[], replies: number): Promise<void> {
  const total = (): number => workers.reduce((sum, worker) => sum + worker.replies, 0)
  const [until, deadline] = [total() + replies, performance.now() + LONGEST_LIFE_MS]
  while (total() < until && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 2))
}

/**
 * Waits until every job is completed, also those that were stored though the reply never came; returns how many there are.
 * What never ends is a lost task.
 */
async function drain(manager: ManagerProcess): Promise<{ jobs: number; problems: string[] }> {
  const patienceMs = 120_000
  const until = performance.now() + patienceMs
  for (;;) {
    const { items } = await manager.json<JobGroups>('GET', '/api/v1/jobs/groups?by=status')
    const jobs = items.reduce((sum, { count }) => sum + count, 0)
    const open = items.filter(({ value }) => value !== 'completed')
    if (open.length === 0) return { jobs, problems: [] }
    if (performance.now() > until) return { jobs, problems: [`jobs not completed within ${patienceMs / 1000} s: ${JSON.stringify(open)}`] }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function submit(manager: ManagerProcess, tasks: number): Promise<string> {
  const { id } = await manager.json<{ id: string }>('POST', '/api/v1/jobs', {
    name: 'crash',
    type: 'simple-blender-render',
    allowSharedOutput: true,
    settings: {
      frames: `1-${tasks}`,
      render_output_root: '/render/',
      add_path_components: 0,
      render_output_path: '/render/crash/######',
      blendfile: '/render/crash.blend',
      fps: 0,
      format: 'PNG',
      image_file_extension: '.png',
      scene: 'Scene',
    },
  })
  return id
}

function count(workers: CrashWorker[], what: 'finished' | 'logs'): number {
  return workers.reduce((sum, worker) => sum + worker.acknowledged[what].size, 0)
}

/** Mulberry32: the same seed, the same run (as far as the machine allows). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
