import { expect, it } from 'vitest'
import { plural, pluralDo } from '../../../src/shared/text/plural.ts'

it.each([
  [0, '0 workers', '0 workers are busy'],
  [1, '1 worker', '1 worker is busy'],
  [2, '2 workers', '2 workers are busy'],
])('%i', (count, things, sentence) => {
  expect(plural(count, 'worker')).toBe(things)
  expect(pluralDo(count, 'worker', 'is busy', 'are busy')).toBe(sentence)
})

it('a plural that is not the word with an s', () => expect(plural(2, 'entry', 'entries')).toBe('2 entries'))
