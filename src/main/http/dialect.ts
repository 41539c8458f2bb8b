/**
 * An API family: everything that the farm needs to know about one, in one value. A dialect is one folder under
 * dialects/ and one line in manager.ts. How to write one: docs/internals/dialects.md.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TProperties } from 'typebox'
import type { HandOut } from '../engine/base/handOut.ts'
import type { Handler } from '../notify/deliveries.ts'
import type { MigrationSeries } from '../store/migrate.ts'
import type { SideRowWriters } from '../store/sideRows.ts'
import type { ServerContext } from './context.ts'
import type { ErrorForm } from './errors.ts'

/** The dialect's texts in the GUI, in one language. */
export interface DialectWords {
  title: string
  summary: string
  /** A label for each setting, and a hint where the label is not enough. */
  settings: Readonly<Record<string, { label: string; hint?: string }>>
}

/** An API family: its settings and tables, its error format and its routes. */
export interface Dialect {
  /** The origin of its jobs, the name of its migrations, and the prefix of its outbox kinds (`name:task-ended`). */
  name: string
  /** Whether errors at this address (path with query) use this dialect's format. */
  owns(url: string): boolean
  error: ErrorForm
  /** The one spelling of an address (path with query) that its routes are declared under; others are left as they are. */
  rewrite?(url: string): string
  /** The dialect's own settings, beside the farm's; each has a default. Read with `context.settings.of(schema)`. */
  settings?: TProperties
  /** A switch among its settings that lets in every caller that can connect: while it is on, listeners that other machines reach are refused. */
  loopbackOnlySetting?: string
  /** The key of its owner: makes one, and names the setting that holds its public half, `value`. */
  ownerKey?: { setting: string; make(): { secret: string; value: string } }
  /** The dialect's own tables, a migration series beside the store's. */
  migrations?: MigrationSeries
  /** Rows that are stored in the transaction that publishes a job or its new tasks, by kind (CompiledJob.sideRows). */
  sideRows?: SideRowWriters
  /**
   * Rows that are stored in the commit of an appended task, by kind (AppendedTask.row): SQL that reads a JSON array of
   * [task id, job id, …values] from `jsonb_each(:rows)`.
   */
  appendedRows?: Readonly<Record<string, string>>
  /** Texts for the GUI's settings page, by language; a dialect without them does not appear there. */
  words?: Readonly<{ en: DialectWords } & Record<string, DialectWords>>
  /** Creates the running parts, once per start of the manager. */
  open(context: ServerContext): DialectParts
}

/** @param app a scope below `/api/v1` */
export type NativePart = (app: FastifyInstance) => void | Promise<void>

export interface DialectParts {
  /**
   * Registers the routes under full paths, each with its access in `config`. The scope is the dialect's own: errors use
   * its format. `natives` are what the dialects have for the native API, which that one registers.
   */
  register(app: FastifyInstance, natives: readonly NativePart[]): void | Promise<void>
  /**
   * Registers routes of the native API about what is the dialect's own, for the window and for scripts with an account
   * of the farm: with the native addresses, errors and description.
   */
  native?: NativePart
  /** Registers its WebSockets, routes with { websocket: true }. */
  sockets?(app: FastifyInstance): void | Promise<void>
  /** The handlers of its outbox entries, by kind. */
  outboxHandlers?: Readonly<Record<string, Handler>>
  /** By kind of its tasks: what is decided as one is handed out to a worker. */
  handOut?: Readonly<Record<string, HandOut>>
  /** The reply of `/` to clients that are not browsers. */
  root?(request: FastifyRequest, reply: FastifyReply): unknown
}
