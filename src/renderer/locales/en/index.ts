/** English. */
import { ENGLISH_WORDING } from '../../../shared/said/said.ts'
import type { Language } from '../language.ts'
import { messages } from './messages.ts'

export const en: Language = {
  name: 'English',
  messages,
  said: ENGLISH_WORDING,
  jobTypes: { labels: {}, descriptions: {} },
  cron: 'en',
}
