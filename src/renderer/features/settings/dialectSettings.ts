/** How the settings page shows a dialect: its texts, and a control for each setting by its JSON schema. Pure. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { DialectView } from '../../../shared/schemas/dialect.ts'

/** As much of a JSON schema as controls differ by. */
const Described = Type.Object({
  type: Type.Optional(Type.String()),
  enum: Type.Optional(Type.Array(Type.String())),
  minimum: Type.Optional(Type.Number()),
  maximum: Type.Optional(Type.Number()),
})

export type Control =
  | { kind: 'switch' }
  | { kind: 'text' }
  | { kind: 'choice'; choices: string[] }
  /** `seconds`: the setting is in milliseconds, and people read and write seconds. */
  | { kind: 'number'; seconds: boolean; min: number | undefined; max: number | undefined }

/** A dialect's texts in the language of the page; in English where it has no others. */
export const wordsOf = ({ name, words }: DialectView, locale: string): DialectView['words'][string] =>
  words[locale] ?? words['en'] ?? { title: name, summary: '', settings: {} }

export function controlOf(key: string, schema: object): Control {
  if (!Value.Check(Described, schema)) return { kind: 'text' }
  if (schema.enum) return { kind: 'choice', choices: schema.enum }
  if (schema.type === 'boolean') return { kind: 'switch' }
  if (schema.type !== 'integer' && schema.type !== 'number') return { kind: 'text' }
  const seconds = key.endsWith('Ms')
  const shown = (limit: number | undefined) => (limit === undefined || !seconds ? limit : limit / 1000)
  return { kind: 'number', seconds, min: shown(schema.minimum), max: shown(schema.maximum) }
}

export function shownValue({ seconds }: { seconds: boolean }, value: unknown): number {
  return Number(value) / (seconds ? 1000 : 1)
}

export function storedValue({ seconds }: { seconds: boolean }, value: number): number {
  return seconds ? Math.round(value * 1000) : value
}
