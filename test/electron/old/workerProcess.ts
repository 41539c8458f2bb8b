/** The worker of this machine, for the old runtime: on the system's Node. Replaces src/main/desktop/farm/workerProcess.ts. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { WorkerProcess, WorkerProcessOptions } from '../../../src/main/desktop/farm/workerProcess.ts'

export function workerProcess({ programDir, args, env }: WorkerProcessOptions): WorkerProcess {
  const node = env['FRAMEHOUSE_NODE']
  if (!node) throw new Error('FRAMEHOUSE_NODE does not name a Node')
  let child: ChildProcess | undefined
  let running = 0
  return {
    start() {
      if (child) return
      const started = spawn(node, [join(programDir, 'headless.js'), ...args], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        env: { ...env, FRAMEHOUSE_SUPERVISED: '1' },
      })
      child = started
      started.on('message', (message) => (running = (message as { running: number }).running))
      started.once('exit', () => {
        running = 0
        if (child === started) child = undefined
      })
    },
    async stop() {
      const ending = child
      if (!ending) return
      const ended = new Promise<void>((resolve) => ending.once('exit', () => resolve()))
      ending.kill('SIGTERM')
      await ended
    },
    isRunning: () => child !== undefined,
    isBusy: () => running > 0,
  }
}
