/** What the dashboard says of a thing that needs somebody: the manager's words in English, elsewhere those of its kind. */
import type { Attention } from '../../shared/schemas/farm.ts'

const GERMAN: Readonly<Record<Attention['kind'], string>> = {
  'job-failed': 'ist gescheitert',
  'worker-pending': 'will mitmachen',
  'worker-error': 'ging verloren, während er rechnen sollte',
  'worker-lost': 'ist nicht da',
  'job-stuck': 'Nichts davon läuft, obwohl ein Rechner frei ist',
  'disk-low': 'Wo die Farm ihre Daten hält, ist kaum noch Platz',
  'open-to-lan': 'Programme im Netz kommen ohne Schlüssel herein',
}

export function attentionWords(entry: Pick<Attention, 'kind' | 'message'>, locale: string): string {
  if (locale === 'de') return GERMAN[entry.kind]
  // What is left of a Flamenco sentence is the reason: that it failed is seen by the sign.
  const reason = entry.message.replace(/^Changed to status "[^"]*": /, '')
  return reason.charAt(0).toUpperCase() + reason.slice(1)
}
