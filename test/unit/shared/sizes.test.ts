import { describe, expect, it } from 'vitest'
import { parseSize, sizeText } from '../../../src/shared/text/sizes.ts'

describe('a size', () => {
  it.each([
    ['0', 0],
    ['500', 500],
    ['500B', 500],
    ['64kB', 64_000],
    ['64 k', 64_000],
    ['1.5GB', 1_500_000_000],
    ['1,5 gb', 1_500_000_000],
    ['100MiB', 104_857_600],
    ['2Ti', 2_199_023_255_552],
    ['0.5', 1],
  ])('%s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  it.each(['', 'x', '-1', '1e9', '10 XB', 'MB', '1..5k', '99999999TB', '5 M B'])('"%s" is none', (text) =>
    expect(parseSize(text)).toBeUndefined(),
  )

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1 kB'],
    [1500, '1.5 kB'],
    [1_048_576, '1.0 MB'],
    [200_000_000, '200 MB'],
    [999_999, '1.0 MB'],
  ])('%d bytes read %s', (bytes, text) => expect(sizeText(bytes)).toBe(text))
})
