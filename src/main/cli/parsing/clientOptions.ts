/** The options of every command that talks to a manager, and the client built from them. */
import { Client } from '../client/client.ts'
import type { Context, Options } from './command.ts'
import { connection } from '../client/http.ts'
import { text, textOr } from './options.ts'

export const DEFAULT_MANAGER = 'http://127.0.0.1:8080'

export const CLIENT_OPTIONS = {
  manager: textOr(DEFAULT_MANAGER, 'URL', 'address of the manager', { env: 'FRAMEHOUSE_MANAGER' }),
  token: text('TOKEN', 'access token', { env: 'FRAMEHOUSE_TOKEN' }),
} satisfies Options

export function makeClient(context: Context, options: { manager: string; token: string | undefined }): Client {
  return new Client(connection(options.manager, options.token, context.signal))
}
