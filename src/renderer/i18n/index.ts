/** Languages. The person's choice, else the system's, else English. */
import { computed, watchEffect } from 'vue'
import { createI18n } from 'vue-i18n'
import { writeDecimalsIn } from '../lib/format.ts'
import { usePrefs } from '../stores/prefs.ts'
import { de } from './de.ts'
import { en, type Messages } from './en.ts'

export const i18n = createI18n<[Messages], 'en' | 'de', false>({ legacy: false, locale: 'en', fallbackLocale: 'en', messages: { en, de } })

export const locale = computed<'en' | 'de'>(() => {
  const chosen = usePrefs().prefs.locale
  if (chosen !== 'system') return chosen
  return navigator.language.toLowerCase().startsWith('de') ? 'de' : 'en'
})

export function applyLocale(): void {
  watchEffect(() => {
    i18n.global.locale.value = locale.value
    writeDecimalsIn(locale.value)
    document.documentElement.lang = locale.value
  })
}
