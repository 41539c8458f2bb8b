/**
 * A server of the API over a real database file, with an engine whose methods a test gives itself. For tests of what
 * stands around the engine: security, reading, errors. Whole managers are tested with startManager.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import type { TObject, TProperties } from 'typebox'
import { Value } from 'typebox/value'
import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../../src/main/http/context.ts'
import { buildServer, type ServerOptions } from '../../src/main/http/server.ts'
import type { FarmEngine } from '../../src/main/engine/base/farmEngine.ts'
import type { WorkerState } from '../../src/main/engine/base/model.ts'
import { silentLogger, type Logger } from '../../src/shared/logger.ts'
import { Security } from '../../src/main/security/security.ts'
import { SecretBox } from '../../src/main/security/secretBox.ts'
import { Connection, ReadPool } from '../../src/main/store/connection.ts'
import { nativeDialect } from '../../src/main/dialects/native/index.ts'
import { MIGRATIONS } from '../../src/main/store/openStore.ts'
import { migrate } from '../../src/main/store/migrate.ts'
import type { Writer } from '../../src/main/store/writer.ts'
import { FarmSettings } from '../../src/shared/schemas/settings.ts'

export interface TestServer {
  app: FastifyInstance
  context: ServerContext
  security: Security
  /** The writing connection, to arrange rows. */
  db: Connection
  /** http://127.0.0.1:PORT */
  url: string
  port: number
  folder: string
  settings: FarmSettings
  /** What was logged as an error. */
  errors: unknown[]
  close(): Promise<void>
}

export interface TestServerOptions extends Partial<ServerOptions> {
  /** What the engine answers; the rest of it is quiet. */
  farm?: FarmAnswers
  context?: Partial<ServerContext>
  now?: () => number
  /** An existing database file, left as it is; default: a new one in a temporary folder. */
  database?: string
  /** More routes, before the server listens. */
  extend?: (app: FastifyInstance) => void
}

