/** The language of the page: the person's choice, else the browser's, else English. */
import { computed, watchEffect } from 'vue'
import { createI18n } from 'vue-i18n'
import { writeDecimalsIn } from '../lib/format.ts'
import { usePrefs } from '../stores/prefs.ts'
import type { Messages } from './en/messages.ts'
import { languageOf, localeFor, LOCALES, type Locale } from './languages.ts'

export const i18n = createI18n<[Messages], Locale, false>({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  // Object.fromEntries forgets the keys; there is one for each locale.
  messages: Object.fromEntries(LOCALES.map((locale) => [locale, languageOf(locale).messages])) as Record<Locale, Messages>,
})

export const locale = computed<Locale>(() => {
  const chosen = usePrefs().prefs.locale
  return chosen === 'system' ? localeFor([navigator.language]) : chosen
})

export function applyLocale(): void {
  watchEffect(() => {
    i18n.global.locale.value = locale.value
    writeDecimalsIn(locale.value)
    document.documentElement.lang = locale.value
  })
}
