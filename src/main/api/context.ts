/**
 * What every API dialect gets, and what each route must say about itself. The composition root (manager.ts) makes the
 * context; a dialect is a Fastify plugin `(app, context)`.
 */
import type {} from 'fastify'
import type { FarmEngine } from '../engine/farmEngine.ts'
import type { FarmSettings } from '../../shared/schemas/settings.ts'
import type { Access, Caller } from '../security/callers.ts'
import type { Backups } from '../store/backups.ts'
import type { ReadDatabase } from '../store/connection.ts'
import type { WorkerState } from '../engine/model.ts'
import type { JobTypeCatalog } from '../jobtypes/catalog.ts'
import type { Submission } from '../jobtypes/submission.ts'
import type { LogReader } from '../files/logReader.ts'
import type { LastRendered } from '../files/lastRendered.ts'
import type { Shaman } from '../files/shaman/shaman.ts'
import type { Uploads } from '../files/uploads.ts'
import type { Logger } from '../engine/logger.ts'
import type { Notifier } from '../notify/notifier.ts'
import type { SecretBox } from '../security/secretBox.ts'
import type { Security } from '../security/security.ts'
import type { Writer } from '../store/writer.ts'

/** Settings in memory; changing them validates, stores and tells listeners. */
export interface SettingsStore {
  current(): FarmSettings
  /** @throws InvalidInputError naming the key */
  update(changes: Partial<FarmSettings>): Promise<FarmSettings>
  onChange(listener: (settings: FarmSettings) => void): () => void
}

/** Folders of this manager. Absolute paths. */
export interface FarmPaths {
  /** `--data`: database, logs, previews. */
  data: string
  /** Previews and last-rendered images, by job. */
  previews: string
  /** Users' own job-type scripts. */
  scripts: string
  /** Shared storage: the setting, else `<data>/storage`. */
  storage(): string
}

export interface ApiContext {
  farm: FarmEngine
  read: ReadDatabase
  /** For tables of a dialect's own; those of the engine are written by the engine alone. */
  writer: Pick<Writer, 'exclusive'>
  settings: SettingsStore
  jobTypes: JobTypeCatalog
  submission: Submission
  logs: LogReader
  /** The content-addressed file store and its checkouts. */
  shaman: Shaman
  /** Files that people handed in by the browser. */
  uploads: Uploads
  backups: Backups
  /** Each job's newest image; `onImage` is to call farm.lastRendered. */
  lastRendered: LastRendered
  paths: FarmPaths
  /** Mails and webhooks. */
  notifier: Notifier
  /** Encrypts what must be stored and read again. */
  secrets: SecretBox
  log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  version: string
}

/** The context with who is who: accounts, tokens, the audit log. */
export interface ServerContext extends ApiContext {
  security: Security
}

/**
 * Who may call a route; every route says it in `config.access`, and a route without it does not start.
 * - `public`: anyone who can connect (version, health, login)
 * - `read`: viewer and up · `submit`: artist and up · `manage`: artist on own jobs, admin on all · `admin`
 * - `join`: a worker that registers: a key with scope worker, local trust, or the open switch
 * - `worker`: HTTP Basic with a worker's id and secret; `request.worker` is set
 */
export type { Access, Caller } from '../security/callers.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access
    /** Flamenco add-on and worker calls: allowed without a key while `openToLan` is on. */
    openToLan?: boolean
    /** Routes with access `join`: strangers may ask too; they wait for approval. */
    strangersMayAsk?: boolean
    /** HTTP Basic counts as well: any user name, a token as the password. */
    basic?: boolean
    /** A GET that a browser calls without headers of its own (images, downloads): `?ticket=` counts, see security/tickets.ts. */
    ticket?: 'media' | 'events'
    /** False: no entry in the audit log, for what changes nothing though it is no GET. */
    audit?: boolean
    /** True: texts are taken whatever characters they have: what programs printed, names that lie on disks. */
    anyText?: boolean
    /** False: the body is not kept in the audit log (passwords). */
    auditBody?: boolean
  }
  interface FastifyRequest {
    caller: Caller
    /** What a handler adds to the audit entry of this request: the id of what it made or each of the `ids` it acted on, a summary. */
    audited: { kind?: string; id?: string; ids?: readonly string[]; detail?: unknown } | null
    /** The authenticated worker on routes with access `worker`. */
    worker: WorkerState | null
  }
}
