/** A supervised worker for a manager on this machine. */
import type { Context } from '../parsing/command.ts'
import type { ServiceLogger } from './logger.ts'
import { workerData } from '../parsing/serviceOptions.ts'
import { supervise, type Supervised } from './supervisor.ts'

export interface WorkerSetup {
  managerUrl: string
  /** The manager's data folder, which contains the worker's. */
  base: string
  name: string
  slots: number
  /** Additional options of `framehouse worker`. */
  moreArgs?: readonly string[]
  logArgs: readonly string[]
  log: ServiceLogger
}

export function superviseWorker(context: Context, { managerUrl, base, name, slots, moreArgs = [], logArgs, log }: WorkerSetup): Supervised {
  const where = ['--manager', managerUrl, '--data', workerData(base, name)]
  const args = ['worker', ...where, `--name=${name}`, '--slots', String(slots), '--can-restart', ...moreArgs, ...logArgs]
  return supervise({ program: context.program, args, env: context.env, log, now: context.now })
}
