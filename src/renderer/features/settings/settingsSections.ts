/** The sections of the settings: who sees them, their addresses, and the commands that lead to them. */
import { computed, type ComputedRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import { useCommands } from '../../composables/commands.ts'
import { inDesktop } from '../../lib/bridge.ts'
import { useFarm } from '../../stores/farm.ts'
import type { IconName } from '../../ui/design/icons.ts'

export interface SettingsSection {
  key: string
  icon: IconName
  /** Its text is `farmSettings.<label>`. */
  label: string
  admin: boolean
  desktop?: true
}

export const SECTIONS: readonly SettingsSection[] = [
  { key: 'appearance', icon: 'sun', label: 'appearance', admin: false },
  { key: 'machine', icon: 'workers', label: 'desktop', admin: false, desktop: true },
  { key: 'general', icon: 'sliders', label: 'general', admin: true },
  { key: 'paths', icon: 'folder', label: 'paths', admin: true },
  { key: 'policy', icon: 'rotate', label: 'policy', admin: true },
  { key: 'network', icon: 'link', label: 'network', admin: true },
  { key: 'security', icon: 'shield', label: 'security', admin: true },
  { key: 'people', icon: 'key', label: 'people', admin: true },
  { key: 'job-types', icon: 'cube', label: 'jobTypes', admin: false },
  { key: 'apis', icon: 'graph', label: 'apis', admin: true },
  { key: 'notifications', icon: 'bell', label: 'notifications', admin: true },
  { key: 'backup', icon: 'download', label: 'backup', admin: true },
  { key: 'audit', icon: 'activity', label: 'audit', admin: true },
  { key: 'about', icon: 'question', label: 'about', admin: false },
]

/** Those that this person may see. */
export function useSettingsSections(): ComputedRef<readonly SettingsSection[]> {
  const farm = useFarm()
  return computed(() => SECTIONS.filter((entry) => (!entry.admin || farm.can.admin) && (!entry.desktop || inDesktop)))
}

export function useSettingsCommands(): void {
  const { t } = useI18n()
  const router = useRouter()
  const sections = useSettingsSections()
  useCommands(() =>
    sections.value.map(({ key, icon, label }) => ({
      id: `settings.${key}`,
      label: `${t('nav.settings')}: ${t(`farmSettings.${label}`)}`,
      icon,
      group: 'go',
      run: () => router.push(`/settings/${key}`),
    })),
  )
}
