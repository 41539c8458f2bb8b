/** The threads that hash what is received: begun when there is work, ended when there was none for a while. */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { DigestName, DigestValues } from './digests.ts'
import type { HashReply, HashRequest } from './hashThread.ts'

/** A thread without work for so long ends. */
const KEEP_WARM_MS = 30_000
const MOST_THREADS = 4

/** One content in one thread. Calls are answered in their order. */
export interface HashJob {
  /** @returns the SHA-256 of each piece that ended; the bytes may be used again then */
  update(bytes: SharedArrayBuffer, length: number, cuts?: readonly number[]): Promise<string[]>
  finish(): Promise<DigestValues>
  /** Its result is not wanted any longer. */
  drop(): void
}

interface Waiting {
  resolve(reply: HashReply): void
  reject(error: Error): void
}

class Thread {
  readonly jobs = new Map<number, Waiting[]>()
  private readonly worker: Worker
  private idle: NodeJS.Timeout | undefined

  constructor(onEnd: (thread: Thread) => void) {
    this.worker = new Worker(threadEntry(), { name: 'hashing', execArgv: [], env: {} })
    this.worker.unref()
    this.worker.on('message', (reply: HashReply) => this.jobs.get(reply.job)?.shift()?.resolve(reply))
    const fail = (error: Error): void => {
      clearTimeout(this.idle)
      onEnd(this)
      for (const waiting of this.jobs.values()) for (const { reject } of waiting) reject(error)
      this.jobs.clear()
    }
    this.worker.on('error', fail)
    this.worker.on('exit', () => fail(new Error('a hashing thread has ended')))
  }

  begin(job: number, names: readonly DigestName[]): void {
    clearTimeout(this.idle)
    this.jobs.set(job, [])
    this.send({ job, op: 'begin', names })
  }

  ask(request: HashRequest): Promise<HashReply> {
    return new Promise((resolve, reject) => {
      const waiting = this.jobs.get(request.job)
      if (!waiting) return reject(new Error('a hashing thread has ended'))
      waiting.push({ resolve, reject })
      this.send(request)
    })
  }

  end(job: number): void {
    this.jobs.delete(job)
    if (this.jobs.size === 0) this.idle = setTimeout(() => void this.worker.terminate(), KEEP_WARM_MS).unref()
  }

  send(request: HashRequest): void {
    this.worker.postMessage(request)
  }

  async close(): Promise<void> {
    await this.worker.terminate()
  }
}

export class HashThreads {
  private threads: Thread[] = []
  private lastJob = 0

  constructor(private readonly most = Math.min(MOST_THREADS, Math.max(2, availableParallelism()))) {}

  /** One job for each list of names, in threads of their own where there are enough. */
  begin(...lists: readonly (readonly DigestName[])[]): HashJob[] {
    const taken: Thread[] = []
    return lists.map((names) => {
      const thread = this.leastBusy(taken)
      taken.push(thread)
      return this.beginIn(thread, names)
    })
  }

  async close(): Promise<void> {
    await Promise.all(this.threads.map((thread) => thread.close()))
  }

  private leastBusy(taken: readonly Thread[]): Thread {
    const free = this.threads.filter((thread) => !taken.includes(thread)).toSorted((a, b) => a.jobs.size - b.jobs.size)
    const [best] = free
    if (best && (best.jobs.size === 0 || this.threads.length >= this.most)) return best
    if (this.threads.length < this.most) {
      const thread: Thread = new Thread((gone) => (this.threads = this.threads.filter((one) => one !== gone)))
      this.threads.push(thread)
      return thread
    }
    const [any] = taken
    if (!any) throw new Error('there is no hashing thread')
    return best ?? any
  }

  private beginIn(thread: Thread, names: readonly DigestName[]): HashJob {
    const job = ++this.lastJob
    thread.begin(job, names)
    const end = (): void => thread.end(job)
    return {
      async update(bytes, length, cuts) {
        const reply = await thread.ask({ job, op: 'update', bytes, length, cuts })
        return 'pieces' in reply ? reply.pieces : []
      },
      async finish() {
        const reply = await thread.ask({ job, op: 'finish' })
        end()
        return 'values' in reply ? reply.values : {}
      },
      drop() {
        if (!thread.jobs.has(job)) return
        thread.send({ job, op: 'drop' })
        end()
      },
    }
  }
}

/** `hashThread.js` beside the bundle, `hashThread.ts` beside this file when run from source. */
function threadEntry(): URL {
  const built = new URL('./hashThread.js', import.meta.url)
  if (existsSync(built)) return built
  // TypeScript needs its loader in the thread too, and a thread does not inherit it.
  const loader = import.meta.resolve('tsx/esm/api')
  const source = new URL('./hashThread.ts', import.meta.url).href
  const code = `import { register } from ${JSON.stringify(loader)}; register(); await import(${JSON.stringify(source)})`
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`)
}
