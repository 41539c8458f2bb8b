/** What can be done to jobs: one list for the menu, the buttons, the palette and the keys. */
import { useI18n } from 'vue-i18n'
import { useRouter } from 'vue-router'
import type { JobAction, JobSummary } from '../../../shared/schemas/jobs/job.ts'
import { actOnJobs, changeJob } from '../../../shared/operations/jobs/jobs.ts'
import { call } from '../../api/client.ts'
import type { BulkResult as Result } from '../../../shared/schemas/farm.ts'
import { useFarm } from '../../stores/farm.ts'
import { useJobs } from '../../stores/jobs.ts'
import { useUi, type MenuEntry } from '../../stores/ui.ts'
import { inDesktop, shell } from '../../lib/bridge.ts'
import { useCopy } from '../../composables/clipboard.ts'

const LIVE = new Set(['queued', 'active', 'paused', 'under-construction', 'pause-requested', 'requeueing'])

/** Which actions make sense for a job in its state. Pure. */
export function possibleActions(job: Pick<JobSummary, 'status' | 'counts' | 'deletedAt'>): Set<JobAction> {
  if (job.deletedAt) return new Set(['undelete'])
  const possible = new Set<JobAction>(['delete', 'requeue'])
  if (job.status === 'queued' || job.status === 'active') possible.add('pause')
  if (job.status === 'paused' || job.status === 'pause-requested') possible.add('resume')
  if (LIVE.has(job.status)) possible.add('cancel')
  if (job.counts.failed + job.counts.softFailed + job.counts.canceled > 0) possible.add('requeue-failed')
  return possible
}

/** The label for submitting a copy of a job: a container is run with another image or command, a render with other settings. */
export function cloneLabel(jobType: string): string {
  return jobType === 'container' ? 'action.runAgainWith' : 'action.clone'
}

export function useJobActions() {
  const { t } = useI18n()
  const router = useRouter()
  const ui = useUi()
  const farm = useFarm()
  const jobs = useJobs()
  const copy = useCopy()

  async function send(action: JobAction, ids: string[], keepWholeFrames?: true): Promise<Result> {
    const result = await call(actOnJobs, { body: { ids, action, ...(keepWholeFrames && { keepWholeFrames }) } })
    for (const id of result.done) jobs.touch(id)
    const failed = result.failed[0]
    if (failed) ui.toast(t('action.failedFor', { n: result.failed.length, message: failed.message }), { kind: 'error' })
    return result
  }

  async function run(action: JobAction, targets: readonly JobSummary[]): Promise<void> {
    const fit = targets.filter((job) => possibleActions(job).has(action))
    if (fit.length === 0) return
    const n = fit.length
    let keepsWhole = false
    if (action === 'cancel' || action === 'requeue') {
      const which = action === 'cancel' ? 'Cancel' : 'Requeue'
      const answer = await ui.askWithChoice({
        title: t(`action.confirm${which}`, n),
        text: t(`action.confirm${which}Text`),
        confirm: t(action === 'cancel' ? 'action.cancelThem' : 'action.requeue', n),
        ...(action === 'requeue' && { choice: t('action.keepWholeFrames') }),
      })
      if (!answer.yes) return
      keepsWhole = answer.chosen
    }
    try {
      const result = await send(
        action,
        fit.map((job) => job.id),
        keepsWhole || undefined,
      )
      if (action === 'delete' && result.done.length) {
        ui.toast(t('action.deleted', result.done.length), {
          action: { label: t('common.undo'), run: () => void send('undelete', result.done).catch(ui.failure) },
        })
      }
    } catch (error) {
      ui.failure(error)
    }
  }

  async function setPriority(targets: readonly JobSummary[], priority: number): Promise<void> {
    try {
      for (const job of targets) {
        await call(changeJob, { params: { jobId: job.id }, body: { priority } })
        jobs.touch(job.id)
      }
    } catch (error) {
      ui.failure(error)
    }
  }

  /** The folder that the newest frame is in. */
  const outputOf = (job: JobSummary) => job.lastFrame?.path.replace(/[\\/][^\\/]*$/, '') ?? ''

  function menu(targets: readonly JobSummary[]): MenuEntry[] {
    const one = targets.length === 1 ? targets[0] : undefined
    const can = (action: JobAction) => farm.can.manage && targets.some((job) => possibleActions(job).has(action))
    const entry = (action: JobAction, label: string, icon: 'pause' | 'play' | 'slash' | 'rotate' | 'trash', keys?: string): MenuEntry => ({
      key: action,
      label: t(`action.${label}`),
      icon,
      keys,
      disabled: !can(action),
      run: () => void run(action, targets),
    })
    const items: MenuEntry[] = []
    if (one)
      items.push(
        { key: 'open', label: t('action.open'), icon: 'eye', keys: 'Enter', run: () => void router.push(`/jobs/${one.id}`) },
        'line',
      )
    if (targets.every((job) => job.deletedAt)) return [entry('undelete', 'undelete', 'rotate')]
    items.push(can('resume') ? entry('resume', 'resume', 'play', 'P') : entry('pause', 'pause', 'pause', 'P'))
    items.push(
      entry('requeue-failed', 'requeueFailed', 'rotate', 'R'),
      entry('requeue', 'requeue', 'rotate'),
      entry('cancel', 'cancel', 'slash'),
    )
    items.push('line', {
      key: 'priority',
      label: t('action.priority'),
      icon: 'up',
      disabled: !farm.can.manage,
      children: [100, 80, 60, 50, 40, 20, 0].map((value) => ({
        key: `prio-${value}`,
        label: String(value),
        run: () => void setPriority(targets, value),
      })),
    })
    if (one) {
      items.push(
        {
          key: 'clone',
          label: t(cloneLabel(one.type)),
          icon: 'copy',
          run: () => void router.push({ path: `/submit/${one.type}`, query: { from: one.id } }),
        },
        {
          key: 'repeat',
          label: t('schedules.repeat'),
          icon: 'calendar',
          disabled: !farm.can.submit,
          run: () => void router.push({ path: `/submit/${one.type}`, query: { from: one.id, later: '1' } }),
        },
        {
          key: 'compare',
          label: t('action.compare'),
          icon: 'compare',
          run: () => void router.push({ path: `/jobs/${one.id}/preview`, query: { compare: 'choose' } }),
        },
        'line',
        { key: 'name', label: t('action.copyName'), icon: 'copy', run: () => void copy(one.name) },
        { key: 'id', label: t('action.copyId'), run: () => void copy(one.id) },
        {
          key: 'link',
          label: t('action.copyLink'),
          icon: 'link',
          run: () => void copy(new URL(`/app/jobs/${one.id}`, location.href).href),
        },
        { key: 'path', label: t('action.copyPath'), icon: 'folder', disabled: !outputOf(one), run: () => void copy(outputOf(one)) },
      )
      if (inDesktop) {
        items.push({
          key: 'folder',
          label: t('action.openFolder'),
          icon: 'folder',
          disabled: !outputOf(one),
          run: () => void shell('shell:open-folder', { path: outputOf(one) }).catch(ui.failure),
        })
      }
    }
    items.push('line', entry('delete', 'delete', 'trash', 'Del'))
    return items
  }
  return { menu, run, setPriority, copy }
}
