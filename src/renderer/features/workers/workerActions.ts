/** What can be done to workers: one list for the table's menu and the drawer's buttons. */
import { useI18n } from 'vue-i18n'
import type { SignInRole, Worker } from '../../../shared/schemas/worker.ts'
import {
  actOnWorker,
  approveWorker,
  deleteWorker,
  grantSignIn,
  refuseSignIn as refuseSignInOf,
  replaceWorker,
} from '../../../shared/operations/workers/workers.ts'
import { call } from '../../api/client.ts'
import { useFarm } from '../../stores/farm.ts'
import { useUi, type MenuEntry } from '../../stores/ui.ts'
import { useWorkers } from '../../stores/workers.ts'

export type WorkerWish = 'awake' | 'asleep' | 'offline' | 'restart'

export function useWorkerActions() {
  const { t } = useI18n()
  const ui = useUi()
  const farm = useFarm()
  const workers = useWorkers()

  async function each(targets: readonly Worker[], work: (worker: Worker) => Promise<unknown>): Promise<void> {
    try {
      for (const worker of targets) await work(worker)
    } catch (error) {
      ui.failure(error)
    }
    await workers.refresh()
  }
  const request = (targets: readonly Worker[], status: WorkerWish, lazy: boolean) =>
    each(targets, (worker) => call(actOnWorker, { params: { workerId: worker.id }, body: { status, lazy } }))
  const approve = (targets: readonly Worker[]) => each(targets, (worker) => call(approveWorker, { params: { workerId: worker.id } }))

  const approveWithSignIn = (target: Worker, role: SignInRole) =>
    each([target], async (worker) => {
      const params = { workerId: worker.id }
      if (!worker.approved) await call(approveWorker, { params })
      await call(grantSignIn, { params, body: { role } })
    })
  const refuseSignIn = (target: Worker) => each([target], (worker) => call(refuseSignInOf, { params: { workerId: worker.id } }))

  const replace = (target: Worker, former: string) =>
    each([target], (worker) => call(replaceWorker, { params: { workerId: worker.id }, body: { worker: former } }))

  async function remove(targets: readonly Worker[]): Promise<void> {
    const yes = await ui.ask({
      title: t('workers.confirmRemove', { name: targets.map((worker) => worker.name).join(', ') }),
      text: t('workers.confirmRemoveText'),
      confirm: t('common.remove'),
    })
    if (yes) await each(targets, (worker) => call(deleteWorker, { params: { workerId: worker.id } }))
  }

  function menu(targets: readonly Worker[]): MenuEntry[] {
    const admin = farm.can.admin
    const on = targets.some((worker) => worker.status !== 'offline')
    const wish = (status: WorkerWish, word: string, icon: 'moon' | 'sun' | 'rotate' | 'power', possible = true): MenuEntry => ({
      key: status,
      label: t(`workers.${word}`),
      icon,
      disabled: !admin || !possible,
      children: [
        { key: `${status}-lazy`, label: t('workers.lazy'), run: () => void request(targets, status, true) },
        { key: `${status}-now`, label: t('workers.nowWord'), run: () => void request(targets, status, false) },
      ],
    })
    const items: MenuEntry[] = []
    if (targets.some((worker) => !worker.approved)) {
      items.push({ key: 'approve', label: t('workers.approve'), icon: 'check', disabled: !admin, run: () => void approve(targets) }, 'line')
    }
    items.push(
      wish('asleep', 'sleep', 'moon'),
      { key: 'awake', label: t('workers.wake'), icon: 'sun', disabled: !admin, run: () => void request(targets, 'awake', false) },
      wish('restart', 'restart', 'rotate', on && targets.every((worker) => worker.canRestart)),
      wish('offline', 'shutDown', 'power', on),
      'line',
      { key: 'remove', label: t('common.remove'), icon: 'trash', disabled: !admin, run: () => void remove(targets) },
    )
    return items
  }
  return { menu, request, approve, approveWithSignIn, refuseSignIn, replace, remove }
}
