import { describe, expect, it } from 'vitest'
import { decodeRaw, encodeRaw } from '../../../src/main/system/rawText.ts'
import { LogAllowance } from '../../../src/main/worker/attempt/logAllowance.ts'
import { HOSTILE } from '../../support/hostile.ts'

describe('how much of a log there may be', () => {
  it('is no matter without a limit', () => {
    const allowance = new LogAllowance(0, 1e12)
    expect(allowance.take('stdout', 'x'.repeat(1000))).toHaveLength(1000)
    expect(allowance.isUsedUp).toBe(false)
  })

  it('takes all up to the limit, byte for byte, and nothing beyond', () => {
    const text = decodeRaw(HOSTILE)
    for (const limit of [1, 5, 15, 17, 30, 70, 5_000, HOSTILE.length - 2]) {
      const allowance = new LogAllowance(limit, 0)
      const taken = [...text].map((character) => allowance.take('stdout', character)).join('')
      const bytes = encodeRaw(taken)
      expect(bytes.equals(HOSTILE.subarray(0, bytes.length))).toBe(true)
      // A character that would be cut is left out whole.
      expect(bytes.length).toBeLessThanOrEqual(limit)
      expect(bytes.length).toBeGreaterThan(limit - 4)
      expect(allowance.isUsedUp).toBe(true)
      expect(encodeRaw(new LogAllowance(limit, 0).take('stdout', text))).toEqual(bytes)
    }
  })

  it('is used up where the limit is reached exactly, and not a byte before', () => {
    const allowance = new LogAllowance(10, 4)
    expect([allowance.take('stdout', 'abcde'), allowance.isUsedUp]).toEqual(['abcde', false])
    expect([allowance.take('stderr', 'f'), allowance.isUsedUp]).toEqual(['f', true])
    expect(allowance.take('stdout', 'g')).toBe('')
  })

  it('counts what an earlier run wrote, and keeps the lines of the farm', () => {
    const allowance = new LogAllowance(10, 12)
    expect(allowance.isUsedUp).toBe(true)
    expect(allowance.take('stdout', 'x')).toBe('')
    expect(allowance.take('farm', 'why\n')).toBe('why\n')
    expect(allowance.reason).toBe('its log reached the limit of 10 B')
  })
})
