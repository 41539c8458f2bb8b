/**
 * The first token of a farm without local trust: without it, no further token could be created. It is written once into
 * the data folder, readable by the user that runs the manager, who owns the whole farm anyway.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Accounts } from '../accounts/accounts.ts'

/** In the data folder. */
export const OWNER_TOKEN_FILE = 'owner-token'

/** Creates the token when no other admin could admit users; returns the file, or undefined when it was not needed. */
export async function ensureOwnerToken(accounts: Accounts, dataDir: string): Promise<string | undefined> {
  const adminUser = accounts.users().some((user) => user.role === 'admin')
  const adminToken = accounts.tokens().some((token) => token.kind === 'token' && token.role === 'admin' && token.scopes.includes('admin'))
  if (adminUser || adminToken) return undefined
  const { text } = await accounts.createToken({ kind: 'token', name: 'owner', role: 'admin', scopes: ['admin'], createdBy: 'first start' })
  const file = join(dataDir, OWNER_TOKEN_FILE)
  await writeFile(file, `${text}\n`, { mode: 0o600 })
  return file
}
