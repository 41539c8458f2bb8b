/** Tells of the ends of jobs as the window hears of them: by the farm's events. Asking again and again would load what is measured. */
import { WebSocket } from 'undici'
import type { ManagerProcess } from '../support/managerProcess.ts'

const FINAL: ReadonlySet<string> = new Set(['completed', 'failed', 'canceled'])

export class JobEnds {
  private readonly ended = new Map<string, string>()
  private readonly waiting = new Map<string, (status: string) => void>()

  private constructor(private readonly socket: WebSocket) {
    socket.addEventListener('message', ({ data }) => {
      // The bench trusts the server that it measures; what is no list of events has no job in it.
      for (const { type, jobId, status } of [JSON.parse(String(data))].flat() as { type: string; jobId: string; status: string }[]) {
        if (type === 'job' && FINAL.has(status)) this.hear(jobId, status)
      }
    })
  }

  static async of(manager: ManagerProcess): Promise<JobEnds> {
    const socket = new WebSocket(`ws://127.0.0.1:${manager.port}/api/v1/events`)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve)
      socket.addEventListener('error', () => reject(new Error('the event socket was refused')))
    })
    return new JobEnds(socket)
  }

  /** Resolves when the job is completed. @throws Error when it failed */
  async completed(jobId: string): Promise<void> {
    const status = this.ended.get(jobId) ?? (await new Promise<string>((resolve) => this.waiting.set(jobId, resolve)))
    if (status !== 'completed') throw new Error(`the job is ${status}`)
  }

  close(): void {
    this.socket.close()
  }

  private hear(jobId: string, status: string): void {
    this.ended.set(jobId, status)
    this.waiting.get(jobId)?.(status)
    this.waiting.delete(jobId)
  }
}
