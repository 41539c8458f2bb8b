/** A dialect in a few lines, with all that one may bring: a table, a setting, a route, an outbox handler, an error form. */
import { Type } from 'typebox'
import { NotFoundError } from '../../../../src/main/engine/base/errors.ts'
import type { Dialect } from '../../../../src/main/http/dialect.ts'
import { insertEntries } from '../../../../src/main/store/queries/farm/outbox.ts'
import { parseMigrations } from '../../../../src/main/store/migrate.ts'

const Settings = Type.Object({ guestbookGreeting: Type.String({ minLength: 1, default: 'Hello' }) })

export const guestbook: Dialect = {
  name: 'guestbook',
  owns: (url) => url.startsWith('/guestbook'),
  error: (_error, _facts, { status, message }) => ({ status, body: `no: ${message}`, headers: { 'content-type': 'text/plain' } }),
  settings: Settings.properties,
  migrations: {
    migrations: parseMigrations(import.meta.glob<string>('./migrations/*.sql', { query: '?raw', import: 'default', eager: true })),
  },
  open: ({ read, writer, notifier, settings, now }) => ({
    register(app) {
      app.post('/guestbook/:name', { config: { access: 'submit' } }, async (request) => {
        const { name } = request.params as { name: string }
        await writer.exclusive((tx) => insertEntries(tx, [{ kind: 'guestbook:greet', payload: { name } }], now()))
        notifier.wake()
        return `${settings.of(Settings).guestbookGreeting} ${name}`
      })
      app.get('/guestbook', { config: { access: 'read' } }, () => read.all('select name from guestbook_guests order by name'))
    },
    native(app) {
      app.get('/guests', { config: { access: 'read' }, schema: { summary: 'Guests' } }, async () => {
        const guests = await read.all<{ name: string }>('select name from guestbook_guests order by name')
        if (guests.length === 0) throw new NotFoundError('guest', 'any')
        return { items: guests }
      })
    },
    outboxHandlers: {
      'guestbook:greet': {
        handle: async ({ payload }) => ({
          write: async (tx) => {
            await tx.run(`insert into guestbook_guests (name) select ? ->> 'name'`, [JSON.stringify(payload)])
          },
        }),
      },
    },
  }),
}
