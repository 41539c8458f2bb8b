import { describe, expect, it } from 'vitest'
import { addRun, bytesOfStreams, countLines, linesOf, type LogRun } from '../../../src/main/logs/logRuns.ts'

const OUT = 0
const ERR = 1
const FARM = 2

describe('runs of a log chunk', () => {
  it.each([
    ['', 0],
    ['a\n', 1],
    ['a\nb', 2],
    ['\n\n', 2],
    ['no end', 1],
  ])('%j has %i lines', (text, lines) => {
    expect(countLines(Buffer.from(text))).toBe(lines)
  })

  it('go on with a line that is not ended, and only with one of the same stream', () => {
    const runs: LogRun[] = []
    expect(addRun(runs, false, [1, 10, OUT, 3])).toBe(1)
    expect(addRun(runs, true, [2, 11, OUT, 9])).toBe(1)
    expect(addRun(runs, true, [1, 12, ERR, 4])).toBe(1)
    expect(addRun(runs, false, [1, 13, ERR, 4])).toBe(1)
    expect(runs).toEqual([
      [2, 10, OUT, 12],
      [1, 12, ERR, 4],
      [1, 13, ERR, 4],
    ])
  })

  const text = 'out\nhalf' + 'err\n' + '\n' + 'farm\n' + ' rest\r\n10%\r20%\r'
  const runs: LogRun[] = [
    [2, 1, OUT, 8],
    [1, 2, ERR, 4],
    [0, 3, FARM, 1],
    [1, 3, FARM, 5],
    [2, 4, OUT, 15],
  ]

  it('give lines as a terminal shows them', () => {
    expect(linesOf(runs, Buffer.from(text), 7).map(({ line, stream, at, text: shown }) => [line, stream, at, shown])).toEqual([
      [7, 'stdout', 1, 'out'],
      [8, 'stdout', 1, 'half'],
      [9, 'stderr', 2, 'err'],
      [10, 'farm', 3, 'farm'],
      [11, 'stdout', 4, ' rest'],
      [12, 'stdout', 4, '20%'],
    ])
  })

  it('give the bytes of one stream without those of the others', () => {
    expect(Buffer.concat(bytesOfStreams(runs, Buffer.from(text), ['stdout'])).toString()).toBe('out\nhalf rest\r\n10%\r20%\r')
    expect(Buffer.concat(bytesOfStreams(runs, Buffer.from(text), ['stdout', 'stderr'])).toString()).toBe(
      'out\nhalferr\n rest\r\n10%\r20%\r',
    )
  })

  it('of an earlier version, without sizes, are read by their lines', () => {
    const old: LogRun[] = [
      [2, 1, OUT],
      [1, 2, ERR],
      [1, 3, OUT],
    ]
    const bytes = Buffer.from('a\nb\nerr\nc\n')
    expect(linesOf(old, bytes, 0).map((line) => line.text)).toEqual(['a', 'b', 'err', 'c'])
    expect(Buffer.concat(bytesOfStreams(old, bytes, ['stdout'])).toString()).toBe('a\nb\nc\n')
  })
})
