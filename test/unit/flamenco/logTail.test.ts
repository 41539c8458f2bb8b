import { expect, test } from 'vitest'
import { logTail } from '../../../src/main/dialects/flamenco/logTail.ts'

test.each([
  ['a whole log stays', 'one\ntwo\n', false, 'one\ntwo\n'],
  ['an incomplete first line goes', 'ne\ntwo\nthree\n', true, 'two\nthree\n'],
  ['unless it is the only one', 'long line without end', true, 'long line without end'],
  ['also when its newline is all that follows', 'long line\n', true, 'long line\n'],
])('%s', (_, text, cut, expected) => expect(logTail(Buffer.from(text), cut)).toBe(expected))

test('half a character at the start is not shown', () => {
  const bytes = Buffer.from('één')
  expect(logTail(bytes.subarray(1), true)).toBe('én')
})
