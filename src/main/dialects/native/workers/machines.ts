/** /machines: the computers that host workers, their load over time, what they cost. */
import { listMachines, getMachine, changeMachine, listMachineSamples } from '../../../../shared/operations/workers/machines.ts'
import type { Machine } from '../../../../shared/schemas/worker.ts'
import { InvalidInputError, NotFoundError } from '../../../engine/base/errors.ts'
import { machineSamples, readMachines } from '../../../store/queries/farm/workers.ts'
import type { ServerContext } from '../../../http/context.ts'
import { type NativeApp } from '../common.ts'

const DAY_MS = 86_400_000

export function machineRoutes(app: NativeApp, context: ServerContext): void {
  const { farm, read } = context

  /** @throws NotFoundError */
  async function requireMachine(id: string): Promise<Machine> {
    const [machine] = await readMachines(read, id)
    if (!machine) throw new NotFoundError('machine', id)
    return machine
  }

  app.route({ ...listMachines, handler: async () => ({ items: await readMachines(read) }) })

  app.route({ ...getMachine, handler: ({ params }) => requireMachine(params.id) })

  app.route({
    ...changeMachine,
    handler: async ({ params, body }) => {
      const { id } = await requireMachine(params.id)
      await farm.workers.changeMachine(id, body)
      return requireMachine(id)
    },
  })

  app.route({
    ...listMachineSamples,
    handler: async ({ params, query }) => {
      const { id } = await requireMachine(params.id)
      const until = query.until === undefined ? context.now() : Date.parse(query.until)
      const since = query.since === undefined ? until - DAY_MS : Date.parse(query.since)
      if (since >= until) throw new InvalidInputError('since', 'since must be before until')
      return { items: await machineSamples(read, id, since, until) }
    },
  })
}
