/** /machines: the computers that host workers, their load over time, what they cost. */
import { Type } from 'typebox'
import { Time } from '../../../shared/schemas/common.ts'
import { Machine, MachinePatch, MachineSample } from '../../../shared/schemas/worker.ts'
import { InvalidInputError, NotFoundError } from '../../engine/errors.ts'
import { machineSamples, readMachines } from '../../store/queries/staff.ts'
import type { ServerContext } from '../context.ts'
import { IdParams, type NativeApp } from './common.ts'

const tags = ['workers']
const DAY_MS = 86_400_000
const SampleQuery = Type.Object({
  /** Default: a day before `until`. */
  since: Type.Optional(Time),
  until: Type.Optional(Time),
})

export function machineRoutes(app: NativeApp, context: ServerContext): void {
  const { farm, read } = context

  /** @throws NotFoundError */
  async function requireMachine(id: string): Promise<Machine> {
    const [machine] = await readMachines(read, id)
    if (!machine) throw new NotFoundError('machine', id)
    return machine
  }

  app.get(
    '/machines',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listMachines',
        summary: 'Computers that host workers',
        response: { 200: Type.Object({ items: Type.Array(Machine) }) },
      },
    },
    async () => ({ items: await readMachines(read) }),
  )

  app.get(
    '/machines/:id',
    {
      config: { access: 'read' },
      schema: { tags, operationId: 'getMachine', summary: 'One computer', params: IdParams, response: { 200: Machine } },
    },
    ({ params }) => requireMachine(params.id),
  )

  app.patch(
    '/machines/:id',
    {
      config: { access: 'admin' },
      schema: {
        tags,
        operationId: 'changeMachine',
        summary: 'Name, hourly rate and power of a computer',
        params: IdParams,
        body: MachinePatch,
        response: { 200: Machine },
      },
    },
    async ({ params, body }) => {
      const { id } = await requireMachine(params.id)
      await farm.changeMachine(id, body)
      return requireMachine(id)
    },
  )

  app.get(
    '/machines/:id/samples',
    {
      config: { access: 'read' },
      schema: {
        tags,
        operationId: 'listMachineSamples',
        summary: 'Load of a computer over time, at most 500 points',
        params: IdParams,
        querystring: SampleQuery,
        response: { 200: Type.Object({ items: Type.Array(MachineSample) }) },
      },
    },
    async ({ params, query }) => {
      const { id } = await requireMachine(params.id)
      const until = query.until === undefined ? context.now() : Date.parse(query.until)
      const since = query.since === undefined ? until - DAY_MS : Date.parse(query.since)
      if (since >= until) throw new InvalidInputError('since', 'since must be before until')
      return { items: await machineSamples(read, id, since, until) }
    },
  )
}
