/** What the manager says, for pages: in their language, with the times of this machine. */
import { useI18n } from 'vue-i18n'
import type { Said } from '../../shared/said/said.ts'
import { inLocale } from '../locales/said.ts'
import { clock } from '../lib/format.ts'

/** `say(text, code)`: the text from the manager, and its code if it sends one. */
export function useSaid(): (text: string, said?: Said) => string {
  const { locale } = useI18n()
  return (text, said) => inLocale(text, said, locale.value, (iso) => clock(iso, Date.now(), locale.value))
}
