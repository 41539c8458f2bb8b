/** Utilization, and what administrators see of all actors (protocol 2.11). */
import { dbidOf, idOf } from '../model/actor.ts'
import { allTotals, countAllActors } from '../store/admin.ts'
import { shown } from '../values/names.ts'
import { workerView } from '../views.ts'
import { shownActor, type Parts } from './parts.ts'

export function adminRoutes(parts: Parts): void {
  const { api, workers } = parts
  const { registry, context } = api

  api.on('GET', '/utilization', 'getUtilization', async (call) => {
    api.member(call)
    const current = [...registry.all()]
    const view = {
      currentActors: current.length,
      totalActors: await countAllActors(context.read),
      workers: [...workers.all()].length,
      commandQueue: 0,
    }
    return { result: shown(view, call.case), message: 'Utilization information retrieved successfully.' }
  })

  api.on('GET', '/admin', 'adminActors', async (call) => {
    api.admin(call)
    const totals = await allTotals(context.read)
    const result = await Promise.all(
      [...registry.all()].map(async (actor) => {
        const sums = totals.get(actor.key)
        const job = await context.farm.jobs.find(actor.jobId)
        return {
          ...shownActor(parts, actor, call),
          tenant: actor.tenant,
          workers: workers.list(actor).map((worker) => workerView(actor, worker, call)),
          messages: job?.counts.queued ?? 0,
          executions: sums?.executions ?? 0,
          runtime: sums?.runtime ?? 0,
        }
      }),
    )
    return { result, message: 'Actors retrieved successfully.' }
  })

  api.on('GET', '/admin/workers', 'adminWorkers', async (call) => {
    api.admin(call)
    const all = [...workers.all()]
    const busy = all.filter(({ worker }) => worker.busy).length
    const view = {
      totalWorkers: all.length,
      readyWorkers: all.length - busy,
      requestedWorkers: 0,
      errorWorkers: 0,
      busyWorkers: busy,
      actorsNoWorkers: [...registry.all()].filter((actor) => workers.count(actor) === 0).length,
    }
    const list = all.map(({ actor, worker }) => ({
      ...workerView(actor, worker, call),
      ...shown({ actorId: idOf(actor), actorDbid: dbidOf(actor) }, call.case),
    }))
    return { result: { summary: shown(view, call.case), workers: list }, message: 'Workers retrieved successfully.' }
  })

  api.on('GET', '/admin/executions', 'adminExecutions', async (call) => {
    api.admin(call)
    const totals = await allTotals(context.read)
    const existing = [...registry.all()]
    const sum = (keys: Iterable<number>, pick: 'executions' | 'runtime' | 'cpu' | 'io'): number => {
      let total = 0
      for (const key of keys) total += totals.get(key)?.[pick] ?? 0
      return total
    }
    const all = [...totals.keys()]
    const now = existing.map(({ key }) => key)
    const withSome = now.filter((key) => (totals.get(key)?.executions ?? 0) > 0)
    const view = {
      totalActorsAll: await countAllActors(context.read),
      totalActorsAllWithExecutions: all.length,
      totalExecutionsAll: sum(all, 'executions'),
      totalExecutionRuntimeAll: sum(all, 'runtime'),
      totalExecutionCpuAll: sum(all, 'cpu'),
      totalExecutionIoAll: sum(all, 'io'),
      totalActorsExisting: existing.length,
      totalActorsExistingWithExecutions: withSome.length,
      totalExecutionsExisting: sum(now, 'executions'),
      totalExecutionRuntimeExisting: sum(now, 'runtime'),
      totalExecutionCpuExisting: sum(now, 'cpu'),
      totalExecutionIoExisting: sum(now, 'io'),
    }
    const actors = existing.map((actor) => {
      const sums = totals.get(actor.key)
      const about = {
        actorId: idOf(actor),
        owner: actor.owner,
        image: actor.spec.image,
        totalExecutions: sums?.executions ?? 0,
        totalExecutionCpu: sums?.cpu ?? 0,
        totalExecutionIo: sums?.io ?? 0,
        totalExecutionRuntime: sums?.runtime ?? 0,
      }
      return shown(about, call.case)
    })
    return { result: { summary: shown(view, call.case), actors }, message: 'Executions retrieved successfully.' }
  })
}
