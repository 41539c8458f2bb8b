/**
 * A worker in a child process, started and kept alive by `both` and `demo`: rendering then never takes the manager's time,
 * and a crashing worker does not take the manager down. The child ends when its IPC channel closes, so it cannot outlive this
 * process, however that one ends.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { Type, type Static } from 'typebox'
import { EXIT } from '../errors.ts'
import type { ServiceLogger } from './logger.ts'

/** Set in the environment of a supervised child, which then ends with its IPC channel. */
export const SUPERVISED = 'FRAMEHOUSE_SUPERVISED'
/** Exit code of a worker whose manager requested a restart (equal to EX_TEMPFAIL, which service managers know). */
export const RESTART_EXIT_CODE = 75

const FIRST_PAUSE_MS = 500
const LAST_PAUSE_MS = 30_000
/** A child that ran this long was healthy: the next pause is short again. */
const WELL_MS = 60_000
/** A child that has not stopped after this time is killed. */
const END_PATIENCE_MS = 20_000

export interface Supervised {
  /** Asks the child to stop and waits for it. */
  stop(): Promise<void>
  /** Resolves when it is not restarted: stopped, shut down by its manager or manually (status 0), or its command line is wrong. */
  readonly ended: Promise<{ exitCode: number }>
}

export interface SupervisedProgram {
  program: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  log: ServiceLogger
  now(): number
  /** What the child says over its channel; of a worker: WorkerNews. */
  onMessage?: ((message: unknown) => void) | undefined
}

/** What a supervised worker says of itself, whenever it changes. */
export const WorkerNews = Type.Object({
  /** Tasks that it runs now. */
  running: Type.Integer({ minimum: 0 }),
})
export type WorkerNews = Static<typeof WorkerNews>

/**
 * Starts the child, and restarts it on request or after a crash, with a growing pause while it keeps crashing. A child that was
 * shut down deliberately stays off.
 */
export function supervise(what: SupervisedProgram): Supervised {
  const stopping = new AbortController()
  let child: ChildProcess | undefined
  const ended = (async () => {
    for (let pauseMs = FIRST_PAUSE_MS; ;) {
      const startedAt = what.now()
      child = start(what)
      if (what.onMessage) child.on('message', what.onMessage)
      const exitCode = await exited(child)
      if (stopping.signal.aborted) return { exitCode }
      // The same command line would fail again, and a worker that was shut down must stay off.
      if (exitCode === EXIT.usage || exitCode === EXIT.done) return { exitCode }
      if (exitCode === RESTART_EXIT_CODE) continue
      if (what.now() - startedAt > WELL_MS) pauseMs = FIRST_PAUSE_MS
      what.log.warn({ exitCode, againInMs: pauseMs }, 'the worker ended and will be restarted')
      await sleep(pauseMs, undefined, { signal: stopping.signal }).catch(() => {})
      if (stopping.signal.aborted) return { exitCode }
      pauseMs = Math.min(LAST_PAUSE_MS, pauseMs * 2)
    }
  })()
  return {
    ended,
    async stop() {
      stopping.abort()
      const running = child
      if (running?.connected) running.disconnect()
      const force = setTimeout(() => running?.kill('SIGKILL'), END_PATIENCE_MS)
      await ended
      clearTimeout(force)
    },
  }
}

function start({ program, args, env }: SupervisedProgram): ChildProcess {
  return spawn(process.execPath, [...process.execArgv, program, ...args], {
    // This variable makes Electron's binary run the program as Node would.
    env: { ...env, [SUPERVISED]: '1', ...(process.versions['electron'] ? { ELECTRON_RUN_AS_NODE: '1' } : {}) },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    windowsHide: true,
  })
}

function exited(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(EXIT.failed))
    child.once('exit', (code) => resolve(code ?? EXIT.failed))
  })
}
