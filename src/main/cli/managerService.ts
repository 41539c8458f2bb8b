/** Starting a manager in this process, with the errors that a person at the command line can do something about. */
import { access, constants } from 'node:fs/promises'
import { VERSION } from '../../shared/version.ts'
import { showAddress, type Address } from './address.ts'
import { FailedError } from './errors.ts'
import type { ServiceLogger } from './logger.ts'
import { makeFolders } from '../system/makeFolders.ts'

export interface RunningManager {
  /** Address of its API, as a client on this machine calls it. */
  url: string
  stop(): Promise<void>
}

export interface ManagerSetup {
  dataDir: string
  address: Address
  trustLoopback: boolean
  log: ServiceLogger
}

/** @throws FailedError when the port is taken or the data folder cannot be used */
export async function openManager({ dataDir, address, trustLoopback, log }: ManagerSetup): Promise<RunningManager> {
  await makeFolders(dataDir).catch((error: unknown) => {
    throw new FailedError(`the data folder ${dataDir} cannot be made: ${messageOf(error)}`, 'data-folder')
  })
  await access(dataDir, constants.R_OK | constants.W_OK).catch((error: unknown) => {
    throw unusable(dataDir, error)
  })
  // Loaded only here: a client command does not wait for what only a manager needs.
  const { startManager } = await import('../manager.ts')
  try {
    return await startManager({ dataDir, listen: address, trustLoopback, log, version: VERSION })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    const where = showAddress(address)
    // The right to write does not say that a file can be made.
    if (code === 'SQLITE_CANTOPEN') throw unusable(dataDir, error)
    if (code === 'EADDRINUSE') throw new FailedError(`${where} is taken by another program; name another with --listen`, 'port-taken')
    if (code === 'EACCES') throw new FailedError(`${where} may not be used: ${messageOf(error)}`, 'port-refused')
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      throw new FailedError(`nobody knows an address of "${address.host}"; --listen wants one of this machine`, 'no-address')
    if (code === 'EADDRNOTAVAIL') throw new FailedError(`this machine has no address ${address.host}`, 'no-address')
    throw error
  }
}

function unusable(dataDir: string, error: unknown): FailedError {
  return new FailedError(`the data folder ${dataDir} cannot be written: ${messageOf(error)}`, 'data-folder')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
