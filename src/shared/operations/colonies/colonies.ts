/** Operations of the native API: colonies, their executors and users. */
import { Type } from 'typebox'
import {
  ColonyDetail,
  ColonyExecutor,
  ColonyList,
  ColonyName,
  ColonySummary,
  Identity,
  NewIdentity,
} from '../../schemas/colonies/people.ts'
import { operation } from '../operation.ts'
import { Nothing } from '../params.ts'

export const ColonyParams = Type.Object({ colony: ColonyName })
export const ExecutorParams = Type.Object({ colony: ColonyName, executor: ColonyName })
const UserParams = Type.Object({ colony: ColonyName, user: ColonyName })
const OWN_IDENTITY = Type.Optional(Identity)
const MADE_ONCE = 'Without an `id`, a key is made: its private half is in the reply, and nowhere else.'

export const listColonies = operation({
  method: 'GET',
  url: '/colonies',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listColonies',
    summary: 'Colonies, and where their clients are answered',
    response: { 200: ColonyList },
  },
})

export const createColony = operation({
  method: 'POST',
  url: '/colonies',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'createColony',
    summary: 'Create a colony',
    description: `${MADE_ONCE} It is the key of the colony's owner.`,
    body: Type.Object({ name: ColonyName, id: OWN_IDENTITY }, { additionalProperties: false }),
    response: { 201: NewIdentity },
  },
})

export const getColony = operation({
  method: 'GET',
  url: '/colonies/:colony',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'getColony',
    summary: 'A colony with its users and statistics',
    params: ColonyParams,
    response: { 200: ColonyDetail },
  },
})

export const changeColony = operation({
  method: 'PATCH',
  url: '/colonies/:colony',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'changeColony',
    summary: 'Pause a colony, or let its executors get processes again',
    params: ColonyParams,
    body: Type.Object({ paused: Type.Boolean() }, { additionalProperties: false }),
    response: { 200: ColonySummary },
  },
})

export const removeColony = operation({
  method: 'DELETE',
  url: '/colonies/:colony',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'removeColony',
    summary: 'Remove a colony with everything in it',
    params: ColonyParams,
    response: Nothing,
  },
})

export const listColonyExecutors = operation({
  method: 'GET',
  url: '/colonies/:colony/executors',
  config: { access: 'read' },
  schema: {
    tags: ['colonies'],
    operationId: 'listColonyExecutors',
    summary: 'Executors with what they hold',
    params: ColonyParams,
    response: { 200: Type.Object({ items: Type.Array(ColonyExecutor) }) },
  },
})

export const addColonyExecutor = operation({
  method: 'POST',
  url: '/colonies/:colony/executors',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'addColonyExecutor',
    summary: 'Register and approve an executor',
    description: MADE_ONCE,
    params: ColonyParams,
    body: Type.Object({ name: ColonyName, type: ColonyName, id: OWN_IDENTITY }, { additionalProperties: false }),
    response: { 201: NewIdentity },
  },
})

export const actOnColonyExecutor = operation({
  method: 'POST',
  url: '/colonies/:colony/executors/:executor/actions',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'actOnColonyExecutor',
    summary: 'Approve or reject an executor',
    description: 'A rejected one keeps what it holds, and gets no more.',
    params: ExecutorParams,
    body: Type.Object({ action: Type.Enum(['approve', 'reject']) }, { additionalProperties: false }),
    response: Nothing,
  },
})

export const removeColonyExecutor = operation({
  method: 'DELETE',
  url: '/colonies/:colony/executors/:executor',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'removeColonyExecutor',
    summary: 'Remove an executor; what it holds waits for another one',
    params: ExecutorParams,
    response: Nothing,
  },
})

export const addColonyUser = operation({
  method: 'POST',
  url: '/colonies/:colony/users',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'addColonyUser',
    summary: 'Add a user to a colony',
    description: MADE_ONCE,
    params: ColonyParams,
    body: Type.Object(
      { name: ColonyName, email: Type.Optional(Type.String({ maxLength: 1_000 })), id: OWN_IDENTITY },
      { additionalProperties: false },
    ),
    response: { 201: NewIdentity },
  },
})

export const removeColonyUser = operation({
  method: 'DELETE',
  url: '/colonies/:colony/users/:user',
  config: { access: 'admin' },
  schema: {
    tags: ['colonies'],
    operationId: 'removeColonyUser',
    summary: 'Remove a user from a colony',
    params: UserParams,
    response: Nothing,
  },
})
