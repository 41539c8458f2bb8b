/** The worker of this machine: a process of its own, started again when it dies, and switched off and on by the person at the machine. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { supervise, WorkerNews, type Supervised } from '../../cli/services/supervisor.ts'
import type { ServiceLogger } from '../../cli/services/logger.ts'

export interface WorkerProcess {
  start(): void
  stop(): Promise<void>
  isRunning(): boolean
  /** Whether it runs a task now. */
  isBusy(): boolean
}
export interface WorkerProcessOptions {
  /** out/main of the build: the program of the worker is there. */
  programDir: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  log: ServiceLogger
}

/** Undefined: there is no such program. Not started yet. */
export function workerProcess({ programDir, args, env, log }: WorkerProcessOptions): WorkerProcess | undefined {
  const program = join(programDir, 'headless.js')
  if (!existsSync(program)) return undefined
  let running: Supervised | undefined
  let isBusy = false
  const onMessage = (message: unknown): void => {
    if (Value.Check(WorkerNews, message)) isBusy = message.running > 0
  }
  return {
    start() {
      if (running) return
      const started = supervise({ program, args, env, log, now: Date.now, onMessage })
      running = started
      // Shut down by its manager: it stays off until the user wants it again.
      void started.ended.then(() => {
        if (running !== started) return
        running = undefined
        isBusy = false
      })
    },
    async stop() {
      const ending = running
      running = undefined
      isBusy = false
      await ending?.stop()
    },
    isRunning: () => running !== undefined,
    isBusy: () => isBusy,
  }
}
