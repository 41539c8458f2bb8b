/** The languages of the page: to add one, add its folder, its line here and its line in components.ts. */
import { de } from './de/index.ts'
import { en } from './en/index.ts'
import type { Language } from './language.ts'

const LANGUAGES = { en, de } satisfies Record<string, Language>

export type Locale = keyof typeof LANGUAGES

const isLocale = (text: string): text is Locale => Object.hasOwn(LANGUAGES, text)

/** English first. */
export const LOCALES: readonly Locale[] = Object.keys(LANGUAGES).filter(isLocale)

/** English for an unknown one. */
export const languageOf = (locale: string): Language => (isLocale(locale) ? LANGUAGES[locale] : en)

/** The first of a person's languages that there is; English if there is none. @param preferred tags such as `de-CH`, best first */
export function localeFor(preferred: readonly string[]): Locale {
  return preferred.map((tag) => tag.toLowerCase().split('-', 1)[0] ?? '').find(isLocale) ?? 'en'
}
