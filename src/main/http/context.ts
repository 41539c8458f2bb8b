/**
 * What every API dialect receives, and what each route must declare about itself. The composition root (manager.ts)
 * creates the context; a dialect is a Fastify plugin `(app, context)`.
 */
import type { FarmIdentity } from '../store/farmIdentity.ts'
import type {} from 'fastify'
import type { Static, TObject, TProperties } from 'typebox'
import type { FarmEngine } from '../engine/base/farmEngine.ts'
import type { FarmSettings, SettingsChanges } from '../../shared/schemas/settings.ts'
import type { Access, Caller } from '../security/accounts/callers.ts'
import type { Dialect } from './dialect.ts'
import type { Listeners } from './listeners/listeners.ts'
import type { Backups } from '../store/backup/backups.ts'
import type { Faults } from '../store/guard/faults.ts'
import type { ReadDatabase } from '../store/connection.ts'
import type { WorkerState } from '../engine/base/model.ts'
import type { BlendInspector } from '../jobtypes/submission/blendInspector.ts'
import type { JobTypeCatalog } from '../jobtypes/scripts/catalog.ts'
import type { Submission } from '../jobtypes/submission/submission.ts'
import type { LogReader } from '../logs/logReader.ts'
import type { LastRendered } from '../files/lastRendered.ts'
import type { Shaman } from '../files/shaman/shaman.ts'
import type { Content } from '../files/content/content.ts'
import type { JobInputs } from '../files/inputs.ts'
import type { Results } from '../files/results/results.ts'
import type { Uploads } from '../files/uploads.ts'
import type { Logger } from '../../shared/logger.ts'
import type { Notifier } from '../notify/notifier.ts'
import type { SecretBox } from '../security/secretBox.ts'
import type { Endorsement } from '../system/farmTrust.ts'
import type { Security } from '../security/security.ts'
import type { Writer } from '../store/writer.ts'

/** Settings in memory; an update validates, stores and notifies listeners. */
export interface SettingsStore {
  current(): FarmSettings
  /** The farm's settings and those of the dialects. */
  readonly schema: TObject
  /** Settings of a dialect, by its schema. */
  of<P extends TProperties>(schema: TObject<P>): Static<TObject<P>>
  /** @throws InvalidInputError naming the key */
  update(changes: SettingsChanges): Promise<FarmSettings>
  onChange(listener: (settings: FarmSettings) => void): () => void
}

/** Folders of this manager, as absolute paths. */
export interface FarmPaths {
  /** `--data`: database, logs, previews. */
  data: string
  /** Previews and last-rendered images, by job. */
  previews: string
  /** Users' own job-type scripts. */
  scripts: string
  /** Shared storage: the setting, or `<data>/storage`. */
  storage(): string
}

export interface ApiContext {
  farm: FarmEngine
  read: ReadDatabase
  /** For tables that belong to a dialect; only the engine writes the engine's tables. */
  writer: Pick<Writer, 'exclusive'>
  settings: SettingsStore
  jobTypes: JobTypeCatalog
  submission: Submission
  /** Has workers inspect .blend files. */
  inspector: BlendInspector
  logs: LogReader
  /** The content-addressed file store and its checkouts. */
  shaman: Shaman
  /** Files that people uploaded in the browser. */
  uploads: Uploads
  /** The content-addressed store that Shaman, uploads and inputs of jobs share. */
  content: Content
  /** Input folders of jobs, from stored contents. */
  inputs: JobInputs
  /** What workers send home. */
  results: Results
  backups: Backups
  /** Problems with the manager's own disk and files. */
  faults: Pick<Faults, 'list'>
  /** Each job's newest image; connect `onImage` to farm.lastRendered. */
  lastRendered: LastRendered
  paths: FarmPaths
  /** Email and webhooks. */
  notifier: Notifier
  /** Encrypts what must be stored and read back. */
  secrets: SecretBox
  log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  version: string
  identity: FarmIdentity
  /** Where it listens. */
  listeners: Pick<Listeners, 'list' | 'change'>
  /** The farm's certificate authority; undefined: it is not usable. */
  farmAuthority(): FarmAuthority | undefined
  /** A certificate of the farm's authority for a worker's gateway. @throws InvalidInputError, UnavailableError */
  certifyGateway(domain: string, publicKey: string): Promise<string>
}

/** What everyone may know of the farm's certificate authority. */
export interface FarmAuthority {
  /** PEM. */
  certificate: string
  /** SHA-256 of its public key, hex with colons. */
  fingerprint: string
  endorsements: readonly Endorsement[]
}

/** The context with identities: accounts, tokens, the audit log. */
export interface ServerContext extends ApiContext {
  security: Security
  /** Identities whose private keys are published are accepted (`--colonies-dev-keys`). */
  coloniesDevKeys: boolean
  /** The API families of this server. */
  dialects: readonly Dialect[]
}

/**
 * The access that a route requires. Every route declares it in `config.access`; the server does not start with a route
 * that has none.
 * - `public`: anyone who can connect (version, health, login)
 * - `read`: viewer and up · `submit`: artist and up · `manage`: artist on own jobs, admin on all · `admin`
 * - `join`: a worker that registers: a key with scope worker, local trust, or the open switch
 * - `worker`: HTTP Basic with a worker's id and secret; `request.worker` is set
 */
export type { Access } from '../security/accounts/callers.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route of the server, as declared. */
    declaredRoutes: readonly RouteOptions[]
  }
  interface FastifyContextConfig {
    access?: Access
    /** Flamenco add-on and worker calls: allowed without a key while `openToLan` is on. */
    openToLan?: boolean
    /** Routes with access `join`: unknown callers may register too; they wait for approval. */
    strangersMayAsk?: boolean
    /**
     * Routes with access `worker`: callers that are not workers, or no longer, get the route's reply for strangers
     * instead of an error.
     */
    answersStrangers?: boolean
    /** HTTP Basic is accepted as well: any user name, a token as the password. */
    basic?: boolean
    /**
     * A GET that a browser calls without its own headers (images, downloads): `?ticket=` is accepted, see
     * security/tokens/tickets.ts.
     */
    ticket?: 'media' | 'events'
    /** False: no audit entry, for a non-GET route that changes nothing. */
    audit?: boolean
    /** True: texts may contain any characters: output of programs, names of files on disk. */
    anyText?: boolean
    /** False: the audit log does not store the body (passwords). */
    auditBody?: boolean
  }
  interface FastifyRequest {
    caller: Caller
    /**
     * What a handler adds to the audit entry of this request: the id of what it created or each of the `ids` it acted
     * on, and a summary.
     */
    audited: { kind?: string; id?: string; ids?: readonly string[]; detail?: unknown } | null
    /** The authenticated worker on routes with access `worker`. */
    worker: WorkerState | null
  }
}
