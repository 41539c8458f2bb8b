/** A manager and real workers in this process whose folders have nothing in common, and the calls of a person who sends files to it. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { silentLogger } from '../../src/shared/logger.ts'
import type { NewJob, Job } from '../../src/shared/schemas/jobs/job.ts'
import type { Inputs, Results } from '../../src/shared/schemas/jobs/content.ts'
import { startWorker, type RunningWorker, type WorkerConfig } from '../../src/main/worker/index.ts'
import { workerParts } from '../../src/main/worker/parts.ts'
import { LiveManager, until, type Reply } from './liveManager.ts'

export class SendingFarm {
  readonly workers = new Map<string, RunningWorker>()

  private constructor(public manager: LiveManager) {}

  static async start(): Promise<SendingFarm> {
    return new SendingFarm(await LiveManager.start())
  }

  dataOf(worker: string): string {
    return join(this.manager.folder, 'workers', worker)
  }

  async work(name: string, config: Partial<WorkerConfig> = {}): Promise<RunningWorker> {
    const settings = { managerUrl: this.manager.url, dataDir: this.dataOf(name), name, adapter: 'native' as const, ...config }
    const worker = await startWorker(settings, { ...workerParts(), log: silentLogger, version: '0.0.0-test' })
    this.workers.set(name, worker)
    return worker
  }

  async leave(name: string): Promise<void> {
    await this.workers.get(name)?.stop()
    this.workers.delete(name)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.workers.values()].map((worker) => worker.stop()))
    await this.manager.stop()
  }

  /** Sends files as a client does: only what the manager does not have. Resolves with the folder, and how many were sent. */
  async send(
    files: Readonly<Record<string, string | Buffer>>,
    frames: Readonly<Record<string, number[]>> = {},
  ): Promise<Inputs & { sent: number }> {
    const refs = Object.entries(files).map(([path, content]) => ({ path, content: Buffer.from(content), ...contentOf(content) }))
    const asked = await this.manager.call('POST', '/content/missing', {
      body: { files: refs.map(({ sha256, bytes }) => ({ sha256, bytes })) },
    })
    const missing: { sha256: string; offset: number }[] = asked.body.missing
    for (const { sha256, offset } of missing) {
      const ref = refs.find((each) => each.sha256 === sha256)
      if (ref) await this.put(ref, offset)
    }
    const made = await this.manager.call('POST', '/inputs', {
      body: { files: refs.map(({ path, sha256, bytes }) => ({ path, sha256, bytes, ...(frames[path] && { frames: frames[path] }) })) },
    })
    if (made.status !== 201) throw new Error(`inputs refused: ${made.status} ${made.text}`)
    return { ...made.body, sent: missing.length }
  }

  put({ sha256, bytes, content }: { sha256: string; bytes: number; content: Buffer }, offset = 0): Promise<Reply> {
    return this.manager.call('PUT', `/content/${sha256}/${bytes}?offset=${offset}`, {
      raw: content.subarray(offset),
      headers: { 'content-type': 'application/octet-stream' },
    })
  }

  submit(job: Partial<NewJob>): Promise<Job> {
    return this.manager.submit({ sendFiles: true, ...job })
  }

  /** The job, when it is over. */
  ended(id: string, patienceMs = 60_000): Promise<Job> {
    return until(
      async () => {
        const { body }: { body: Job } = await this.manager.get(`/jobs/${id}`)
        return ['completed', 'failed', 'canceled'].includes(body.status) ? body : undefined
      },
      `job ${id} ends`,
      patienceMs,
    )
  }

  async results(id: string): Promise<Results> {
    return (await this.manager.get(`/jobs/${id}/results`)).body
  }

  /** All results, when every file that was announced is home. */
  home(id: string): Promise<Results> {
    return until(async () => {
      const results = await this.results(id)
      return results.awaited.length === 0 && results.items.length > 0 ? results : undefined
    }, `results of job ${id} are home`)
  }

  read(results: Results, path: string): Promise<string> {
    return readFile(join(results.folder ?? '', path), 'utf8')
  }
}

export function contentOf(content: string | Buffer): { sha256: string; bytes: number } {
  const bytes = Buffer.from(content)
  return { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.length }
}
