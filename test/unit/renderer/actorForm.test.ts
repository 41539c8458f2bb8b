import { describe, expect, it } from 'vitest'
import { isSchedule, readEnvironment } from '../../../src/renderer/features/actors/actorForm.ts'

describe('variables of an actor, a line each', () => {
  it.each([
    ['', {}],
    ['A=1\n\nB=x=y\n', { A: '1', B: 'x=y' }],
    [' NAME =value with spaces ', { NAME: 'value with spaces ' }],
    ['EMPTY=', { EMPTY: '' }],
  ])('%j', (text, values) => expect(readEnvironment(text)).toEqual(values))

  it.each(['nonsense', '=value', 'A=1\nB'])('%j is none', (text) => expect(readEnvironment(text)).toBeUndefined())

  it('values that did not change stay what they were', () => {
    const before = { LIMIT: 5, TEXT: 'a\nb', LIST: [1, 2], ON: true }
    expect(readEnvironment('LIMIT=5\nTEXT=a\nb\nLIST=[1,2]\nON=true', before)).toEqual(before)
    expect(readEnvironment('LIMIT=6\nTEXT=a\nb\nLIST=[1,2]', before)).toEqual({ LIMIT: '6', TEXT: 'a\nb', LIST: [1, 2] })
  })
})

describe('a schedule', () => {
  it.each(['', 'now + 1 day', '2027-01-31 20 + 2 weeks', 'Now + 12 hours'])('%j', (text) => expect(isSchedule(text)).toBe(true))
  it.each(['daily', '0 3 * * *', 'now + one day', 'now + 1 year'])('%j is none', (text) => expect(isSchedule(text)).toBe(false))
})
