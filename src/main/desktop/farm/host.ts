/** Where the farm of the window is: in this program (localFarm.ts), or at another machine's manager (remoteFarm.ts). */
import type { ServiceLogger } from '../../cli/services/logger.ts'
import type { WindowMode } from '../../../shared/ipc.ts'
import type { WorkerProcess } from './workerProcess.ts'

export interface FarmHost {
  mode: WindowMode
  /** Origin of the page in the window. */
  origin: string
  /** Where the farm is now, for people and for the system's browser. */
  managerUrl(): string
  /** Address and headers for the shell's own requests. */
  apiUrl: string
  headers: Record<string, string>
  /** Name of the worker of this machine; null: none is run by this program. */
  workerName: string | null
  /** Starts the worker of this machine when it was shut down; else does nothing. */
  startWorker(): void
  /** The worker of a farm elsewhere, which is paused by ending its process: who renders for others need not be their admin. */
  ownWorker: WorkerProcess | null
  /** To be set on the window's session before the page is loaded. */
  cookie: { name: string; value: string } | null
  /** Whether the shell's last request was answered by the farm. */
  heard(isAnswered: boolean): void
  /** The machine slept. */
  wokeUp(): void
  stop(): Promise<void>
}

export interface LocalFarmOptions {
  dataDir: string
  /** Taken by another program: any free one. */
  port: number
  /** out/main of the build: the program of the worker is there. */
  programDir: string
  log: ServiceLogger
  env: NodeJS.ProcessEnv
}
