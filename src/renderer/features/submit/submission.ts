/** What happens to the form: it is checked by the manager while it is filled in, and submitted at once, later or again and again. */
import { useDebounceFn } from '@vueuse/core'
import { ref, shallowRef, watch, type WatchSource } from 'vue'
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import { createSchedule } from '../../../shared/operations/farm/schedules.ts'
import { checkJob, submitJob } from '../../../shared/operations/jobs/jobs.ts'
import type { DryRun, NewJob, SharedOutput } from '../../../shared/schemas/jobs/job.ts'
import type { NewSchedule, TriggerInput } from '../../../shared/schemas/schedule.ts'
import { ApiFailure, call } from '../../api/client.ts'
import { useUi } from '../../stores/ui.ts'

export type SchedulePolicies = Pick<NewSchedule, 'missed' | 'missedLimit' | 'overlap'>

/** @param options `body`: the job of the form; `isReady`: whether it is worth asking the manager; `of`: what the form is made of */
export function useSubmission(options: { body(): NewJob | undefined; isReady(): boolean; of: (WatchSource | object)[] }) {
  const { body, isReady } = options
  const { t } = useI18n()
  const router = useRouter()
  const ui = useUi()
  /** What the manager would make of it. */
  const dry = shallowRef<DryRun | null>(null)
  const refused = shallowRef<ApiFailure | null>(null)
  const checking = ref(false)
  const busy = ref(false)
  let asked = 0
  const checkSoon = useDebounceFn(check, 350)
  watch(
    options.of,
    () => {
      refused.value = null
      void checkSoon()
    },
    { deep: true },
  )
  async function check(): Promise<void> {
    const job = body()
    const mine = ++asked
    if (!job || !isReady()) {
      dry.value = null
      return
    }
    checking.value = true
    try {
      const result = await call(checkJob, { body: job })
      if (mine !== asked) return
      dry.value = result
      refused.value = null
    } catch (error) {
      if (mine !== asked) return
      dry.value = null
      refused.value = error instanceof ApiFailure ? error : new ApiFailure(0, 'error', String(error))
    } finally {
      if (mine === asked) checking.value = false
    }
  }
  async function submit(paused: boolean): Promise<void> {
    const job = body()
    if (!job) return
    const shared = dry.value?.sharedOutput
    if (shared && !(await mayShare(shared))) return
    busy.value = true
    try {
      const made = await call(submitJob, {
        body: {
          ...job,
          ...(paused && { paused: true }),
          ...(shared?.clashes && { allowSharedOutput: true }),
        },
      })
      ui.toast(t('submit.submitted', { name: made.name }))
      await router.push(`/jobs/${made.id}`)
    } catch (error) {
      refused.value = error instanceof ApiFailure ? error : null
      ui.failure(error)
    } finally {
      busy.value = false
    }
  }
  /** Whether the files may go to a folder that other jobs write to. */
  function mayShare({ folder, jobs, clashes }: SharedOutput): Promise<boolean> {
    const names = jobs.map(({ name }) => name).join(', ')
    return ui.ask({
      title: t('submit.sharedTitle'),
      text: t(clashes ? 'submit.sharedClash' : 'submit.sharedText', { folder, jobs: names }),
      confirm: t('submit.sharedYes'),
    })
  }
  async function schedule(trigger: TriggerInput | undefined, policies: SchedulePolicies): Promise<void> {
    const job = body()
    if (!job || !trigger) return
    busy.value = true
    try {
      const made = await call(createSchedule, { body: { name: job.name, trigger, job, ...policies } })
      ui.toast(t('schedules.created', { name: made.name }))
      await router.push('/schedules')
    } catch (error) {
      ui.failure(error)
    } finally {
      busy.value = false
    }
  }
  return { dry, refused, checking, busy, submit, schedule }
}
