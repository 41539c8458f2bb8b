import { readdirSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { expect, it } from 'vitest'
// A plain script, so that it runs without a loader.
import { rawGlob } from '../../../scripts/lib/rawGlob.mjs'

const store = join(import.meta.dirname, '../../../src/main/store')
const from = pathToFileURL(join(store, 'farmStore.ts')).href
const AS_TEXT = { query: '?raw', import: 'default', eager: true }

it('reads the files that a pattern names, as Vite does', () => {
  const files = rawGlob(from, './migrations/*.sql', AS_TEXT)
  expect(Object.keys(files)).toEqual(
    readdirSync(join(store, 'migrations'))
      .sort()
      .map((name) => `./migrations/${name}`),
  )
  expect(files['./migrations/0001_initial.sql']).toMatch(/create table/i)
  expect(Object.keys(rawGlob(from, '../*/migrations/0001_*.sql', AS_TEXT))).toEqual(['../store/migrations/0001_initial.sql'])
  expect(rawGlob(from, './migrations/*.none', AS_TEXT)).toEqual({})
})

it('refuses what it cannot do as Vite does', () => {
  expect(() => rawGlob(from, './migrations/*.sql', { eager: true })).toThrow(/only reads texts/)
})
