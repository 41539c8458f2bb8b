/** A manager and a worker for containers, in one process, over HTTP. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '../../src/shared/logger.ts'
import type { ContainerConfig } from '../../src/main/docker/config.ts'
import { startManager, type Manager } from '../../src/main/manager.ts'
import { startWorker, type RunningWorker } from '../../src/main/worker/index.ts'
import { workerParts } from '../../src/main/worker/parts.ts'
import type { ContainerRecord } from '../../src/shared/schemas/container.ts'
import { RecordingLogger } from './workerParts.ts'

/** As much of a reply as tests of containers look at. */
export interface Shown {
  id: string
  name: string
  status: string
  activity: string
  kinds: string[]
  items: Shown[]
  path: string
  preview: string
  frame: number
  attemptList: {
    number: number
    status: string
    outcome: string
    reason: string
    exitCode: number | null
    result: { containers: ContainerRecord[] } | null
    metrics: Record<string, number> | null
  }[]
  counts: { completed: number; failed: number; total: number }
}

export class ContainerFarm {
  readonly log = new RecordingLogger()
  private readonly workers: RunningWorker[] = []

  private constructor(
    readonly folder: string,
    readonly manager: Manager,
  ) {}

  static async start(): Promise<ContainerFarm> {
    const folder = await mkdtemp(join(tmpdir(), 'framehouse-containers-'))
    const listen = { host: '127.0.0.1', port: 0 }
    const manager = await startManager({
      dataDir: join(folder, 'manager'),
      listen,
      trustLoopback: true,
      log: silentLogger,
      version: '0.0.0-test',
    })
    return new ContainerFarm(folder, manager)
  }

  async worker(containers: ContainerConfig, slots = 4, name = 'containers'): Promise<RunningWorker> {
    const dataDir = join(this.folder, name)
    const config = { managerUrl: this.manager.url, dataDir, name, slots, containers }
    const worker = await startWorker(config, { ...workerParts(), log: this.log, version: '0.0.0-test' })
    this.workers.push(worker)
    return worker
  }

  async stop(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()))
    await this.manager.stop()
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  async call(method: string, path: string, body?: unknown): Promise<Shown> {
    const reply = await fetch(new URL(`api/v1/${path}`, this.manager.url), {
      method,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await reply.text()
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`)
    // What the API answers is checked elsewhere; a wrong shape fails the expectations.
    return (text === '' ? {} : JSON.parse(text)) as Shown
  }

  submit(settings: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Shown> {
    return this.call('POST', 'jobs', { name: 'containers', type: 'container', settings, ...more })
  }

  job(id: string): Promise<Shown> {
    return this.call('GET', `jobs/${id}`)
  }

  async tasks(jobId: string): Promise<Shown[]> {
    const { items } = await this.call('GET', `jobs/${jobId}/tasks?limit=1000`)
    return Promise.all(items.map(({ id }) => this.call('GET', `tasks/${id}`)))
  }

  async logOf(taskId: string, attempt = 1): Promise<string> {
    return (await this.bytesOf(taskId, attempt)).toString()
  }

  async bytesOf(taskId: string, attempt = 1): Promise<Buffer> {
    const reply = await fetch(new URL(`api/v1/tasks/${taskId}/attempts/${attempt}/log`, this.manager.url))
    return Buffer.from(await reply.arrayBuffer())
  }
}
