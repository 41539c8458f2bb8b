/** /colonies of the native API: colonies and their users, for the farm's own accounts. */
import {
  addColonyUser,
  changeColony,
  createColony,
  getColony,
  listColonies,
  removeColony,
  removeColonyUser,
} from '../../../../shared/operations/colonies/colonies.ts'
import type { ColonySummary, StateCounts } from '../../../../shared/schemas/colonies/people.ts'
import { ConflictError, NotFoundError } from '../../../engine/base/errors.ts'
import { time } from '../../../store/queries/format.ts'
import { checkName } from '../people/executors.ts'
import { APPROVED, PENDING, type Colony } from '../people/registry.ts'
import type { Service } from '../service.ts'
import { ColoniesSettings } from '../settings.ts'
import { graphCounts, processCounts } from '../store/processes.ts'
import { needColony } from './errors.ts'
import { heldBy, viewOf } from './executors.ts'
import { identityFor } from './identities.ts'
import type { NativeApp } from './routes.ts'

export function colonyRoutes(app: NativeApp, service: Service): void {
  const { context, registry, owner } = service

  app.route({
    ...listColonies,
    handler: async () => {
      const { coloniesPort, coloniesAddress } = context.settings.of(ColoniesSettings)
      const items: ColonySummary[] = []
      for (const colony of registry.colonies()) items.push(await summary(service, colony))
      return { enabled: owner.isOn, address: coloniesPort === 0 ? '' : `${coloniesAddress}:${coloniesPort}`, items }
    },
  })

  app.route({
    ...createColony,
    handler: async (request, reply) => {
      const { name } = request.body
      checkName(name, 'name')
      if (registry.find(name)) throw new ConflictError(`colony "${name}" already exists`)
      const identity = identityFor(service, name, request.body.id)
      await registry.addColony(name, identity.id)
      request.audited = { kind: 'colony', id: name, detail: { owner: identity.id } }
      return reply.code(201).send(identity)
    },
  })

  app.route({
    ...getColony,
    handler: async ({ params }) => {
      const colony = needColony(service, params.colony)
      const users = [...colony.users.values()].map(({ name, userId, email, phone }) => ({ name, id: userId, email, phone }))
      return { ...(await summary(service, colony)), workflows: countsOf(await graphCounts(context.read, colony.id)), users }
    },
  })

  app.route({
    ...changeColony,
    handler: async (request) => {
      const colony = needColony(service, request.params.colony)
      const { paused } = request.body
      await registry.changeColony(colony, { paused })
      if (paused) service.assigning.paused(colony)
      else service.assigning.goOn()
      request.audited = { kind: 'colony', id: colony.name, detail: { paused } }
      return summary(service, colony)
    },
  })

  app.route({
    ...removeColony,
    handler: async (request, reply) => {
      const colony = needColony(service, request.params.colony)
      await service.removal.colony(colony, request.caller.actor)
      request.audited = { kind: 'colony', id: colony.name }
      return reply.code(204).send(null)
    },
  })

  app.route({
    ...addColonyUser,
    handler: async (request, reply) => {
      const colony = needColony(service, request.params.colony)
      const { name, email = '' } = request.body
      checkName(name, 'name')
      if (colony.users.has(name)) throw new ConflictError(`user "${name}" already exists`)
      const identity = identityFor(service, name, request.body.id)
      await registry.addUser(colony, { userId: identity.id, name, email, phone: '' })
      request.audited = { kind: 'colony-user', id: name, detail: { colony: colony.name, identity: identity.id } }
      return reply.code(201).send(identity)
    },
  })

  app.route({
    ...removeColonyUser,
    handler: async (request, reply) => {
      const colony = needColony(service, request.params.colony)
      const user = colony.users.get(request.params.user)
      if (!user) throw new NotFoundError('user', request.params.user)
      await registry.removeUser(colony, user)
      request.audited = { kind: 'colony-user', id: user.name, detail: { colony: colony.name } }
      return reply.code(204).send(null)
    },
  })
}

function countsOf(counts: ReadonlyMap<number, number>): StateCounts {
  const of = (state: number): number => counts.get(state) ?? 0
  return { waiting: of(0), running: of(1), successful: of(2), failed: of(3), cancelled: of(4) }
}

async function summary(service: Service, colony: Colony): Promise<ColonySummary> {
  const { name, ownerId, createdAt, paused } = colony
  const executors = [...colony.executors.values()]
  const held = executors.length > 0 ? await heldBy(service, colony) : new Map()
  const count = (status: number): number => executors.filter((each) => each.status === status).length
  return {
    name,
    ownerId,
    createdAt: time(createdAt),
    paused,
    executors: {
      approved: count(APPROVED),
      pending: count(PENDING),
      silent: executors.filter((each) => viewOf(service, each, held).silentSince !== null).length,
    },
    processes: countsOf(await processCounts(service.context.read, colony.id)),
  }
}
