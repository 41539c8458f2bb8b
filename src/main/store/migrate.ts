/**
 * Brings a database to the program's schema: numbered SQL files, each applied once in a transaction of its own. A
 * database that is newer than the program is refused rather than guessed at.
 */
import type { Connection } from './connection.ts'

export interface Migration {
  version: number
  name: string
  sql: string
}

/** Vite folds the files into the bundle; under vitest and tsx the same call reads them from the folder. */
export function parseMigrations(files: Record<string, string>): Migration[] {
  return Object.entries(files)
    .map(([path, sql]) => {
      const match = /(\d{4})_([a-z0-9_]+)\.sql$/.exec(path)
      if (!match?.[1] || !match[2]) throw new Error(`migration file "${path}" is not named 0001_name.sql`)
      return { version: Number(match[1]), name: match[2], sql }
    })
    .sort((a, b) => a.version - b.version)
}

export async function migrate(connection: Connection, migrations: Migration[]): Promise<void> {
  const [row] = await connection.all<{ user_version: number }>('pragma user_version')
  const current = row?.user_version ?? 0
  const newest = migrations.at(-1)?.version ?? 0
  if (current > newest) {
    throw new Error(`the database has schema version ${current}, this program knows ${newest}: use a newer Framehouse`)
  }
  for (const migration of migrations.filter(({ version }) => version > current)) {
    await connection.exec(`begin immediate;\n${migration.sql}\n;pragma user_version = ${migration.version};\ncommit;`).catch(async (error: Error) => {
      await connection.exec('rollback').catch(() => undefined)
      throw new Error(`migration ${migration.version} (${migration.name}) failed: ${error.message}`)
    })
  }
}
