/**
 * Where the farm is: a manager in this process with a worker process beside it, or a manager elsewhere behind the gateway.
 * The manager's heavy work (compiling job types, database, previews) runs in its own threads, so the window stays quick.
 */
import { existsSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { openManager } from '../cli/managerService.ts'
import type { ServiceLogger } from '../cli/logger.ts'
import { supervise } from '../cli/supervisor.ts'
import { openGateway, type Gateway } from './gateway.ts'

export interface FarmHost {
  mode: 'here' | 'elsewhere'
  /** Origin of the page in the window. */
  origin: string
  /** Address and headers for the shell's own requests. */
  managerUrl: string
  headers: Record<string, string>
  /** Name of the worker of this machine; null: none is run by this program. */
  workerName: string | null
  /** To be set on the window's session before the page is loaded. */
  cookie: Gateway['cookie'] | null
  stop(): Promise<void>
}

export interface HereOptions {
  dataDir: string
  port: number
  /** out/main of the build: the program of the worker is there. */
  programDir: string
  log: ServiceLogger
  env: NodeJS.ProcessEnv
}

/** Starts manager and worker. A port that is taken by something else is not fatal: any free one does. */
export async function hostHere({ dataDir, port, programDir, log, env }: HereOptions): Promise<FarmHost> {
  const open = (at: number) => openManager({ dataDir, address: { host: '127.0.0.1', port: at }, trustLoopback: true, log })
  const manager = await open(port).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'port-taken') return open(0)
    throw error
  })
  const name = hostname().split('.')[0] || 'this-machine'
  const program = join(programDir, 'headless.js')
  const args = ['worker', '--manager', manager.url, '--data', join(dataDir, 'workers', name), `--name=${name}`, '--can-restart']
  const worker = existsSync(program) ? supervise({ program, args, env, log, now: Date.now }) : null
  return {
    mode: 'here',
    origin: manager.url,
    managerUrl: manager.url,
    headers: {},
    workerName: worker ? name : null,
    cookie: null,
    async stop() {
      await worker?.stop()
      await manager.stop()
    },
  }
}

export async function hostElsewhere(managerUrl: string, token: string, gui: string): Promise<FarmHost> {
  const gateway = await openGateway({ managerUrl, token, gui })
  return {
    mode: 'elsewhere',
    origin: gateway.url,
    managerUrl,
    headers: token ? { authorization: `Bearer ${token}` } : {},
    workerName: null,
    cookie: gateway.cookie,
    stop: () => gateway.close(),
  }
}