export async function openTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-api-'))
  const file = options.database ?? join(folder, 'farm.sqlite')
  const db = options.database === undefined ? await openDatabase(file) : await Connection.open(file, 'write')
  const read = await ReadPool.open(file, 2)
  const now = options.now ?? Date.now
  const errors: unknown[] = []
  const log: Logger = { ...silentLogger, error: (facts) => errors.push(facts) }
  const settings = Value.Parse(FarmSettings, Value.Default(FarmSettings, {}))
  const listeners = new Set<(settings: FarmSettings) => void>()
  const store = {
    current: () => settings,
    schema: FarmSettings,
    // A test server has the settings of no dialect but their defaults.
    of: <P extends TProperties>(schema: TObject<P>) => Value.Parse(schema, Value.Default(schema, {})),
    async update(changes: Partial<FarmSettings>) {
      Object.assign(settings, changes)
      for (const listener of listeners) listener(settings)
      return settings
    },
    onChange(listener: (settings: FarmSettings) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const farm = fakeFarm(options.farm ?? {})
  const security = await Security.open({
    secrets: new SecretBox(Buffer.alloc(32)),
    read,
    write: serialised(db),
    farm,
    settings: store,
    now,
    log,
  })
  const context: ServerContext = {
    farm,
    read,
    writer: serialised(db),
    coloniesDevKeys: false,
    notifier: unavailable('notifier'),
    secrets: new SecretBox(Buffer.alloc(32)),
    settings: store,
    jobTypes: unavailable('jobTypes'),
    submission: unavailable('submission'),
    inspector: unavailable('inspector'),
    logs: unavailable('logs'),
    shaman: unavailable('shaman'),
    uploads: unavailable('uploads'),
    content: unavailable('content'),
    inputs: unavailable('inputs'),
    results: unavailable('results'),
    backups: unavailable('backups'),
    faults: { list: () => [] },
    listeners: { list: () => [], change: () => Promise.resolve() },
    farmAuthority: () => undefined,
    certifyGateway: () => Promise.reject(new Error('this server has no authority')),
    lastRendered: unavailable('lastRendered'),
    paths: { data: folder, previews: join(folder, 'previews'), scripts: join(folder, 'scripts'), storage: () => join(folder, 'storage') },
    log,
    now,
    version: '0.0.0-test',
    dialects: [nativeDialect],
    identity: { id: '3f0c3ab1-97a5-4b6e-9d52-0d1f6a0c7e55', key: '00'.repeat(32) },
    security,
    ...options.context,
  }
  const app = await buildServer(context, { trustLoopback: true, ...options })
  options.extend?.(app)
  await app.listen({ host: '127.0.0.1', port: 0 })
  // A TCP server's address is an object.
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    context,
    security,
    db,
    url: `http://127.0.0.1:${port}`,
    port,
    folder,
    settings,
    errors,
    async close() {
      await app.close()
      await security.close()
      await read.close()
      await db.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** A database file with the program's schema in it. */
export async function openDatabase(file: string): Promise<Connection> {
  const db = await Connection.open(file, 'write')
  await db.exec('pragma journal_mode = wal; pragma foreign_keys = on')
  await migrate(db, MIGRATIONS)
  return db
}

/** Transactions one after another, as the store's writer runs them. */
function serialised(db: Connection): Pick<Writer, 'exclusive'> {
  let last: Promise<unknown> = Promise.resolve()
  return {
    exclusive(run) {
      const next = last.then(async () => {
        await db.run('begin immediate')
        try {
          const value = await run(db)
          await db.run('commit')
          return value
        } catch (error) {
          await db.run('rollback')
          throw error
        }
      })
      last = next.catch(() => undefined)
      return next
    },
  }
}

interface FarmAnswers {
  findWorker?: FarmEngine['workers']['find']
  onAny?: FarmEngine['onAny']
}

/** An engine in which nothing happens but these answers; calling another method is an error that names it. */
function fakeFarm({ findWorker = () => undefined, onAny = () => () => undefined }: FarmAnswers): FarmEngine {
  return unavailable<FarmEngine>('farm', {
    workers: unavailable<FarmEngine['workers']>('farm.workers', { all: () => [], find: findWorker }),
    jobs: unavailable<FarmEngine['jobs']>('farm.jobs', { waitsOf: () => [], waiting: () => [] }),
    tags: unavailable<FarmEngine['tags']>('farm.tags', { all: () => [] }),
    limits: unavailable<FarmEngine['limits']>('farm.limits', { all: () => [] }),
    schedules: unavailable<FarmEngine['schedules']>('farm.schedules', { list: () => [] }),
    status: () => 'idle',
    on: () => () => undefined,
    onAny,
  })
}

/** Something that a test did not give: using it fails with its name. */
function unavailable<T extends object>(name: string, methods: Partial<T> = {}): T {
  // A proxy stands for the whole interface.
  return new Proxy(methods as T, {
    get(target, key) {
      if (key in target || typeof key === 'symbol' || key === 'then') return Reflect.get(target, key)
      throw new Error(`the test gives no ${name}.${key}`)
    },
  })
}

/** A worker as the engine has it in memory. */
export function workerState(changes: Partial<WorkerState>): WorkerState {
  return {
    id: 1,
    publicId: '11111111-1111-4111-8111-111111111111',
    namespaceId: 1,
    adapter: 'native',
    secretHash: '',
    machineId: null,
    name: 'worker',
    platform: 'linux',
    address: '127.0.0.1',
    software: '',
    status: 'awake',
    statusRequested: null,
    statusRequestLazy: false,
    canRestart: false,
    kinds: [],
    capabilities: {},
    folders: [],
    allowedFolders: [],
    person: '',
    isRenamed: false,
    capacity: 1,
    approvedAt: 0,
    lastSeenAt: null,
    reportSeq: 0,
    lastTaskId: null,
    tagIds: new Set(),
    sleepSchedule: null,
    createdAt: 0,
    updatedAt: 0,
    deletedAt: null,
    ...changes,
  }
}
