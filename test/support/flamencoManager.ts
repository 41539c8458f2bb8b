/** A whole manager for tests of the Flamenco API: real database, engine, job types and HTTP on a free port of loopback. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ServerContext } from '../../src/main/http/context.ts'
import { silentLogger, type Logger } from '../../src/shared/logger.ts'
import { startManager } from '../../src/main/manager.ts'
import type { SettingsChanges } from '../../src/shared/schemas/settings.ts'

export interface FlamencoManager {
  url: string
  port: number
  folder: string
  context: ServerContext
  /** What was logged as an error: a test expects none. */
  errors: unknown[]
  /** Moves the farm's clock forward. */
  pass(ms: number): void
  close(): Promise<void>
}

export interface ManagerOptions {
  /** False: as on a LAN, callers on this machine are not special. */
  trustLoopback?: boolean
  settings?: SettingsChanges
}

export async function openFlamencoManager(options: ManagerOptions = {}): Promise<FlamencoManager> {
  const folder = await mkdtemp(join(tmpdir(), 'flamenco-api-'))
  const errors: unknown[] = []
  const log: Logger = { ...silentLogger, error: (facts, message) => errors.push({ message, ...facts }) }
  let passed = 0
  const manager = await startManager({
    dataDir: join(folder, 'data'),
    listen: { host: '127.0.0.1', port: 0 },
    trustLoopback: options.trustLoopback ?? true,
    log,
    version: '0.0.0-test',
    now: () => Date.now() + passed,
  })
  if (options.settings) await manager.context.settings.update(options.settings)
  return {
    url: manager.url,
    port: manager.port,
    folder,
    context: manager.context,
    errors,
    pass: (ms) => void (passed += ms),
    async close() {
      await manager.context.lastRendered.idle()
      await manager.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
