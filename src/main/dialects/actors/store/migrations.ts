/** The actors dialect's own tables. */
import { parseMigrations, type MigrationSeries } from '../../../store/migrate.ts'

export const MIGRATIONS: MigrationSeries = {
  migrations: parseMigrations(import.meta.glob<string>('./migrations/*.sql', { query: '?raw', import: 'default', eager: true })),
}
