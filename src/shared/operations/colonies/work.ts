/** Operations of the native API: processes, workflows and channels of a colony. */
import { Type } from 'typebox'
import { ChannelEntries, ColonyProcess, ColonyProcessDetail, ColonyWorkflow } from '../../schemas/colonies/work.ts'
import { ColonyName, Identity, ProcessStateSchema } from '../../schemas/colonies/people.ts'
import { nullable } from '../../schemas/common.ts'
import { operation } from '../operation.ts'
import { ColonyParams } from './colonies.ts'

const PAGE = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
  cursor: Type.Optional(Type.String({ maxLength: 100 })),
}
const ProcessParams = Type.Object({ colony: ColonyName, process: Identity })

export const listColonyProcesses = operation({
  method: 'GET',
  url: '/colonies/:colony/processes',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listColonyProcesses',
    summary: 'Processes in a state',
    description: 'Waiting ones in the order in which they were submitted, others the newest first.',
    params: ColonyParams,
    querystring: Type.Object({ state: ProcessStateSchema, ...PAGE }),
    response: { 200: Type.Object({ items: Type.Array(ColonyProcess), next: nullable(Type.String()) }) },
  },
})

export const getColonyProcess = operation({
  method: 'GET',
  url: '/colonies/:colony/processes/:process',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'getColonyProcess',
    summary: 'A process with its arguments, results and attributes',
    params: ProcessParams,
    response: { 200: ColonyProcessDetail },
  },
})

/** Most milliseconds that a look at a channel waits. */
export const LONGEST_LOOK_MS = 20_000

export const readColonyChannel = operation({
  method: 'GET',
  url: '/colonies/:colony/processes/:process/channels/:channel',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'readColonyChannel',
    summary: 'Entries of a channel, in the order in which they came',
    description: 'Without `after` the newest ones. `waitMs`: how long to wait for the next one when there is none.',
    params: Type.Object({ colony: ColonyName, process: Identity, channel: Type.String({ minLength: 1, maxLength: 1_000 }) }),
    querystring: Type.Object({
      after: Type.Optional(Type.Integer({ minimum: 0 })),
      waitMs: Type.Optional(Type.Integer({ minimum: 0, maximum: LONGEST_LOOK_MS, default: 0 })),
    }),
    response: { 200: ChannelEntries },
  },
})

export const listColonyWorkflows = operation({
  method: 'GET',
  url: '/colonies/:colony/workflows',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listColonyWorkflows',
    summary: 'Workflows, the newest first',
    params: ColonyParams,
    querystring: Type.Object({ state: Type.Optional(ProcessStateSchema), ...PAGE }),
    response: { 200: Type.Object({ items: Type.Array(ColonyWorkflow), next: nullable(Type.String()) }) },
  },
})
