/** The options that manager, worker, both and demo share, and what is made of them. */
import { homedir, hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { DEFAULT_HOST, DEFAULT_PORT, DEFAULT_TLS_PORT, parseAddress, type Address } from './address.ts'
import type { Context, Options } from './command.ts'
import { defaultDataFolder } from './folders.ts'
import { LOG_LEVELS, makeLogger, type LogLevel, type ServiceLogger } from './logger.ts'
import { UsageError } from './errors.ts'
import type { TlsSetup } from './managerService.ts'
import { choice, flag, integer, text, textOr, withDefault } from './options.ts'

export const DATA_OPTIONS = {
  data: text('DIR', 'folder for everything it keeps (default: the usual place of this system)', {
    env: 'FRAMEHOUSE_DATA',
    completes: 'folder',
  }),
} satisfies Options

export const LOG_OPTIONS = {
  'log-level': withDefault<LogLevel>('info', 'info', choice(LOG_LEVELS, 'how much it tells')),
  'log-json': flag('log one JSON document a line'),
} satisfies Options

export const MANAGER_OPTIONS = {
  ...DATA_OPTIONS,
  listen: textOr(`${DEFAULT_HOST}:${DEFAULT_PORT}`, 'HOST:PORT', 'where to listen; port 0 takes any free one', {
    env: 'FRAMEHOUSE_LISTEN',
  }),
  tls: text('HOST:PORT', 'listen for https, too; makes itself a certificate unless --tls-cert names one', { env: 'FRAMEHOUSE_TLS' }),
  'tls-cert': text('FILE', 'certificate for https, with those that lead to its authority (PEM)', {
    env: 'FRAMEHOUSE_TLS_CERT',
    completes: 'file',
  }),
  'tls-key': text('FILE', 'its key (PEM)', { env: 'FRAMEHOUSE_TLS_KEY', completes: 'file' }),
  'trust-loopback': flag('programs on this machine need no token, and its workers no approval'),
} satisfies Options

export const WORKER_OPTIONS = {
  name: text('NAME', "name of the worker (default: this machine's)", { env: 'FRAMEHOUSE_WORKER_NAME' }),
  slots: withDefault(1, '1', integer('N', 'tasks at once', { min: 1, max: 1024 })),
} satisfies Options

export function managerData(context: Context, given: string | undefined): string {
  return given === undefined ? baseFolder(context) : resolve(context.cwd, given)
}

/** Each worker has a folder of its own, so that several on one machine do not mix. */
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

/** Where and with what to listen for https; undefined: nowhere. @throws UsageError when half of a certificate is named */
export function tlsSetup(
  context: Pick<Context, 'cwd'>,
  { tls, 'tls-cert': cert, 'tls-key': key }: { tls?: string | undefined; 'tls-cert'?: string | undefined; 'tls-key'?: string | undefined },
): TlsSetup | undefined {
  if ((cert === undefined) !== (key === undefined)) {
    const [given, missing] = cert === undefined ? ['--tls-key', '--tls-cert'] : ['--tls-cert', '--tls-key']
    throw new UsageError(`${given} needs ${missing} as well`, missing)
  }
  if (tls === undefined) {
    if (cert === undefined) return undefined
    throw new UsageError('--tls-cert needs --tls HOST:PORT as well', '--tls')
  }
  const files = cert !== undefined && key !== undefined && { certFile: resolve(context.cwd, cert), keyFile: resolve(context.cwd, key) }
  return { ...parseAddress(tls, '--tls', DEFAULT_TLS_PORT), ...(files && { files }) }
}

export function serviceLogger(context: Context, options: { 'log-level': LogLevel; 'log-json': boolean }): ServiceLogger {
  return makeLogger(context.terminal, { level: options['log-level'], json: options['log-json'], now: context.now })
}

/** Resolves when the program was asked to stop. */
export function stopAsked(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
}
