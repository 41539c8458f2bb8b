import { expect, it } from 'vitest'
import { tableOf, withTable } from '../../reliability/table.ts'

it('says of each thing how often it was tried and how often it did not hold', () => {
  const table = tableOf(
    [
      { what: 'a full disk heals', held: true, seconds: 2 },
      { what: 'a full disk heals', held: true, seconds: 4 },
      { what: 'a | in a name', held: false, seconds: 1 },
    ],
    'a machine',
  )
  expect(table).toContain('| a full disk heals | 2 | all held | 3.0 |')
  expect(table).toContain('| a \\| in a name | 1 | **1 did not hold** | 1.0 |')
})

it('replaces what stood there before, and nothing else', () => {
  const page = 'before\n<!-- written by npm run reliability -->\nold\n<!-- end -->\nafter\n'
  const once = withTable(page, 'new')
  expect(once).toBe('before\n<!-- written by npm run reliability -->\nnew\n<!-- end -->\nafter\n')
  expect(withTable(once, 'new')).toBe(once)
  expect(() => withTable('nothing', 'new')).toThrow(/no lines/)
})
