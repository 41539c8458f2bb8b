/** Has single frames of a job rendered again, from wherever they are shown, and says so. */
import type { Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import { actOnJob } from '../../../shared/operations/jobs/jobs.ts'
import { call } from '../../api/client.ts'
import { useUi } from '../../stores/ui.ts'
import { count } from '../../lib/format.ts'

/** @returns renders frames by number. Those that their tasks still owe come along. */
export function useRenderAgain(jobId: Readonly<Ref<string>>): (frames: readonly number[]) => Promise<void> {
  const { t } = useI18n()
  const ui = useUi()
  return async (frames) => {
    try {
      await call(actOnJob, { params: { jobId: jobId.value }, body: { action: 'requeue', frames: [...frames] } })
      ui.toast(t('frames.again', { n: count(frames.length) }, frames.length))
    } catch (error) {
      ui.failure(error)
    }
  }
}
