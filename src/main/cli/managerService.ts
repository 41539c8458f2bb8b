/** Starting a manager in this process, with the errors that a person at the command line can do something about. */
import { access, constants } from 'node:fs/promises'
import { VERSION } from '../../shared/version.ts'
import { showAddress, type Address } from './address.ts'
import type { Context } from './command.ts'
import { FailedError } from './errors.ts'
import type { ServiceLogger } from './logger.ts'
import { printJsonLine } from './output.ts'
import { makeFolders } from '../system/makeFolders.ts'

export interface RunningManager {
  /** Address of its API, as a client on this machine calls it. */
  url: string
  /** The encrypted door, where there is one: its address and the fingerprint (SHA-256) of its certificate. */
  tls: { url: string; fingerprint: string } | undefined
  stop(): Promise<void>
}

/** Where to listen for https, and the owner's certificate where the manager is not to make one. */
export type TlsSetup = Address & { files?: { certFile: string; keyFile: string } }

export interface ManagerSetup {
  dataDir: string
  address: Address
  tls?: TlsSetup | undefined
  trustLoopback: boolean
  log: ServiceLogger
}

/** @throws FailedError when a port is taken, or the data folder or the certificate cannot be used */
export async function openManager({ dataDir, address, tls, trustLoopback, log }: ManagerSetup): Promise<RunningManager> {
  await makeFolders(dataDir).catch((error: unknown) => {
    throw new FailedError(`the data folder ${dataDir} cannot be made: ${messageOf(error)}`, 'data-folder')
  })
  await access(dataDir, constants.R_OK | constants.W_OK).catch((error: unknown) => {
    throw unusable(dataDir, error)
  })
  // Loaded only here: a client command does not wait for what only a manager needs.
  const { CertificateError, startManager } = await import('../manager.ts')
  try {
    return await startManager({ dataDir, listen: address, ...(tls && { tls }), trustLoopback, log, version: VERSION })
  } catch (error) {
    if (error instanceof CertificateError) throw new FailedError(error.message, 'certificate')
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // Both doors fail in the same ways; where they share a port, it is the second that finds it taken.
    const isTls = tls !== undefined && error instanceof Error && 'port' in error && error.port === tls.port
    const [{ host }, option] = isTls ? [tls, '--tls'] : [address, '--listen']
    const where = showAddress(isTls ? tls : address)
    // The right to write does not say that a file can be made.
    if (code === 'SQLITE_CANTOPEN') throw unusable(dataDir, error)
    if (code === 'EADDRINUSE') throw new FailedError(`${where} is taken by another program; name another with ${option}`, 'port-taken')
    if (code === 'EACCES') throw new FailedError(`${where} may not be used: ${messageOf(error)}`, 'port-refused')
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      throw new FailedError(`nobody knows an address of "${host}"; ${option} wants one of this machine`, 'no-address')
    if (code === 'EADDRNOTAVAIL') throw new FailedError(`this machine has no address ${host}`, 'no-address')
    throw error
  }
}

/** Prints where the manager is to be reached, for people or for scripts. */
export function tellAddress({ terminal }: Context, { url, tls }: RunningManager, json: boolean): void {
  if (json) printJsonLine(terminal, { url, ...(tls && { tls: { url: tls.url, fingerprint: tls.fingerprint } }) })
  else terminal.out(`${url}\n${tls ? `${tls.url}  (certificate ${tls.fingerprint})\n` : ''}`)
}

function unusable(dataDir: string, error: unknown): FailedError {
  return new FailedError(`the data folder ${dataDir} cannot be written: ${messageOf(error)}`, 'data-folder')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
