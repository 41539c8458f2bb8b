/** A cron expression in words; the list of next runs says the rest. Pure. */
import cronstrue from 'cronstrue'
import { languageOf } from '../../locales/languages.ts'

/**
 * @param seconds where the seconds are in six fields
 * @returns undefined for what is no expression
 */
export function cronWords(expression: string, seconds: 'first' | 'last', language = 'en'): string | undefined {
  const fields = expression.trim().split(/\s+/)
  const rotated = fields.length === 6 && seconds === 'last' ? [...fields.slice(5), ...fields.slice(0, 5)] : fields
  // "At 20:00" alone does not say that it is every day; "Every minute, every hour, every day" says too much.
  const verbose = /^\d/.test(rotated.at(-4) ?? '')
  try {
    return cronstrue.toString(rotated.join(' '), { locale: languageOf(language).cron, use24HourTimeFormat: true, verbose })
  } catch {
    return undefined
  }
}
