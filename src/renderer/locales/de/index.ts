/** German. */
import 'cronstrue/locales/de'
import type { Language } from '../language.ts'
import { faults } from './faults.ts'
import * as jobTypes from './jobTypes.ts'
import { messages } from './messages.ts'
import { sentences, statuses } from './said.ts'

export const de: Language = {
  name: 'Deutsch',
  messages,
  said: { sentences, statuses, and: 'und', others: 'weitere' },
  faults,
  jobTypes,
  cron: 'de',
}
