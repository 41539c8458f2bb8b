/** A message of the manager as a code with values: programs word it in the reader's language. */
import { Type, type Static } from 'typebox'

export const SaidAs = Type.Object({
  /** One of the codes in english.ts; a program that does not know it shows the text that comes with it. */
  code: Type.String(),
  /** Numbers, texts, lists of names, times (ISO 8601), other messages. */
  values: Type.Record(Type.String(), Type.Unknown()),
})
export type SaidAs = Static<typeof SaidAs>

/** Messages for a reason and for what would help. */
export const SaidWithAdvice = Type.Object({ message: SaidAs, advice: SaidAs })
export type SaidWithAdvice = Static<typeof SaidWithAdvice>
