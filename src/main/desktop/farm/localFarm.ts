/**
 * A farm in this program: the manager in the main process, a worker process beside it. The manager's heavy work (compiling job
 * types, database, previews) runs in threads, so the window stays quick; `npm run bench:window` measures it.
 */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { openManager } from '../../cli/services/managerService.ts'
import { supervise, type Supervised } from '../../cli/services/supervisor.ts'
import type { FarmHost, LocalFarmOptions } from './host.ts'

/** With this file in the data folder the worker runs containers, too (docs/containers.md). */
const CONTAINER_CONFIG = 'containers.json'

/** @throws FailedError when the data folder is in use or cannot be used. A port that is taken is not fatal: any free one does. */
export async function openLocalFarm({ dataDir, port, programDir, log, env }: LocalFarmOptions): Promise<FarmHost> {
  const open = (at: number) => openManager({ dataDir, address: { host: '127.0.0.1', port: at }, trustLoopback: true, log })
  const manager = await open(port).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'port-taken') return open(0)
    throw error
  })
  const name = hostname().split('.')[0] || 'this-machine'
  const program = join(programDir, 'headless.js')
  const args = ['worker', '--manager', manager.url, '--data', join(dataDir, 'workers', name), `--name=${name}`, '--can-restart']
  const containers = join(dataDir, CONTAINER_CONFIG)
  if (existsSync(containers)) args.push('--container-config', containers)
  const hasWorker = existsSync(program)
  let worker: Supervised | undefined
  const startWorker = (): void => {
    if (!hasWorker || worker) return
    const started = supervise({ program, args, env, log, now: Date.now })
    worker = started
    // Shut down by its manager: it stays off until the user wants it again.
    void started.ended.then(() => {
      if (worker === started) worker = undefined
    })
  }
  startWorker()
  return {
    mode: 'here',
    origin: manager.url,
    managerUrl: manager.url,
    headers: {},
    workerName: hasWorker ? name : null,
    startWorker,
    cookie: null,
    async stop() {
      await worker?.stop()
      await manager.stop()
    },
  }
}
