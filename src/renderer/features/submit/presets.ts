/** Settings of a job type under a name, kept in the browser of the person who saved them. */
import { computed, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import { usePrefs } from '../../stores/prefs.ts'
import { useUi } from '../../stores/ui.ts'
import { settingsToSend, type Values } from './submitForm.ts'

export function usePresets(type: Readonly<Ref<JobTypeInfo | undefined>>, values: Ref<Values>) {
  const { t } = useI18n()
  const ui = useUi()
  const { prefs } = usePrefs()
  const presets = computed(() => (type.value ? (prefs.presets[type.value.name] ?? {}) : {}))
  function savePreset(name: string): void {
    if (!type.value) return
    prefs.presets[type.value.name] = { ...presets.value, [name]: settingsToSend(type.value, values.value) }
    ui.toast(t('common.saved'))
  }
  function presetMenu(event: MouseEvent): void {
    const entries = Object.entries(presets.value)
    const items = entries.map(([name, stored]) => ({
      key: name,
      label: name,
      run: () => (values.value = { ...values.value, ...stored }),
    }))
    ui.openMenu(event, t('submit.presets'), items)
  }
  return { presets, savePreset, presetMenu }
}
