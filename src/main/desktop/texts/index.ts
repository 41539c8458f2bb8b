/** The language of what the shell itself shows: that of the page, once the page names it; before that the system's. */
import { de } from './de.ts'
import { en, type ShellTexts } from './en.ts'

export type { ShellTexts }

/** @param language a tag such as `de-CH`; English for one without texts */
export function shellTexts(language: string): ShellTexts {
  return language.toLowerCase().split('-', 1)[0] === 'de' ? de : en
}
