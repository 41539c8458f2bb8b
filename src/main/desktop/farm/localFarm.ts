/**
 * A farm in this program: the manager in the main process, a worker process beside it. The manager's heavy work (compiling job
 * types, database, previews) runs in threads, so the window stays quick; `npm run bench:window` measures it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { openManager } from '../../cli/services/managerService.ts'
import type { FarmHost, LocalFarmOptions } from './host.ts'
import { machineName } from './machineName.ts'
import { workerProcess } from './workerProcess.ts'

/** With this file in the data folder the worker runs containers, too (docs/containers.md). */
const CONTAINER_CONFIG = 'containers.json'

/** @throws FailedError when the data folder is in use or cannot be used. A port that is taken is not fatal: any free one does. */
export async function openLocalFarm({ dataDir, port, programDir, log, env }: LocalFarmOptions): Promise<FarmHost> {
  const open = (at: number) => openManager({ dataDir, address: { host: '127.0.0.1', port: at }, trustLoopback: true, log })
  const manager = await open(port).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'port-taken') return open(0)
    throw error
  })
  const name = machineName()
  const args = ['worker', '--manager', manager.url, '--data', join(dataDir, 'workers', name), `--name=${name}`, '--can-restart']
  const containers = join(dataDir, CONTAINER_CONFIG)
  if (existsSync(containers)) args.push('--container-config', containers)
  const worker = workerProcess({ programDir, args, env, log })
  worker?.start()
  return {
    mode: 'here',
    origin: manager.url,
    managerUrl: () => manager.url,
    apiUrl: manager.url,
    headers: {},
    workerName: worker ? name : null,
    startWorker: () => worker?.start(),
    ownWorker: null,
    cookie: null,
    heard() {},
    wokeUp() {},
    async stop() {
      await worker?.stop()
      await manager.stop()
    },
  }
}
