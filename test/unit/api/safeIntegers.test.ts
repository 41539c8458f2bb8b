import { expect, it } from 'vitest'
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { boundIntegers } from '../../../src/main/http/validation/safeIntegers.ts'

it('refuses what cannot be counted, wherever an integer stands, and leaves other bounds and other numbers alone', () => {
  const schema = Type.Object({
    count: Type.Optional(Type.Integer()),
    few: Type.Optional(Type.Integer({ minimum: 1, maximum: 3 })),
    list: Type.Optional(Type.Array(Type.Union([Type.Integer(), Type.Null()]))),
    share: Type.Optional(Type.Number()),
  })
  boundIntegers(schema)
  for (const right of [{ count: 2 ** 53 - 1 }, { count: -(2 ** 53 - 1) }, { few: 3 }, { list: [7, null] }, { share: 1e300 }]) {
    expect(Value.Check(schema, right), JSON.stringify(right)).toBe(true)
  }
  for (const wrong of [{ count: 1e308 }, { count: -(2 ** 53) }, { few: 4 }, { few: 0 }, { list: [2 ** 53] }]) {
    expect(Value.Check(schema, wrong), JSON.stringify(wrong)).toBe(false)
  }
})
