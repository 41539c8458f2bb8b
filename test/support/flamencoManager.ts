/**
 * A whole manager for tests of the Flamenco API: real database, engine, job types and HTTP on a free port. Time stands
 * still unless the test moves it, and nothing happens by the clock unless the test asks for it.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { flamencoDialect } from '../../src/main/api/flamenco/index.ts'
import { buildServer, type ServerContext } from '../../src/main/api/server.ts'
import { Farm } from '../../src/main/engine/farm.ts'
import { silentLogger, type Logger } from '../../src/main/engine/logger.ts'
import { createExpander, createTextExpander, valuesToVariables } from '../../src/main/engine/variables.ts'
import { LastRendered } from '../../src/main/files/lastRendered.ts'
import { Shaman } from '../../src/main/files/shaman/shaman.ts'
import { createJobTypeCatalog, shippedScriptsFolder } from '../../src/main/jobtypes/catalog.ts'
import { createSandbox } from '../../src/main/jobtypes/sandbox.ts'
import { createSubmission } from '../../src/main/jobtypes/submission.ts'
import { Security } from '../../src/main/security/security.ts'
import { openStore } from '../../src/main/store/farmStore.ts'
import { SegmentLogReader } from '../../src/main/store/segmentLogReader.ts'
import { StoredSettings } from '../../src/main/store/settingsStore.ts'
import type { FarmSettings } from '../../src/shared/schemas/settings.ts'

export interface FlamencoManager {
  url: string
  port: number
  folder: string
  context: ServerContext
  farm: Farm
  /** What was logged as an error: a test expects none. */
  errors: unknown[]
  /** Moves the farm's clock. */
  pass(ms: number): void
  close(): Promise<void>
}

export interface ManagerOptions {
  trustLoopback?: boolean
  settings?: Partial<FarmSettings>
}

export async function openFlamencoManager(options: ManagerOptions = {}): Promise<FlamencoManager> {
  const folder = await mkdtemp(join(tmpdir(), 'flamenco-api-'))
  const errors: unknown[] = []
  const log: Logger = { ...silentLogger, error: (facts, message) => errors.push({ message, ...facts }) }
  let passed = 0
  const now = () => Date.now() + passed

  const opened = await openStore({ dataDir: join(folder, 'data'), readConnections: 2, onFailure: (error) => errors.push(error) })
  const settings = await StoredSettings.open(opened.read, opened.writer, now)
  if (options.settings) await settings.update(options.settings)
  const paths = {
    data: join(folder, 'data'),
    previews: join(folder, 'data', 'previews'),
    scripts: join(folder, 'scripts'),
    storage: () => settings.current().sharedStoragePath || join(folder, 'storage'),
  }
  for (const path of [paths.previews, paths.scripts, paths.storage()]) await mkdir(path, { recursive: true })
  const host = () => ({ platform: 'linux', storagePath: paths.storage() })

  const shaman = new Shaman({ storage: paths.storage, settings: () => settings.current(), now, log })
  const farm = await Farm.start({
    store: opened.store,
    log,
    now,
    newId: randomUUID,
    settings: () => settings.current(),
    expandFor: (platform) => createExpander(settings.current(), 'workers', platform, host()),
    every: () => () => undefined,
    onPurge: async ({ checkoutId }) => {
      if (checkoutId !== null) await shaman.eraseCheckout(checkoutId)
    },
  })
  settings.onChange(() => farm.settingsChanged())
  const sandbox = createSandbox({ log })
  const jobTypes = createJobTypeCatalog({ folders: [paths.scripts, shippedScriptsFolder()], sandbox, log })
  const submission = createSubmission({
    catalog: jobTypes,
    farm,
    settings,
    variables: {
      fromValues: (values, platform) => valuesToVariables(values, settings.current(), platform, host()),
      toValue: (text) => createTextExpander(settings.current(), 'workers', 'linux', host())(text),
    },
    now,
    randomUuid: randomUUID,
  })
  const security = await Security.open({ read: opened.read, write: opened.writer, farm, settings, now, log })
  const context: ServerContext = {
    farm,
    read: opened.read,
    settings,
    jobTypes,
    submission,
    logs: new SegmentLogReader(opened.read, opened.logFolder),
    shaman,
    lastRendered: new LastRendered({ previews: paths.previews, log, onImage: (jobId) => farm.lastRendered(jobId) }),
    paths,
    log,
    now,
    version: '0.0.0-test',
    security,
  }
  const app = await buildServer(context, { trustLoopback: options.trustLoopback ?? true, dialects: [flamencoDialect] })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    folder,
    context,
    farm,
    errors,
    pass: (ms) => void (passed += ms),
    async close() {
      await app.close()
      await context.lastRendered.idle()
      await sandbox.stop()
      await farm.stop()
      await shaman.stop()
      await security.close()
      await opened.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
