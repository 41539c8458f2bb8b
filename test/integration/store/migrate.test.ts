import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Connection } from '../../../src/main/store/connection.ts'
import { openStore } from '../../../src/main/store/openStore.ts'
import { migrate, parseMigrations } from '../../../src/main/store/migrate.ts'
import { temporaryFolder } from '../../support/folder.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let connection: Connection
beforeEach(async () => {
  folder = await temporaryFolder()
  connection = await Connection.open(join(folder.path, 'test.sqlite'), 'write')
})
afterEach(async () => {
  await connection.close()
  await folder.remove()
})

const FIRST = { '0001_first.sql': `create table a (id integer primary key); insert into a values (1)` }
const SECOND = { 'migrations/0002_second_step.sql': `alter table a add column text text; update a set text = 'old'` }
const version = async () => (await connection.all<{ user_version: number }>('pragma user_version'))[0]?.user_version

describe('migrations', () => {
  it('are sorted by number and must be named so', () => {
    expect(parseMigrations({ ...SECOND, ...FIRST }).map(({ version, name }) => `${version} ${name}`)).toEqual(['1 first', '2 second_step'])
    expect(() => parseMigrations({ 'first.sql': '' })).toThrow('"first.sql" is not named 0001_name.sql')
  })

  it('run once each, the new ones on top of the old', async () => {
    await migrate(connection, parseMigrations(FIRST))
    await migrate(connection, parseMigrations(FIRST))
    expect(await version()).toBe(1)
    await migrate(connection, parseMigrations({ ...FIRST, ...SECOND }))
    expect(await version()).toBe(2)
    expect(await connection.all('select * from a')).toEqual([{ id: 1, text: 'old' }])
  })

  it('leave everything as it was when one fails, and name it', async () => {
    await migrate(connection, parseMigrations(FIRST))
    const broken = parseMigrations({ ...FIRST, '0002_broken.sql': 'create table b (id integer); insert into nowhere values (1)' })
    await expect(migrate(connection, broken)).rejects.toThrow('migration 2 (broken) failed: ')
    expect(await version()).toBe(1)
    expect(await connection.all(`select name from sqlite_master where name = 'b'`)).toEqual([])
    await migrate(connection, parseMigrations({ ...FIRST, ...SECOND }))
    expect(await version()).toBe(2)
  })

  it('refuse two of one number', () => {
    expect(() => parseMigrations({ './0001_first.sql': '', './0001_other.sql': '' })).toThrow('two migrations have the number 1')
  })

  it('refuse a database that is newer than the program', async () => {
    await migrate(connection, parseMigrations({ ...FIRST, ...SECOND }))
    await expect(migrate(connection, parseMigrations(FIRST))).rejects.toThrow('schema version 2, this program supports 1')
    expect(await connection.all('select text from a')).toEqual([{ text: 'old' }])
  })
})

describe('a new farm', () => {
  it('has the whole schema, and opens again with what it holds', async () => {
    const open = () =>
      openStore({ dataDir: join(folder.path, 'data', 'farm'), readConnections: 2, onFailure: (error) => expect.fail(error.message) })
    const first = await open()
    expect(await first.read.all('select name from namespaces')).toEqual([{ name: 'farm' }])
    expect(await first.read.all('pragma foreign_key_check')).toEqual([])
    expect(await first.read.get('pragma journal_mode')).toEqual({ journal_mode: 'wal' })
    await first.writer.exclusive((tx) => tx.run(`insert into settings values ('x', '1', 0)`))
    await first.close()
    const second = await open()
    expect(await second.read.all(`select key from settings where key not like 'farm.%'`)).toEqual([{ key: 'x' }])
    await second.close()
  })
})
