/** Values of the actors API: ids, Python's texts, schedules, moments. */
import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { actorId, executionId, parseId, workerId } from '../../../src/main/dialects/actors/values/ids.ts'
import { cronText, parseCron, runAfter, runAtOrAfter } from '../../../src/main/dialects/actors/values/cron.ts'
import { parseExactly } from '../../../src/main/dialects/actors/values/json.ts'
import { pythonText, pythonTextOfJson } from '../../../src/main/dialects/actors/values/pythonText.ts'
import { parseMoment } from '../../../src/main/dialects/actors/search/moments.ts'
import { rewriteAddress } from '../../../src/main/dialects/actors/http/address.ts'

describe('ids', () => {
  it('carry what they name, and never end in v or 2', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7fff_ffff }), fc.integer({ min: 1, max: 0x7fff_ffff }), (key, number) => {
        const ids = [actorId(key), executionId(key, number), workerId(key, number)]
        for (const id of ids) expect(id).toMatch(/^[0-9A-Za-z]{12}[0-9A-Za-uw-z]$/)
        for (const id of ids) expect(id).not.toMatch(/2$/)
        expect(ids.map(parseId)).toEqual([
          { kind: 'actor', actorKey: key },
          { kind: 'execution', actorKey: key, number },
          { kind: 'worker', actorKey: key, number },
        ])
      }),
    )
  })

  it('differ from words and from each other', () => {
    for (const text of ['jane', 'bad_actor_id', 'abcdefghijklm', '', 'a'.repeat(13), `${actorId(1)}x`])
      expect(parseId(text)).toBeUndefined()
    const ids = new Set(Array.from({ length: 1_000 }, (_each, at) => executionId(7, at + 1)))
    expect(ids.size).toBe(1_000)
  })
})

describe('pythonText', () => {
  it.each([
    ['"plain text"', 'plain text'],
    ['{"key1": "value1", "n": 1, "b": true, "x": null}', "{'key1': 'value1', 'n': 1, 'b': True, 'x': None}"],
    [
      '[1, 1.0, -0, -0.0, 1e3, 1E-7, 0.0001, 12345678901234567890, 1e16, 1e400]',
      '[1, 1.0, 0, -0.0, 1000.0, 1e-07, 0.0001, 12345678901234567890, 1e+16, inf]',
    ],
    [`["it's", "say \\"x\\"", "both ' and \\""]`, `["it's", 'say "x"', 'both \\' and "']`],
    ['["a\\\\b", "\\n\\r\\t", "\\u0001", "\\u00a0", "\\u200b", "ä€😀"]', "['a\\\\b', '\\n\\r\\t', '\\x01', '\\xa0', '\\u200b', 'ä€😀']"],
    ['{}', '{}'],
    ['{"b": 1, "a": [2, 3.50]}', "{'b': 1, 'a': [2, 3.5]}"],
    ['false', 'False'],
    ['1.5', '1.5'],
  ])('%s', (json, text) => {
    expect(pythonText(parseExactly(json))).toBe(text)
    expect(pythonTextOfJson(json)).toBe(text)
  })

  it('is what Python prints', () => {
    const samples = fc
      .sample(fc.json({ maxDepth: 3 }), { numRuns: 200, seed: 7 })
      .concat(
        fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), { numRuns: 200, seed: 8 }).map((value) => JSON.stringify([value])),
      )
    const script = 'import sys, json\nfor line in sys.stdin: print(json.dumps(str(json.loads(json.loads(line)))))'
    let printed: string
    try {
      printed = execFileSync('python3', ['-c', script], { input: samples.map((each) => JSON.stringify(each)).join('\n'), encoding: 'utf8' })
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
      throw error
    }
    const expected = printed
      .trim()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    expect(samples.map(pythonTextOfJson)).toEqual(expected)
  })
})

describe('schedules', () => {
  const now = Date.UTC(2026, 0, 15, 10, 30)
  it.each([
    ['2026-01-15 10 + 1 hour', '2026-1-15 10', '2026-1-15 11'],
    ['2026-1-31 0 + 1 month', '2026-1-31 0', '2026-2-28 0'],
    ['2026-03-06 20 + 3 months', '2026-3-6 20', '2026-6-6 20'],
    ['now + 2 weeks', '2026-1-15 10', '2026-1-29 10'],
    ['Now + 1 day', '2026-1-15 10', '2026-1-16 10'],
  ])('%s', (text, first, second) => {
    const cron = parseCron(text, now)
    expect([cronText(cron.start), cronText(runAfter(cron, cron.start))]).toEqual([first, second])
  })

  it('a month that is too short does not shorten the ones after it', () => {
    const cron = parseCron('2026-1-31 0 + 1 month', now)
    expect(cronText(runAtOrAfter(cron, cron.start, Date.UTC(2026, 2, 1)))).toBe('2026-3-31 0')
  })

  it.each([
    '',
    'now',
    '2026-13-01 0 + 1 day',
    '2026-02-30 0 + 1 day',
    '2025-01-01 0 + 1 day',
    'now + 0 days',
    'now + 1 flimflam',
    'now - 1 day',
  ])('%j is refused', (text) => {
    expect(() => parseCron(text, now)).toThrow(/cronSchedule/)
  })
})

it.each([
  ['2000', '2000-01-01T00:00:00.000Z'],
  ['2000-05:00', '2000-01-01T05:00:00.000Z'],
  ['2000-05', '2000-05-01T00:00:00.000Z'],
  ['2020-05-01T14:45:41.591Z', '2020-05-01T14:45:41.591Z'],
  ['2020-05-01 14:45', '2020-05-01T14:45:00.000Z'],
  ['2020-05-01T14+0200', '2020-05-01T12:00:00.000Z'],
  ['20', undefined],
  ['2020-13-01', undefined],
])('the moment %s', (text, iso) => {
  expect(parseMoment(text)?.toISOString()).toBe(iso)
})

it.each([
  ['//actors', '/actors'],
  ['/actors/v2', '/actors'],
  ['/actors/v2/', '/actors'],
  ['//actors//v2//x/messages/?a=//b', '/actors/x/messages?a=//b'],
  ['/actors/v2x', '/actors/v2x'],
  ['/actorsish', '/actorsish'],
  ['/app/actors', '/app/actors'],
])('the address %s', (from, to) => {
  expect(rewriteAddress(from)).toBe(to)
})
