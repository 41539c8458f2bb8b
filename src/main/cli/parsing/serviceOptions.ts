/** The options shared by manager, worker, both and demo, and the values derived from them. */
import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { DEFAULT_HOST, DEFAULT_PORT, DEFAULT_TLS_PORT, parseAddress, type Address } from '../services/address.ts'
import type { Context, Options } from './command.ts'
import { defaultDataFolder } from '../services/folders.ts'
import { LOG_LEVELS, makeLogger, type LogLevel, type ServiceLogger } from '../services/logger.ts'
import { UsageError } from '../errors.ts'
import type { TlsSetup } from '../services/managerService.ts'
import { choice, flag, integer, text, textOr, withDefault } from './options.ts'

export const DATA_OPTIONS = {
  data: text('DIR', 'data folder (default: the usual place of the system)', {
    env: 'FRAMEHOUSE_DATA',
    completes: 'folder',
  }),
} satisfies Options

export const LOG_OPTIONS = {
  'log-level': withDefault<LogLevel>('info', 'info', choice(LOG_LEVELS, 'minimum severity of logged messages')),
  'log-json': flag('log one JSON document per line'),
} satisfies Options

export const MANAGER_OPTIONS = {
  ...DATA_OPTIONS,
  listen: textOr(`${DEFAULT_HOST}:${DEFAULT_PORT}`, 'HOST:PORT', 'address to listen on; port 0 picks a free port', {
    env: 'FRAMEHOUSE_LISTEN',
  }),
  tls: text('HOST:PORT', 'also listen for https; creates a self-signed certificate unless --tls-cert names one', { env: 'FRAMEHOUSE_TLS' }),
  'tls-cert': text('FILE', 'certificate chain for https (PEM)', {
    env: 'FRAMEHOUSE_TLS_CERT',
    completes: 'file',
  }),
  'tls-key': text('FILE', 'private key for https (PEM)', { env: 'FRAMEHOUSE_TLS_KEY', completes: 'file' }),
  new: flag('start a new farm in a data folder whose farm is gone'),
  'trust-loopback': flag('require no token from programs on this machine, and no approval of its workers'),
} satisfies Options

export const COLONIES_OPTIONS = {
  'colonies-dev-keys': flag('answer Colonies clients, also those with the published development keys; only on loopback addresses'),
} satisfies Options

export const WORKER_OPTIONS = {
  name: text('NAME', "name of the worker (default: this machine's)", { env: 'FRAMEHOUSE_WORKER_NAME' }),
  slots: withDefault(1, '1', integer('N', 'concurrent tasks', { min: 1, max: 1024 })),
} satisfies Options

export function managerData(context: Context, given: string | undefined): string {
  return given === undefined ? baseFolder(context) : resolve(context.cwd, given)
}

/** Each worker has its own folder, so that several on one machine do not conflict. */
export function workerData(base: string, name: string): string {
  return join(base, 'workers', name.replace(/[^\w.-]+/g, '_') || 'worker')
}

export function baseFolder({ env }: Context): string {
  return defaultDataFolder(process.platform, env, homedir())
}

export function workerName(given: string | undefined): string {
  return given ?? (hostname() || 'worker')
}

export function listenAddress(given: string): Address {
  return parseAddress(given, '--listen')
}

/** The https address and certificate files; undefined: no https. @throws UsageError when certificate or key is missing */
export function tlsSetup(
  context: Pick<Context, 'cwd'>,
  { tls, 'tls-cert': cert, 'tls-key': key }: { tls?: string | undefined; 'tls-cert'?: string | undefined; 'tls-key'?: string | undefined },
): TlsSetup | undefined {
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key']
    throw new UsageError(`${given} requires ${missing}`, missing)
  }
  if (tls === undefined) {
    if (cert === undefined) return undefined
    throw new UsageError('--tls-cert requires --tls HOST:PORT', '--tls')
  }
  const files = cert !== undefined && key !== undefined && { certFile: resolve(context.cwd, cert), keyFile: resolve(context.cwd, key) }
  return { ...parseAddress(tls, '--tls', DEFAULT_TLS_PORT), ...(files && { files }) }
}

export function serviceLogger(context: Context, options: { 'log-level': LogLevel; 'log-json': boolean }): ServiceLogger {
  return makeLogger(context.terminal, { level: options['log-level'], json: options['log-json'], now: context.now })
}

/** Resolves when the program is asked to stop. */
export function stopAsked(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}
