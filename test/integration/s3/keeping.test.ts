/** What buckets hold stays in the file store; what they hold no longer is its garbage. Secrets are shown once. */
import { randomBytes } from 'node:crypto'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { collectGarbage } from '../../../src/main/files/shaman/garbage.ts'
import { FileStore } from '../../../src/main/files/content/fileStore.ts'
import { sha256 } from '../../../src/main/dialects/colonies/s3/auth/signature.ts'
import { Connection } from '../../../src/main/store/connection.ts'
import { openS3Farm, type S3Farm } from '../../support/s3Farm.ts'
import type { S3Caller } from '../../support/s3Caller.ts'

let farm: S3Farm
let s3: S3Caller
let database: Connection
beforeAll(async () => {
  farm = await openS3Farm()
  s3 = (await farm.colony('studio')).s3
  database = await Connection.open(join(farm.farm.folder, 'data', 'framehouse.sqlite'), 'read')
  await s3.send('PUT', '/files')
})
afterAll(async () => {
  await database.close()
  await farm.farm.stop()
})

const storage = (): string => join(farm.farm.folder, 'data', 'storage')
const isStored = (body: Buffer): Promise<boolean> => {
  const sha = sha256(body)
  return access(join(storage(), 'file-store', 'stored', sha.slice(0, 2), sha.slice(2), `${body.length}.blob`)).then(
    () => true,
    () => false,
  )
}

/** Everything that is not needed goes, however young: as the manager asks about each content. */
async function collect(): Promise<void> {
  const store = new FileStore({ storage, now: () => Date.now() + 7_200_000, random: () => randomBytes(4).toString('hex') })
  const isNeeded = async ({ sha }: { sha: string }) =>
    (await database.get('select 1 from content_links where sha256 = ?', [sha])) !== undefined
  await collectGarbage(store, { storage: storage(), now: Date.now() + 7_200_000, maxAgeMs: 0, isNeeded })
}

it('an object stays until it is deleted, overwritten, or its colony removed', async () => {
  const [kept, deleted, before, after, copied] = Array.from({ length: 5 }, () => randomBytes(200_000)) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ]
  await s3.send('PUT', '/files/kept', { body: kept })
  await s3.send('PUT', '/files/deleted', { body: deleted })
  await s3.send('PUT', '/files/changed', { body: before })
  await s3.send('PUT', '/files/changed', { body: after })
  await s3.send('PUT', '/files/source', { body: copied })
  await s3.send('PUT', '/files/copy', { headers: { 'x-amz-copy-source': '/files/source' } })
  await s3.send('DELETE', '/files/deleted')
  await s3.send('DELETE', '/files/source')
  await collect()
  expect(await Promise.all([kept, deleted, before, after, copied].map(isStored))).toEqual([true, false, false, true, true])
  expect((await s3.send('GET', '/files/copy')).bytes.equals(copied)).toBe(true)

  const { s3: other } = await farm.colony('short')
  const body = randomBytes(100_000)
  await other.send('PUT', '/files')
  await other.send('PUT', '/files/its', { body })
  await collect()
  expect(await isStored(body)).toBe(true)
  await farm.server.ask('removecolonymsg', { colonyname: 'short' })
  await collect()
  expect(await isStored(body)).toBe(false)
})

it('parts stay until their upload is aborted', async () => {
  const body = randomBytes(150_000)
  const started = await s3.send('POST', '/files/parts?uploads=')
  const id = /<UploadId>([^<]+)</.exec(started.text)?.[1] ?? ''
  const part = `/files/parts?partNumber=1&uploadId=${id}`
  expect((await s3.send('PUT', part, { body: randomBytes(150_000) })).status).toBe(200)
  expect((await s3.send('PUT', part, { body })).status).toBe(200)
  await collect()
  expect(await isStored(body)).toBe(true)
  expect((await s3.send('DELETE', `/files/parts?uploadId=${id}`)).status).toBe(204)
  await collect()
  expect(await isStored(body)).toBe(false)
  expect(await database.get("select owner from content_links where owner like 'colonies-s3-part:%'")).toBeUndefined()
})

it('a secret is shown once, and nowhere in clear', async () => {
  const made = await farm.farm.call('POST', '/colonies/studio/s3-keys', { body: { member: 'artist' } })
  expect(made.status).toBe(201)
  const listed = await farm.farm.get('/colonies/studio/s3-keys')
  expect(listed.body.items).toHaveLength(2)
  expect(listed.body.items[1]).toMatchObject({ accessKey: made.body.accessKey, member: 'artist', counts: true })
  for (const text of [listed.text, (await farm.farm.get('/audit?limit=50')).text]) expect(text).not.toContain(made.body.secretKey)
  const rows = await database.all<{ secret: string }>('select secret from colonies_s3_keys')
  expect(rows).toHaveLength(2)
  for (const { secret } of rows) expect(secret).not.toContain(made.body.secretKey)
})

it.each([
  ['POST', '/colonies/none/s3-keys', { member: 'artist' }],
  ['POST', '/colonies/studio/s3-keys', { member: 'nobody' }],
  ['GET', '/colonies/none/s3-keys', undefined],
  ['DELETE', '/colonies/studio/s3-keys/FHNONE', undefined],
])('%s %s is not found', async (method, path, body) => {
  const reply = await farm.farm.call(method, path, body && { body })
  expect([reply.status, reply.body.code]).toEqual([404, 'not-found'])
})
