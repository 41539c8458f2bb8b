/** Puts the chosen palette onto the root element, and follows the system's choice when the person left it to it. */
import { usePreferredDark } from '@vueuse/core'
import { computed, watchEffect } from 'vue'
import { usePrefs } from '../../stores/prefs.ts'
import { naiveBase, naiveOverrides } from './theme.ts'
import { cssVariables, dark, light } from './tokens.ts'

const systemDark = usePreferredDark()

export const isDark = computed(() => {
  const theme = usePrefs().prefs.theme
  return theme === 'system' ? systemDark.value : theme === 'dark'
})
export const palette = computed(() => (isDark.value ? dark : light))
export const naive = computed(() => ({ theme: naiveBase(isDark.value), overrides: naiveOverrides(palette.value) }))

export function applyAppearance(): void {
  watchEffect(() => {
    const root = document.documentElement
    for (const [name, value] of Object.entries(cssVariables(palette.value))) root.style.setProperty(name, value)
    root.style.colorScheme = isDark.value ? 'dark' : 'light'
    root.dataset['theme'] = isDark.value ? 'dark' : 'light'
  })
}

export function toggleTheme(): void {
  usePrefs().prefs.theme = isDark.value ? 'light' : 'dark'
}
