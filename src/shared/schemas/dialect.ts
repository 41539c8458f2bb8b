/** API families besides the native one, as the settings page shows them (`/api/v1/dialects`). */
import { Type, type Static } from 'typebox'

const DialectTexts = Type.Object({
  title: Type.String(),
  summary: Type.String(),
  settings: Type.Record(Type.String(), Type.Object({ label: Type.String(), hint: Type.Optional(Type.String()) })),
})

export const DialectView = Type.Object({
  name: Type.String(),
  /** By language (`en`, `de`, …); English is always there. */
  words: Type.Record(Type.String(), DialectTexts),
  /** Its settings: the key for PATCH /settings, a JSON schema of one value, and the value. */
  settings: Type.Array(Type.Object({ key: Type.String(), schema: Type.Unsafe<object>({ type: 'object' }), value: Type.Unknown() })),
  /** The setting that holds the public half of a key which the manager can make; null: there is none. */
  keySetting: Type.Union([Type.String(), Type.Null()]),
})
export type DialectView = Static<typeof DialectView>

/** A key that was just made. */
export const DialectKey = Type.Object({
  /** The private key. It is not stored, and not shown again. */
  secret: Type.String(),
  /** What `setting` holds now. */
  value: Type.String(),
  setting: Type.String(),
})
export type DialectKey = Static<typeof DialectKey>

export const Dialects = Type.Object({ items: Type.Array(DialectView) })
