/** The worker's settings: what may be left out, and what is taken then. */
import { hostname, totalmem } from 'node:os'
import { join, resolve } from 'node:path'
import type { ContainerConfig } from '../docker/config.ts'
import type { SessionLimits } from './commands/types.ts'
import { parseManagerUrl } from './http.ts'
import type { AdapterName } from './probe.ts'

export interface WorkerConfig {
  /** `host`, `host:8080` or a URL; may have a path prefix such as `/k/KEY/`. */
  managerUrl: string
  /** The manager's certificate by its SHA-256, 64 hex digits with or without colons: no other is accepted, not at the first time either. */
  managerFingerprint?: string | undefined
  /** Identity, outbox and working folders. One worker per folder. */
  dataDir: string
  /** Shown in the farm; default: the host's name. At most 64 characters. */
  name?: string
  /** Attempts at once, 1 to 1024; default 1. */
  slots?: number
  /** `auto` (the default) asks the manager what it is. */
  adapter?: AdapterName | 'auto'
  /** Kinds of tasks to take; default: all that this program can run. */
  kinds?: readonly string[]
  /** Program name → absolute path, over PATH and the usual places. */
  programs?: Readonly<Record<string, string>>
  /** Niceness of what is run, 0 to 19; default 10, so that somebody working at the machine comes first. */
  nice?: number
  /** Linux: 0 to 1000; default 500, so that a render that eats all memory is ended before the desktop is. Null: leave alone. */
  oomScoreAdjust?: number | null
  /** Whether something starts the program again after the manager asked it to restart. */
  canRestart?: boolean
  /** Engines for containers and what they may do; without it the worker runs none. */
  containers?: ContainerConfig
  /** Applications that stay open between tasks of a job (docs/sessions.md); false: a fresh process for every task. */
  sessions?: boolean | SessionSettings
}

/** What may be set about applications that stay open. */
export interface SessionSettings {
  /** Closed when no task came for so many seconds; default 60. */
  readonly idleSeconds?: number | undefined
  /** Closed after so many frames; default 250. */
  readonly maxFrames?: number | undefined
  /** Closed when it holds more MiB than this after a task; default: three quarters of the machine's memory over `slots`. */
  readonly maxMemoryMb?: number | undefined
  /** Ended when it says and does nothing for so many seconds within a task; default 120, 0: never. */
  readonly hangSeconds?: number | undefined
}

/** Wrong configuration; `option` names the setting. */
export class WorkerConfigError extends Error {
  override readonly name = 'WorkerConfigError'
  constructor(
    readonly option: string,
    message: string,
  ) {
    super(message)
  }
}

export interface ResolvedConfig {
  readonly url: URL
  /** As Node writes it: pairs of capital hex digits with colons. */
  readonly fingerprint: string | undefined
  readonly dataDir: string
  readonly workRoot: string
  readonly name: string
  readonly slots: number
  readonly adapter: AdapterName | 'auto'
  readonly kinds: readonly string[] | undefined
  readonly programs: Readonly<Record<string, string>>
  readonly nice: number
  readonly oomScoreAdjust: number | null
  readonly canRestart: boolean
  readonly containers: ContainerConfig | undefined
  /** Undefined: no application stays open. */
  readonly sessions: SessionLimits | undefined
}

const MAX_NAME = 64

/** @throws WorkerConfigError */
export function resolveConfig(config: WorkerConfig): ResolvedConfig {
  let url: URL
  try {
    url = parseManagerUrl(config.managerUrl)
  } catch (error) {
    throw new WorkerConfigError('managerUrl', error instanceof Error ? error.message : String(error))
  }
  if (config.dataDir === '') throw new WorkerConfigError('dataDir', 'a data folder is needed')
  const name = config.name?.trim() || hostname().slice(0, MAX_NAME) || 'worker'
  if (name.length > MAX_NAME) {
    throw new WorkerConfigError('name', `name must be at most ${MAX_NAME} characters, "${name}" has ${name.length}`)
  }
  const kinds = config.kinds?.map((kind) => kind.trim()).filter((kind) => kind !== '')
  if (kinds?.length === 0) throw new WorkerConfigError('kinds', 'kinds names no kind of task; leave it out to take all')
  const dataDir = resolve(config.dataDir)
  const slots = integer('slots', config.slots ?? 1, 1, 1024)
  return Object.freeze({
    url,
    fingerprint: config.managerFingerprint === undefined ? undefined : parseFingerprint(config.managerFingerprint, url),
    dataDir,
    workRoot: join(dataDir, 'work'),
    name,
    slots,
    adapter: config.adapter ?? 'auto',
    kinds,
    programs: config.programs ?? {},
    nice: integer('nice', config.nice ?? 10, 0, 19),
    oomScoreAdjust: config.oomScoreAdjust === null ? null : integer('oomScoreAdjust', config.oomScoreAdjust ?? 500, 0, 1000),
    canRestart: config.canRestart ?? false,
    containers: config.containers,
    sessions: resolveSessions(config.sessions ?? true, slots),
  })
}

function parseFingerprint(text: string, url: URL): string {
  const digits = text.replaceAll(':', '').toUpperCase()
  if (!/^[0-9A-F]{64}$/.test(digits)) {
    throw new WorkerConfigError('managerFingerprint', `fingerprint must be the SHA-256 of a certificate, 64 hex digits, not "${text}"`)
  }
  if (url.protocol !== 'https:')
    throw new WorkerConfigError('managerFingerprint', 'fingerprint needs a manager URL that begins with https://')
  return digits.replace(/..(?=.)/g, '$&:')
}

function resolveSessions(sessions: boolean | SessionSettings, slots: number): SessionLimits | undefined {
  if (sessions === false) return undefined
  const { idleSeconds = 60, maxFrames = 250, maxMemoryMb, hangSeconds = 120 } = sessions === true ? {} : sessions
  const share = Math.max(1, Math.floor((totalmem() * 0.75) / slots / MEBIBYTE))
  return Object.freeze({
    idleMs: integer('sessions.idleSeconds', idleSeconds, 1, 86_400) * 1000,
    maxFrames: integer('sessions.maxFrames', maxFrames, 1, 1_000_000),
    maxMemoryBytes: integer('sessions.maxMemoryMb', maxMemoryMb ?? share, 1, 100_000_000) * MEBIBYTE,
    hangMs: integer('sessions.hangSeconds', hangSeconds, 0, 86_400) * 1000,
  })
}

const MEBIBYTE = 1024 * 1024

function integer(option: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new WorkerConfigError(option, `${option} must be a whole number from ${min} to ${max}, not ${value}`)
}
