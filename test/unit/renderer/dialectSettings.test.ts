import { describe, expect, it } from 'vitest'
import { controlOf, shownValue, storedValue } from '../../../src/renderer/features/settings/dialectSettings.ts'

describe('the control of a dialect’s setting', () => {
  it.each([
    ['guestbookOpen', { type: 'boolean' }, { kind: 'switch' }],
    ['fastlanePull', { enum: ['always', 'never'] }, { kind: 'choice', choices: ['always', 'never'] }],
    ['fastlanePageSize', { type: 'integer', minimum: 1, maximum: 1000 }, { kind: 'number', seconds: false, min: 1, max: 1000 }],
    ['fastlaneMaxRunMs', { type: 'integer', minimum: 1000 }, { kind: 'number', seconds: true, min: 1, max: undefined }],
    ['flamencoVersion', { type: 'string', minLength: 1 }, { kind: 'text' }],
    ['aList', { type: 'array', enum: [1] }, { kind: 'text' }],
  ])('of %s follows its schema', (key, schema, control) => {
    expect(controlOf(key, schema)).toEqual(control)
  })

  it('shows milliseconds as seconds and stores them as whole milliseconds', () => {
    expect(shownValue({ seconds: true }, 1500)).toBe(1.5)
    expect(storedValue({ seconds: true }, 0.0015)).toBe(2)
    expect(storedValue({ seconds: false }, 1.5)).toBe(1.5)
  })
})
