/** The manager's messages in the language of the page. */
import { translated, worded, type Said } from '../../shared/said/said.ts'
import { languageOf } from './languages.ts'

/**
 * @param text the text from the manager
 * @param said its code, if the manager sends one
 * @param timeText formats a time as a page does
 */
export function inLocale(text: string, said: Said | undefined, locale: string, timeText?: (iso: string) => string): string {
  const wording = languageOf(locale).said
  return (said && worded(said, wording, timeText)) ?? translated(text, wording, timeText)
}
