/**
 * A worker in a process of its own, started and kept alive by `both` and `demo`: rendering then never takes the manager's
 * time, and a worker that dies does not take the manager along. The child ends when its IPC channel closes, so it cannot
 * outlive this process, however that one ends.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { EXIT } from './errors.ts'
import type { ServiceLogger } from './logger.ts'

/** Set in the environment of a supervised child; it then ends with its IPC channel. */
export const SUPERVISED = 'FRAMEHOUSE_SUPERVISED'
/** Exit code of a worker that its manager asked to restart (the same as EX_TEMPFAIL, which service managers know). */
export const RESTART_EXIT_CODE = 75

const FIRST_PAUSE_MS = 500
const LAST_PAUSE_MS = 30_000
/** A child that ran this long was well: the next pause is short again. */
const WELL_MS = 60_000
/** After this, a child that was asked to end is ended. */
const END_PATIENCE_MS = 20_000

export interface Supervised {
  /** Asks the child to end and waits for it. */
  stop(): Promise<void>
  /** Resolves when it is not started again: stopped, shut down by its manager or by hand (status 0), or its command line is wrong. */
  readonly ended: Promise<{ exitCode: number }>
}

export interface SupervisedProgram {
  program: string
  args: readonly string[]
  env: NodeJS.ProcessEnv
  log: ServiceLogger
  now(): number
}

/**
 * Starts the child, and again when it was asked to restart or died, then after a pause that grows while it keeps dying. A child that
 * ended because somebody wanted it to stays off.
 */
export function supervise(what: SupervisedProgram): Supervised {
  const stopping = new AbortController()
  let child: ChildProcess | undefined
  const ended = (async () => {
    for (let pauseMs = FIRST_PAUSE_MS; ;) {
      const startedAt = what.now()
      child = start(what)
      const exitCode = await exited(child)
      if (stopping.signal.aborted) return { exitCode }
      // The same command line would be wrong again; and who was shut down is not wanted now.
      if (exitCode === EXIT.usage || exitCode === EXIT.done) return { exitCode }
      if (exitCode === RESTART_EXIT_CODE) continue
      if (what.now() - startedAt > WELL_MS) pauseMs = FIRST_PAUSE_MS
      what.log.warn({ exitCode, againInMs: pauseMs }, 'the worker ended and is started again')
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
    // Electron's own binary runs our program as Node would when it is told so.
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
