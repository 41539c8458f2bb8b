/** Texts for the attention list of the dashboard, and for the banner of a fault of the farm itself. */
import { recognise } from '../../shared/said/said.ts'
import type { Attention, Fault } from '../../shared/schemas/farm.ts'
import { languageOf } from './languages.ts'
import { inLocale } from './said.ts'

export function attentionWords({ kind, message, said }: Pick<Attention, 'kind' | 'message' | 'said'>, locale: string): string {
  const fault = kind === 'disk-low' ? languageOf(locale).faults?.[kind] : undefined
  if (fault) return fault.message
  // For a job that ended, only the reason: the icon already shows that it failed.
  const known = said ?? recognise(message)
  const why = known?.code === 'job.changed' ? known.values['why'] : undefined
  if (typeof why !== 'string') return inLocale(message, said, locale)
  const text = inLocale(why, undefined, locale)
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** A fault and its remedy for the banner. Commands and paths stay as the manager wrote them, after the translated sentences. */
export function faultWords(fault: Fault, locale: string): { message: string; remedy: string } {
  const translated = languageOf(locale).faults?.[fault.kind]
  if (!translated) return fault
  const { message, remedy } = translated
  return { message, remedy: `${remedy}\n${fault.message}\n${fault.remedy}` }
}
