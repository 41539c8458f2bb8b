/** The commands that are always there: the pages, and what concerns the whole window. */
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import { useCommands, type Command } from '../composables/commands.ts'
import { locale } from '../locales/index.ts'
import { LOCALES } from '../locales/languages.ts'
import { usePrefs } from '../stores/prefs.ts'
import { useUi } from '../stores/ui.ts'
import { toggleTheme } from '../ui/design/appearance.ts'
import { PAGES } from './pages.ts'

export function useShellCommands(): void {
  const { t } = useI18n()
  const router = useRouter()
  const ui = useUi()
  const { prefs } = usePrefs()
  useCommands(() => [
    ...PAGES.map<Command>(({ name, path, icon, key }) => ({
      id: `go.${name}`,
      label: t(`nav.${name}`),
      icon,
      group: 'go',
      ...(key && { keys: `g ${key}` }),
      run: () => router.push(path),
    })),
    { id: 'app.theme', label: t('shell.theme'), icon: 'sun', group: 'app', run: toggleTheme },
    {
      id: 'app.language',
      label: t('shell.language'),
      icon: 'edit',
      group: 'app',
      run: () => (prefs.locale = LOCALES[(LOCALES.indexOf(locale.value) + 1) % LOCALES.length] ?? 'en'),
    },
    { id: 'app.keys', label: t('shell.shortcuts'), icon: 'question', keys: '?', group: 'app', run: () => (ui.keysOpen = true) },
    { id: 'app.welcome', label: t('welcome.title'), icon: 'check', group: 'app', run: () => router.push('/welcome') },
  ])
}
