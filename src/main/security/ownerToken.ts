/**
 * The first token of a farm that trusts nobody: without it nobody could make another one. It is written once into the
 * data folder, readable by the user that the manager runs as, who owns everything of the farm anyway.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Accounts } from './accounts.ts'

/** In the data folder. */
export const OWNER_TOKEN_FILE = 'owner-token'

/** Makes the token when no other admin could let anybody in; returns the file, or undefined when there was no need. */
export async function ensureOwnerToken(accounts: Accounts, dataDir: string): Promise<string | undefined> {
  const adminUser = accounts.users().some((user) => user.role === 'admin')
  const adminToken = accounts.tokens().some((token) => token.kind === 'token' && token.role === 'admin' && token.scopes.includes('admin'))
  if (adminUser || adminToken) return undefined
  const { text } = await accounts.createToken({ kind: 'token', name: 'owner', role: 'admin', scopes: ['admin'], createdBy: 'first start' })
  const file = join(dataDir, OWNER_TOKEN_FILE)
  await writeFile(file, `${text}\n`, { mode: 0o600 })
  return file
}
