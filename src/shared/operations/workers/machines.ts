/** Operations of the native API: workers/machines. */
import { Type } from 'typebox'
import { Machine, MachinePatch, MachineSample } from '../../schemas/worker.ts'
import { IdParams } from '../params.ts'
import { Time } from '../../schemas/common.ts'
import { operation } from '../operation.ts'

export const SampleQuery = Type.Object({
  /** Default: a day before `until`. */
  since: Type.Optional(Time),
  until: Type.Optional(Time),
})

export const listMachines = operation({
  method: 'GET',
  url: '/machines',
  config: { access: 'read' },
  schema: {
    tags: ['workers'],
    operationId: 'listMachines',
    summary: 'Computers that host workers',
    response: { 200: Type.Object({ items: Type.Array(Machine) }) },
  },
})

export const getMachine = operation({
  method: 'GET',
  url: '/machines/:id',
  config: { access: 'read' },
  schema: { tags: ['workers'], operationId: 'getMachine', summary: 'One computer', params: IdParams, response: { 200: Machine } },
})

export const changeMachine = operation({
  method: 'PATCH',
  url: '/machines/:id',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'changeMachine',
    summary: 'Name, hourly rate and power of a computer',
    params: IdParams,
    body: MachinePatch,
    response: { 200: Machine },
  },
})

export const listMachineSamples = operation({
  method: 'GET',
  url: '/machines/:id/samples',
  config: { access: 'read' },
  schema: {
    tags: ['workers'],
    operationId: 'listMachineSamples',
    summary: 'Load of a computer over time, at most 500 points',
    params: IdParams,
    querystring: SampleQuery,
    response: { 200: Type.Object({ items: Type.Array(MachineSample) }) },
  },
})
