import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Connection } from '../../../src/main/store/connection.ts'
import { MIGRATIONS } from '../../../src/main/store/openStore.ts'
import { migrate } from '../../../src/main/store/migrate.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** A farm of before identities were ids: rows as that version wrote them, at made-up times. */
const OLD_FARM = `
insert into users (id, public_id, name, role, created_at, deleted_at) values
  (1, '00000000-0000-4000-8000-000000000001', 'anna', 'artist', 100, null),
  (2, '00000000-0000-4000-8000-000000000002', 'boss', 'admin', 100, null),
  (3, '00000000-0000-4000-8000-000000000003', 'gone~00000000-0000-4000-8000-000000000003', 'artist', 100, 300),
  (4, '00000000-0000-4000-8000-000000000004', 'gone', 'artist', 400, null);
insert into tokens (id, public_id, kind, name, prefix, hash, role, scopes, user_id, created_by, created_at, expires_at, revoked_at) values
  (1, '10000000-0000-4000-8000-000000000001', 'token', 'owner', 'fht_1', 'h1', 'admin', '["admin"]', null, 'first start', 100, null, null),
  (2, '10000000-0000-4000-8000-000000000002', 'token', 'ci', 'fht_2', 'h2', 'artist', '["submit"]', null, 'token:owner', 110, null, null),
  (3, '10000000-0000-4000-8000-000000000003', 'token', 'twin', 'fht_3', 'h3', 'artist', '["submit"]', null, 'token:owner', 110, null, null),
  (4, '10000000-0000-4000-8000-000000000004', 'token', 'twin', 'fht_4', 'h4', 'admin', '["admin"]', null, 'user:boss', 120, null, null),
  (5, '10000000-0000-4000-8000-000000000005', 'key', 'addon', 'fhk_5', 'h5', 'artist', '["submit"]', null, 'user:boss', 120, null, null),
  (6, '10000000-0000-4000-8000-000000000006', 'token', 'laptop', 'fht_6', 'h6', 'artist', '["submit"]', 1, 'user:anna', 120, null, null),
  (7, '10000000-0000-4000-8000-000000000007', 'token', 'old', 'fht_7', 'h7', 'admin', '["admin"]', null, 'local', 100, 150, null),
  (8, '10000000-0000-4000-8000-000000000008', 'token', 'orphan', 'fht_8', 'h8', 'artist', '["submit"]', null, 'token:old', 130, null, null);
insert into jobs (id, public_id, origin, owner, name, type, priority, status, settings, metadata, policy, created_at, updated_at)
  select value->>0, printf('20000000-0000-4000-8000-%012d', value->>0), 'native', value->>1, 'job', 'test', 50, 'queued', '{}', '{}', '{}', value->>2, 0
  from json_each('[[1,"local",200],[2,"user:anna",200],[3,"user:boss",200],[4,"user:gone",200],[5,"user:gone",500],[6,"token:ci",200],
    [7,"token:twin",200],[8,"key:addon",200],[9,"token:nobody",200],[10,"",200],[11,"token:old",120],[12,"lan",200],[13,"token:ci",50]]');
insert into schedules (id, public_id, origin, owner, name, trigger, template, missed_policy, overlap_policy, state, created_at) values
  (1, '30000000-0000-4000-8000-000000000001', 'native', 'user:boss', 's', '{}', '{}', 'once', 'allow', 'active', 200),
  (2, '30000000-0000-4000-8000-000000000002', 'native', 'token:twin', 's', '{}', '{}', 'once', 'allow', 'active', 200);
insert into audit (id, at, actor, action, target_kind, target_id) values (1, 200, 'user:anna', 'submitJob', 'job', 'x'),
  (2, 200, 'token:twin', 'submitJob', 'job', 'x'), (3, 200, 'nobody', 'login-failed', 'user', 'anna');
`

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let db: Connection
beforeAll(async () => {
  folder = await temporaryFolder()
  db = await Connection.open(join(folder.path, 'old.sqlite'), 'write')
  await migrate(
    db,
    MIGRATIONS.filter(({ version }) => version < 15),
  )
  await db.exec(OLD_FARM)
  await migrate(db, MIGRATIONS)
})
afterAll(async () => {
  await db.close()
  await folder.remove()
})

const user = (n: number) => `user:00000000-0000-4000-8000-00000000000${n}`
const token = (n: number) => `token:10000000-0000-4000-8000-00000000000${n}`

describe('owners of before', () => {
  it('become the ids of those who are there and answer to the name alone; all others become an owner that is no user', async () => {
    const jobs = await db.all<{ id: number; owner_id: string; admin_rights: number }>(
      'select id, owner_id, admin_rights from jobs order by id',
    )
    expect(jobs.map(({ owner_id, admin_rights }) => [owner_id, admin_rights])).toEqual([
      ['local', 1],
      [user(1), 0],
      [user(2), 1],
      // A namesake who came later is another user.
      ['legacy:user:gone', 0],
      [user(4), 0],
      [token(2), 0],
      // Two of that name: neither, though one is an admin's.
      ['legacy:token:twin', 0],
      [token(5), 0],
      ['legacy:token:nobody', 0],
      ['legacy:', 0],
      // An admin's token that has ended has no rights to hand on.
      [token(7), 0],
      ['lan', 0],
      ['legacy:token:ci', 0],
    ])
    const schedules = await db.all('select owner_id, admin_rights, hold_reason from schedules order by id')
    expect(schedules).toEqual([
      { owner_id: user(2), admin_rights: 1, hold_reason: '' },
      { owner_id: 'legacy:token:twin', admin_rights: 0, hold_reason: '' },
    ])
  })

  it('of tokens: living ones end them, and what outlived its maker goes on', async () => {
    const tokens = await db.all<{ creator_id: string; parent_id: number | null; creator_user_id: number | null }>(
      'select creator_id, parent_id, creator_user_id from tokens order by id',
    )
    expect(tokens.map((row) => [row.creator_id, row.parent_id, row.creator_user_id])).toEqual([
      ['local', null, null],
      [token(1), 1, null],
      [token(1), 1, null],
      [user(2), null, 2],
      [user(2), null, 2],
      [user(1), null, 1],
      ['local', null, null],
      [token(7), null, null],
    ])
  })

  it('in the audit log', async () => {
    const rows = await db.all<{ actor_id: string }>('select actor_id from audit order by id')
    expect(rows.map((row) => row.actor_id)).toEqual([user(1), 'legacy:token:twin', 'nobody'])
  })

  it('leave nothing of the work behind', async () => {
    expect(await db.all(`select name from sqlite_temp_master where name = 'identities'`)).toEqual([])
    expect(await db.all('pragma foreign_key_check')).toEqual([])
  })
})
