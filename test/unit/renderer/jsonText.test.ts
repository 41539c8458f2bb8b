import { describe, expect, it } from 'vitest'
import { diffJson, prettyJson } from '../../../src/renderer/features/colonies/jsonText.ts'

const shown = (before: unknown, after: unknown, around?: number): string[] =>
  diffJson(JSON.stringify(before), JSON.stringify(after), around).map(
    ({ kind, text }) => ({ same: ' ', added: '+', removed: '-' })[kind] + text.trim(),
  )

describe('JSON as people read it', () => {
  it.each([['{"a":[1,{"b":"x, y: {z}"}],"c":{},"d":[]}'], ['[]'], ['"text"'], ['{"quote":"a \\" b","n":-1.5,"t":true,"z":null}']])(
    'is indented as JSON.stringify does it: %s',
    (text) => expect(prettyJson(text)).toBe(JSON.stringify(JSON.parse(text), null, 2)),
  )

  it('keeps each digit of long integers', () => expect(prettyJson('[9007199254740993]')).toBe('[\n  9007199254740993\n]'))
})

describe('what changed', () => {
  it('is a removed and an added line', () =>
    expect(shown({ a: 1, b: 2 }, { a: 1, b: 3 })).toEqual([' {', ' "a": 1,', '-"b": 2', '+"b": 3', ' }']))
  it('is an added line alone, although the one before gets a comma', () =>
    expect(shown({ a: 1 }, { a: 1, b: 2 })).toEqual([' {', ' "a": 1,', '+"b": 2', ' }']))
  it('is nothing for the same', () => expect(shown({ a: 1 }, { a: 1 })).toEqual([]))
  it('leaves out what is far from a change', () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i]))
    expect(shown(many, { ...many, k10: 'x' }, 1)).toEqual([' …', ' "k9": 9,', '-"k10": 10,', '+"k10": "x",', ' "k11": 11,', ' …'])
  })
  it('of two long texts is all of them, without a table of each pair', () => {
    const list = (from: number) => Array.from({ length: 2_500 }, (_, i) => from + i)
    const kinds = diffJson(JSON.stringify(list(0)), JSON.stringify(list(10_000)), 0).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'removed')).toHaveLength(2_500)
    expect(kinds.filter((kind) => kind === 'added')).toHaveLength(2_500)
  })
})
