/** The dialect's tables. */
import { parseMigrations, type MigrationSeries } from '../../../store/migrate.ts'

export const MIGRATIONS: MigrationSeries = {
  migrations: parseMigrations(import.meta.glob<string>('./migrations/*.sql', { query: '?raw', import: 'default', eager: true })),
  // Before the dialect had its own series, its tables were created by the store's migrations 4 and 9.
  async adopted(connection) {
    const columns = await connection.all<{ name: string }>(`select name from pragma_table_info('fastlane_jobs')`)
    if (columns.length === 0) return 0
    return columns.some(({ name }) => name === 'pending') ? 2 : 1
  },
}
