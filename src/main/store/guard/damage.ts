/** Describes damage of the farm's files. Pure, apart from looking for a backup. */
import type { NewFault } from './faults.ts'
import { remedyFor } from './dataFolder.ts'

/** @param found what was found, a clause */
export async function databaseDamage(folder: string, file: string, found: string): Promise<NewFault> {
  return {
    kind: 'database-damaged',
    severity: 'error',
    message: `The database ${file} is damaged: ${found}.`,
    remedy: `Stop the manager before the damage spreads. ${await remedyFor(folder)}`,
  }
}

/** @param segments files and the problem of each */
export async function logDamage(folder: string, segments: readonly string[]): Promise<NewFault> {
  return {
    kind: 'logs-damaged',
    severity: 'warning',
    message: `Logs of tasks are damaged: ${segments.slice(0, 5).join('; ')}${segments.length > 5 ? `; and ${segments.length - 5} more` : ''}.`,
    remedy: `Only these logs are affected: jobs, tasks and frames are not. Check the disk. ${await remedyFor(folder)}`,
  }
}
