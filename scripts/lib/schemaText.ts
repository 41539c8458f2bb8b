/** The schema of a new farm's database as text: what all migrations together come to. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startManager } from '../../src/main/manager.ts'
import { Connection } from '../../src/main/store/connection.ts'
import { silentLogger } from '../../src/shared/logger.ts'

/** Where it lies in the repository. */
export const SCHEMA_FILE = 'docs/internals/schema.sql'

const HEAD = `-- The database of a farm: tables with their indexes, triggers and views. Written by \`npm run schema\` after a change of a migration
-- (src/main/store/migrations); read it to see what the migrations add up to. Nothing reads it but people and one test.
`
// Indexes and triggers behind their table; tables in order of name.
const PARTS = `select sql from sqlite_master where sql is not null and name not like 'sqlite_%'
  order by tbl_name, case type when 'table' then 0 when 'view' then 0 when 'index' then 1 else 2 end, name`

/** Starts a manager on an empty folder, so that everything which makes tables has its turn. */
export async function schemaText(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-schema-'))
  try {
    const dataDir = join(folder, 'data')
    const listen = { host: '127.0.0.1', port: 0 }
    const manager = await startManager({ dataDir, listen, trustLoopback: true, log: silentLogger, version: '0.0.0' })
    await manager.stop()
    const database = await Connection.open(join(dataDir, 'framehouse.sqlite'), 'read')
    const parts = await database.all<{ sql: string }>(PARTS)
    await database.close()
    return `${HEAD}\n${parts.map(({ sql }) => `${sql};\n`).join('\n')}`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
