/** Starts a manager in this process, and explains the errors that the user can fix. */
import { access, constants } from 'node:fs/promises'
import { VERSION } from '../../../shared/version.ts'
import { showAddress, type Address } from './address.ts'
import type { Context } from '../parsing/command.ts'
import { FailedError } from '../errors.ts'
import type { ServiceLogger } from './logger.ts'
import { printJsonLine } from '../output/output.ts'
import type { KnownFarms } from './knownFarms.ts'
import { ensureDir } from '../../system/ensureDir.ts'

export interface RunningManager {
  /** Address of its API for clients on this machine. */
  url: string
  /** The https listener, if there is one: its address and the SHA-256 fingerprint of its certificate. */
  tls: { url: string; fingerprint: string } | undefined
  /** Resolves when the database is no longer writable and only a restart may help. */
  broken: Promise<void>
  stop(): Promise<void>
}

/** The https address, and the owner's certificate unless the manager creates one. */
export type TlsSetup = Address & { files?: { certFile: string; keyFile: string } }

export interface ManagerSetup {
  dataDir: string
  address: Address
  tls?: TlsSetup | undefined
  trustLoopback: boolean
  /** Colonies' published development keys are allowed; openManager refuses addresses that are not loopback ones. */
  coloniesDevKeys?: boolean
  log: ServiceLogger
  /** Remembers which folders held a farm; without it nothing is checked. */
  known?: KnownFarms
  /** A new farm may begin where one was. */
  beginsNew?: boolean
}

/** @throws FailedError when a port is in use, or the data folder or the certificate is unusable */
export async function openManager(setup: ManagerSetup): Promise<RunningManager> {
  const { dataDir, address, tls, trustLoopback, coloniesDevKeys = false, log, known, beginsNew } = setup
  if (beginsNew !== true) await known?.assertNotGone(dataDir)
  await ensureDir(dataDir).catch((error: unknown) => {
    throw new FailedError(`the data folder ${dataDir} cannot be created: ${messageOf(error)}`, 'data-folder')
  })
  await access(dataDir, constants.R_OK | constants.W_OK).catch((error: unknown) => {
    throw unusable(dataDir, error)
  })
  // Loaded on demand: client commands must not wait for modules that only a manager needs.
  const { CertificateError, DataFolderError, LoopbackOnlyError, startManager } = await import('../../manager.ts')
  try {
    const running = await startManager({
      dataDir,
      listen: address,
      ...(tls && { tls }),
      trustLoopback,
      coloniesDevKeys,
      log,
      version: VERSION,
    })
    await known?.note(dataDir, Date.now())
    return running
  } catch (error) {
    if (error instanceof DataFolderError) throw new FailedError(error.message, 'data-damaged')
    if (error instanceof CertificateError) throw new FailedError(error.message, 'certificate')
    if (error instanceof LoopbackOnlyError) throw new FailedError(error.message, 'loopback-only')
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // Both listeners fail in the same ways; when they share a port, the second one reports it as taken.
    const isTls = tls !== undefined && error instanceof Error && 'port' in error && error.port === tls.port
    const [{ host }, option] = isTls ? [tls, '--tls'] : [address, '--listen']
    const where = showAddress(isTls ? tls : address)
    // Write permission does not guarantee that a file can be created.
    if (code === 'SQLITE_CANTOPEN') throw unusable(dataDir, error)
    if (code === 'EADDRINUSE') throw new FailedError(`${where} is in use by another program; choose another with ${option}`, 'port-taken')
    if (code === 'EACCES') throw new FailedError(`${where} cannot be used: ${messageOf(error)}`, 'port-refused')
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      throw new FailedError(`cannot resolve "${host}"; ${option} requires an address of this machine`, 'no-address')
    if (code === 'EADDRNOTAVAIL') throw new FailedError(`this machine has no address ${host}`, 'no-address')
    throw error
  }
}

/** Prints the manager's address, for people or for scripts. */
export function tellAddress({ terminal }: Context, { url, tls }: RunningManager, json: boolean): void {
  if (json) printJsonLine(terminal, { url, ...(tls && { tls: { url: tls.url, fingerprint: tls.fingerprint } }) })
  else terminal.out(`${url}\n${tls ? `${tls.url}  (certificate ${tls.fingerprint})\n` : ''}`)
}

function unusable(dataDir: string, error: unknown): FailedError {
  return new FailedError(`the data folder ${dataDir} is not writable: ${messageOf(error)}`, 'data-folder')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
