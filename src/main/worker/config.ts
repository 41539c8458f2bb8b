/** The worker's settings and their defaults. */
import { hostname, totalmem } from 'node:os'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import type { ContainerConfig } from '../docker/config.ts'
import type { WarmAppLimits } from './contract/commands.ts'
import { parseManagerUrl } from './link/http.ts'
import type { Invitation } from './link/invitation.ts'
import type { AdapterName } from './link/probe.ts'

export interface WorkerConfig {
  /** `host`, `host:8080` or a URL; may have a path prefix such as `/k/KEY/`. Empty with `join`: the farm is looked for. */
  managerUrl: string
  /** With which it joins without approval, and by which it recognises the farm. */
  join?: Invitation | undefined
  /** SHA-256 of the manager's certificate, 64 hex digits with or without colons: no other certificate is accepted, not even on the first connection. */
  managerFingerprint?: string | undefined
  /** SHA-256 (base64url) of the token with which the window of this machine would sign in. */
  signInKey?: string | undefined
  /** Identity, report log and working folders. One worker per folder. */
  dataDir: string
  /** Shown in the farm; default: the host's name. At most 64 characters. */
  name?: string
  /** Concurrent attempts, 1 to 1024; default 1. */
  slots?: number
  /** `auto` (the default) asks the manager. */
  adapter?: AdapterName | 'auto'
  /** Kinds of tasks to take; default: all that this program supports. */
  kinds?: readonly string[]
  /** Program name → absolute path; takes precedence over PATH and the usual places. */
  programs?: Readonly<Record<string, string>>
  /** Niceness of child processes, 0 to 19; default 10, so that the person at the machine comes first. */
  nice?: number
  /** Linux: 0 to 1000; default 500, so that a render that exhausts the memory is killed before the desktop. Null: leave unchanged. */
  oomScoreAdjust?: number | null
  /** Whether a supervisor restarts the program after the manager requested a restart. */
  canRestart?: boolean
  /** Container engines and their permissions; without it the worker runs no containers. */
  containers?: ContainerConfig
  /** Folders in which the manager may open what this worker saved, once its admin has allowed them; absolute. */
  folders?: readonly string[]
  /** Warm applications (docs/sessions.md); false: a new process for every task. */
  sessions?: boolean | WarmAppSettings
}

/** Limits of warm applications. */
export interface WarmAppSettings {
  /** Closed after this many idle seconds; default 60. */
  readonly idleSeconds?: number | undefined
  /** Closed after this many frames; default 250. */
  readonly maxFrames?: number | undefined
  /** Closed when it uses more MiB than this after a task; default: three quarters of the machine's memory divided by `slots`. */
  readonly maxMemoryMb?: number | undefined
  /** Killed after this many seconds without output or processor time within a task; default 120, 0: never. */
  readonly hangSeconds?: number | undefined
}

/** Invalid configuration; `option` names the setting. */
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
  /** Undefined: the farm of `join` is looked for. */
  readonly url: URL | undefined
  readonly join: Invitation | undefined
  /** In Node's notation: pairs of capital hex digits with colons. */
  readonly fingerprint: string | undefined
  readonly signInKey: string | undefined
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
  readonly folders: readonly string[]
  /** Undefined: no application stays open. */
  readonly sessions: WarmAppLimits | undefined
}

const MAX_NAME = 64

/** @throws WorkerConfigError */
export function resolveConfig(config: WorkerConfig): ResolvedConfig {
  let url: URL | undefined
  try {
    url = config.join !== undefined && config.managerUrl === '' ? undefined : parseManagerUrl(config.managerUrl)
  } catch (error) {
    throw new WorkerConfigError('managerUrl', error instanceof Error ? error.message : String(error))
  }
  if (config.join !== undefined && url?.protocol === 'http:') {
    throw new WorkerConfigError('managerUrl', 'a join code counts only over TLS; the manager URL must begin with https://')
  }
  if (config.dataDir === '') throw new WorkerConfigError('dataDir', 'a data folder is required')
  const name = config.name?.trim() || hostname().slice(0, MAX_NAME) || 'worker'
  if (name.length > MAX_NAME) {
    throw new WorkerConfigError('name', `name must be at most ${MAX_NAME} characters, "${name}" has ${name.length}`)
  }
  const kinds = config.kinds?.map((kind) => kind.trim()).filter((kind) => kind !== '')
  if (kinds?.length === 0) throw new WorkerConfigError('kinds', 'kinds is empty; omit it to take all kinds of tasks')
  const dataDir = resolve(config.dataDir)
  const slots = integer('slots', config.slots ?? 1, 1, 1024)
  return Object.freeze({
    url,
    join: config.join,
    fingerprint: config.managerFingerprint === undefined ? undefined : parseFingerprint(config.managerFingerprint, url),
    signInKey: config.signInKey === undefined ? undefined : parseSignInKey(config.signInKey),
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
    folders: [...(config.folders ?? []), ...(config.containers?.folders ?? [])].map(parseFolder),
    sessions: resolveSessions(config.sessions ?? true, slots),
  })
}

function parseFingerprint(text: string, url: URL | undefined): string {
  const digits = text.replaceAll(':', '').toUpperCase()
  if (!/^[0-9A-F]{64}$/.test(digits)) {
    throw new WorkerConfigError('managerFingerprint', `fingerprint must be the SHA-256 of a certificate, 64 hex digits, not "${text}"`)
  }
  if (url?.protocol !== 'https:')
    throw new WorkerConfigError('managerFingerprint', 'fingerprint requires a manager URL that begins with https://')
  return digits.replace(/..(?=.)/g, '$&:')
}

function parseSignInKey(text: string): string {
  if (!/^[A-Za-z0-9_-]{43}$/.test(text)) throw new WorkerConfigError('signInKey', 'the sign-in key must be a SHA-256 in base64url')
  return text
}

function parseFolder(path: string): string {
  if (!isAbsolute(path)) throw new WorkerConfigError('folders', `"${path}" is no absolute path`)
  const folder = resolve(path)
  if (dirname(folder) === folder) throw new WorkerConfigError('folders', `"${path}" is a whole disk; name the folders that jobs write to`)
  return folder
}

function resolveSessions(sessions: boolean | WarmAppSettings, slots: number): WarmAppLimits | undefined {
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
