/** Threads of the demo ray tracer: started on demand, kept warm for a moment, terminated immediately when a task is stopped. */
import { existsSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import type { TraceReply, TraceRequest } from './traceThread.ts'

/** A thread's code is compiled to machine code after about a frame; the next task may follow immediately and use it. */
const KEEP_WARM_MS = 10_000

export interface TraceThread {
  /** Renders one picture: RGB bytes, rows from the top. Rejects when the thread failed or was ended. One at a time. */
  render(request: TraceRequest): Promise<Uint8Array<ArrayBuffer>>
  /** Gives the thread back for others to use. Not while it renders. */
  release(): void
  /** Terminates the thread immediately, whatever it does. */
  end(): Promise<void>
}

interface Idle {
  worker: Worker
  timer: NodeJS.Timeout
}

const idle: Idle[] = []

/** A thread of one's own. */
export function takeTraceThread(): TraceThread {
  const warm = idle.pop()
  clearTimeout(warm?.timer)
  const worker = warm?.worker ?? new Worker(threadEntry(), { name: 'trace', execArgv: [], env: {} })
  worker.removeAllListeners()
  worker.ref()
  return {
    render: (request) =>
      new Promise((resolve, reject) => {
        const fail = (error: Error) => reject(error)
        const gone = () => reject(new Error('the ray tracer was ended'))
        worker.once('error', fail)
        worker.once('exit', gone)
        worker.once('message', ({ pixels }: TraceReply) => {
          worker.off('error', fail)
          worker.off('exit', gone)
          resolve(pixels)
        })
        worker.postMessage(request)
      }),
    release: () => keepWarm(worker),
    end: async () => {
      await worker.terminate()
    },
  }
}

function keepWarm(worker: Worker): void {
  const timer = setTimeout(() => {
    forget(worker)
    void worker.terminate()
  }, KEEP_WARM_MS)
  // A warm thread keeps no process alive.
  timer.unref()
  worker.unref()
  worker.once('exit', () => forget(worker))
  // It failed while unused, so there is no caller to notify; without a listener the process would end.
  worker.once('error', () => forget(worker))
  idle.push({ worker, timer })
}

function forget(worker: Worker): void {
  const at = idle.findIndex((entry) => entry.worker === worker)
  if (at >= 0) clearTimeout(idle.splice(at, 1)[0]?.timer)
}

/** The thread's file: `traceThread.js` beside the bundle, `traceThread.ts` beside this file when run from source. */
function threadEntry(): URL {
  const built = new URL('./traceThread.js', import.meta.url)
  if (existsSync(built)) return built
  // TypeScript needs its loader in the thread too, and a thread does not inherit it.
  const loader = import.meta.resolve('tsx/esm/api')
  const source = new URL('./traceThread.ts', import.meta.url).href
  const code = `import { register } from ${JSON.stringify(loader)}; register(); await import(${JSON.stringify(source)})`
  return new URL(`data:text/javascript,${encodeURIComponent(code)}`)
}
