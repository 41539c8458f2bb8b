/** Executors: protocol 3.3. */
import { Type } from 'typebox'
import type { Executor } from '../../people/registry.ts'
import type { Service } from '../../service.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { parseExact, stringifyExact } from '../../wire/exactJson.ts'
import { anything, flag, integer, text } from '../../wire/lenient.ts'
import { isId, wireTime } from '../../wire/values.ts'
import { onColony } from '../audit.ts'
import { DONE, message } from '../message.ts'

const NewExecutorBody = Type.Object({
  executorid: text,
  executortype: text,
  executorname: text,
  colonyname: text,
  locationname: text,
  requirefuncreg: flag,
  capabilities: anything,
  allocations: anything,
  blueprintid: text,
  blueprintgen: integer,
})
const NAMED = { colonyname: text, executorname: text }
/** What an executor tells of itself is kept as it is, up to this size. */
const MOST_TEXT = 262_144

export function executorView(executor: Executor): Record<string, unknown> {
  const { location, blueprintId, blueprintGeneration } = executor
  return {
    executorid: executor.executorId,
    executortype: executor.type,
    executorname: executor.name,
    colonyname: executor.colony.name,
    state: executor.status,
    requirefuncreg: executor.requiresFunctions,
    commissiontime: wireTime(executor.commissionedAt),
    lastheardfromtime: wireTime(executor.heardAt === 0 ? null : executor.heardAt),
    ...(location !== '' && { locationname: location }),
    capabilities: parseExact(executor.capabilities),
    allocations: parseExact(executor.allocations),
    ...(blueprintId !== '' && { blueprintid: blueprintId }),
    ...(blueprintGeneration !== 0 && { blueprintgen: blueprintGeneration }),
  }
}

/** For the colony's owner: approve, reject, remove. */
function ownerMessage(type: string, action: string, act: (service: Service, executor: Executor) => Promise<void>) {
  return message(
    type,
    NAMED,
    async (service, { colonyname, executorname }, { signer }) => {
      const colony = service.roles.needOwner(signer, colonyname)
      const executor = colony.executors.get(executorname)
      if (!executor) throw new ColoniesError(400, `Executor with name <${executorname}> not found in Colony <${colonyname}>`)
      await act(service, executor)
      return DONE
    },
    { audit: onColony(action, 'executor', 'executorname') },
  )
}

export const EXECUTOR_MESSAGES = [
  message(
    'addexecutormsg',
    { executor: NewExecutorBody },
    async ({ roles, executors }, { executor: body }, { signer }) => {
      const colony = roles.needOwner(signer, body.colonyname)
      const executor = await executors.add(colony, {
        executorId: body.executorid,
        name: body.executorname,
        type: body.executortype,
        location: body.locationname,
        requiresFunctions: body.requirefuncreg,
        capabilities: kept(body.capabilities, { hardware: null, software: null }, 'capabilities'),
        allocations: kept(body.allocations, { projects: null }, 'allocations'),
        blueprintId: body.blueprintid,
        blueprintGeneration: body.blueprintgen,
      })
      return executorView(executor)
    },
    {
      audit: ({ executor }) => ({
        action: 'addExecutor',
        kind: 'executor',
        id: executor.executorname,
        detail: { colony: executor.colonyname, type: executor.executortype, identity: executor.executorid },
      }),
    },
  ),
  message('getexecutorsmsg', { colonyname: text }, ({ roles }, { colonyname }, { signer }) =>
    [...roles.needInsider(signer, colonyname).executors.values()].map(executorView),
  ),
  message('getexecutormsg', NAMED, ({ roles }, { colonyname, executorname }, { signer }) => {
    const executor = roles.needMemberOrOwner(signer, colonyname).executors.get(executorname)
    if (!executor) throw new ColoniesError(500, 'Failed to get executor, executor is nil')
    return executorView(executor)
  }),
  message('getexecutorbyidmsg', { colonyname: text, executorid: text }, ({ roles, registry }, { colonyname, executorid }, { signer }) => {
    const executor = registry.executorIn(roles.needMemberOrOwner(signer, colonyname), executorid)
    if (!executor) throw new ColoniesError(404, 'Executor not found')
    return executorView(executor)
  }),
  ownerMessage('approveexecutormsg', 'approveExecutor', ({ executors }, executor) => executors.approve(executor)),
  ownerMessage('rejectexecutormsg', 'rejectExecutor', ({ executors }, executor) => executors.reject(executor)),
  ownerMessage('removeexecutormsg', 'removeExecutor', ({ executors }, executor) => executors.remove(executor)),
  message('reportallocationmsg', { ...NAMED, allocations: anything }, async (service, body, { signer }) => {
    const executor = needSelf(service, signer, body.colonyname, body.executorname)
    await service.registry.changeExecutor(executor, { allocations: kept(body.allocations, { projects: null }, 'allocations') })
    return DONE
  }),
  message('updateexecutormsg', { ...NAMED, capabilities: anything }, async (service, body, { signer }) => {
    const executor = needSelf(service, signer, body.colonyname, body.executorname)
    await service.registry.changeExecutor(executor, {
      capabilities: kept(body.capabilities, { hardware: null, software: null }, 'capabilities'),
    })
    return DONE
  }),
  message(
    'changeexecutoridmsg',
    { colonyname: text, executorid: text },
    async (service, body, { signer }) => {
      const colony = service.roles.needKnown(signer, body.colonyname)
      const executor = service.registry.executorIn(colony, signer)
      if (!executor) throw new ColoniesError(403, 'Access denied, not an executor')
      if (!isId(body.executorid)) throw new ColoniesError(400, 'executorid must be 64 hexadecimal digits in lower case')
      await service.registry.changeExecutor(executor, { executorId: body.executorid })
      return DONE
    },
    {
      audit: ({ colonyname, executorid }) => ({
        action: 'changeExecutor',
        kind: 'executor',
        id: executorid,
        detail: { colony: colonyname },
      }),
    },
  ),
]

/** @throws ColoniesError 403 */
function needSelf({ roles }: Service, signer: string, colonyName: string, executorName: string): Executor {
  const executor = roles.needKnown(signer, colonyName).executors.get(executorName)
  if (executor?.executorId !== signer) throw new ColoniesError(403, 'Access denied, an executor may only report of itself')
  return executor
}

/** JSON of what a client told, or of the empty form. @throws ColoniesError 400 */
function kept(value: unknown, empty: unknown, field: string): string {
  const json = stringifyExact(value ?? empty)
  if (json.length > MOST_TEXT) throw new ColoniesError(400, `${field} is longer than ${MOST_TEXT} characters`)
  return json
}
