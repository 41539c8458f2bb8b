import { readFile, stat } from 'node:fs/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ensureOwnerToken } from '../../../src/main/security/tokens/ownerToken.ts'
import { openTestServer, type TestServer } from '../../support/testServer.ts'

let server: TestServer
beforeEach(async () => {
  server = await openTestServer({ trustLoopback: false })
})
afterEach(() => server.close())

const whoami = (token?: string) =>
  fetch(`${server.url}/api/v1/whoami`, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })

it('admits only the owner, who can read the data folder', async () => {
  const file = (await ensureOwnerToken(server.security.accounts, server.folder)) ?? ''
  if (process.platform !== 'win32') expect((await stat(file)).mode & 0o777).toBe(0o600)
  const reply = await whoami((await readFile(file, 'utf8')).trim())
  expect(await reply.json()).toMatchObject({ role: 'admin', actor: 'token:owner' })
  expect((await whoami()).status).toBe(401)
})

it('is made once', async () => {
  expect(await ensureOwnerToken(server.security.accounts, server.folder)).toBeDefined()
  expect(await ensureOwnerToken(server.security.accounts, server.folder)).toBeUndefined()
  expect(server.security.accounts.tokens()).toHaveLength(1)
})

it('is not made where an admin can log in', async () => {
  await server.security.accounts.createUser({ name: 'anna', role: 'admin', password: 'correct horse' })
  expect(await ensureOwnerToken(server.security.accounts, server.folder)).toBeUndefined()
})
