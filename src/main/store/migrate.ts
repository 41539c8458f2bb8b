/**
 * Migrates a database to the program's schema: numbered SQL files, each applied once in its own transaction. The store
 * has a series, and each dialect with tables of its own has another. A database that is newer than the program is
 * refused rather than guessed at.
 */
import type { Connection } from './connection.ts'

export interface Migration {
  version: number
  name: string
  sql: string
}

/** The migrations of a dialect. */
export interface MigrationSeries {
  migrations: readonly Migration[]
  /**
   * The version of a database from before the dialect had its own series: the last migration whose tables it already
   * has. Called once; missing: it has none of them.
   */
  adopted?(connection: Connection): Promise<number>
}

/** Vite includes the files in the bundle; under vitest and tsx the same call reads them from the folder. */
export function parseMigrations(files: Record<string, string>): Migration[] {
  const migrations = Object.entries(files)
    .map(([path, sql]) => {
      const match = /(\d{4})_([a-z0-9_]+)\.sql$/.exec(path)
      if (!match?.[1] || !match[2]) throw new Error(`migration file "${path}" is not named 0001_name.sql`)
      return { version: Number(match[1]), name: match[2], sql }
    })
    .sort((a, b) => a.version - b.version)
  // A stop between two of one number would leave the second out for good.
  const twice = migrations.find(({ version }, at) => migrations[at + 1]?.version === version)
  if (twice) throw new Error(`two migrations have the number ${twice.version}`)
  return migrations
}

/**
 * The store's own series; its version is the database's `user_version`. @throws Error for a newer database, or with the
 * name of the failed migration
 */
export async function migrate(connection: Connection, migrations: readonly Migration[]): Promise<void> {
  const row = await connection.get<{ user_version: number }>('pragma user_version')
  const setVersion = (version: number): string => `pragma user_version = ${version}`
  await applyFrom(connection, row?.user_version ?? 0, migrations, { name: 'the database', setVersion })
}

/** A dialect's series, after the store's. @throws as migrate does */
export async function migrateDialect(connection: Connection, dialect: string, { migrations, adopted }: MigrationSeries): Promise<void> {
  const known = await connection.get<{ version: number }>('select version from dialect_versions where dialect = ?', [dialect])
  const current = known?.version ?? (await adopted?.(connection)) ?? 0
  const setVersion = (version: number): string =>
    `insert or replace into dialect_versions (dialect, version) values ('${dialect}', ${version})`
  if (!known) await connection.exec(setVersion(current))
  await applyFrom(connection, current, migrations, { name: `the tables of the dialect "${dialect}"`, setVersion })
}

async function applyFrom(
  connection: Connection,
  current: number,
  migrations: readonly Migration[],
  series: { name: string; setVersion(version: number): string },
): Promise<void> {
  const newest = migrations.at(-1)?.version ?? 0
  if (current > newest) {
    const has = series.name.startsWith('the tables') ? 'have' : 'has'
    throw new Error(`${series.name} ${has} schema version ${current}, this program supports ${newest}: use a newer Framehouse`)
  }
  for (const { version, name, sql } of migrations.filter((migration) => migration.version > current)) {
    await connection.exec(`begin immediate;\n${sql}\n;${series.setVersion(version)};\ncommit;`).catch(async (error: Error) => {
      await connection.exec('rollback').catch(() => undefined)
      throw new Error(`migration ${version} (${name}) failed: ${error.message}`)
    })
  }
}
