/** Where the farm of the window is: in this program (localFarm.ts), or at another machine's manager (remoteFarm.ts). */
import type { ServiceLogger } from '../../cli/services/logger.ts'

export interface FarmHost {
  mode: 'here' | 'elsewhere'
  /** Origin of the page in the window. */
  origin: string
  /** Address and headers for the shell's own requests. */
  managerUrl: string
  headers: Record<string, string>
  /** Name of the worker of this machine; null: none is run by this program. */
  workerName: string | null
  /** Starts the worker of this machine when it was shut down; else does nothing. */
  startWorker(): void
  /** To be set on the window's session before the page is loaded. */
  cookie: { name: string; value: string } | null
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
