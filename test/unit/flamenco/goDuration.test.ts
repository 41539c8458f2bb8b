import { describe, expect, test } from 'vitest'
import { formatGoDuration, parseGoDuration } from '../../../src/main/dialects/flamenco/goDuration.ts'

describe('Go durations', () => {
  test.each([
    [0, '0s'],
    [300, '300ms'],
    [1_000, '1s'],
    [1_500, '1.5s'],
    [60_000, '1m0s'],
    [600_000, '10m0s'],
    [90_000, '1m30s'],
    [3_600_000, '1h0m0s'],
    [86_400_000, '24h0m0s'],
    [2_678_400_000, '744h0m0s'],
    [3_661_001, '1h1m1.001s'],
    [-60_000, '-1m0s'],
  ])('%d ms is %s, and back', (ms, text) => {
    expect(formatGoDuration(ms)).toBe(text)
    expect(parseGoDuration(text)).toBe(ms)
  })

  test.each([
    ['24h', 86_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['+2m', 120_000],
    ['0', 0],
    ['1500us', 2],
    ['2µs', 0],
    ['1h30m', 5_400_000],
  ])('%s is %d ms', (text, ms) => expect(parseGoDuration(text)).toBe(ms))

  test.each(['', 's', '10', '1d', '1h 2m', '--1s', '1e3s', 'h1', '99999999999999999999h'])('%j is none', (text) =>
    expect(parseGoDuration(text)).toBeUndefined(),
  )
})
