/** Colonies: protocol 3.2. */
import { Type } from 'typebox'
import { APPROVED, UNREGISTERED, type Colony } from '../../people/registry.ts'
import { checkName } from '../../people/executors.ts'
import { graphCounts, processCounts } from '../../store/processes.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { text } from '../../wire/lenient.ts'
import { isId } from '../../wire/values.ts'
import type { Service } from '../../service.ts'
import { DONE, message } from '../message.ts'

const colonyView = ({ ownerId, name }: Colony) => ({ colonyid: ownerId, name })

export const COLONY_MESSAGES = [
  message(
    'addcolonymsg',
    { colony: Type.Object({ colonyid: text, name: text }) },
    async ({ registry, roles }, { colony }, { signer }) => {
      roles.needServerOwner(signer)
      if (!isId(colony.colonyid)) throw new ColoniesError(400, 'colonyid must be 64 hexadecimal digits in lower case')
      checkName(colony.name, 'name')
      if (registry.find(colony.name)) throw new ColoniesError(400, `Colony with name <${colony.name}> already exists`)
      return colonyView(await registry.addColony(colony.name, colony.colonyid))
    },
    { audit: ({ colony: { name, colonyid } }) => ({ action: 'addColony', kind: 'colony', id: name, detail: { owner: colonyid } }) },
  ),
  message(
    'removecolonymsg',
    { colonyname: text },
    async ({ registry, roles, removal }, { colonyname }, { signer }) => {
      roles.needServerOwner(signer)
      const colony = registry.find(colonyname)
      if (!colony) throw new ColoniesError(400, `Colony with name <${colonyname}> not found`)
      await removal.colony(colony, 'the server owner')
      return DONE
    },
    { audit: ({ colonyname }) => ({ action: 'removeColony', kind: 'colony', id: colonyname }) },
  ),
  message('getcoloniesmsg', {}, ({ registry, roles }, _body, { signer }) => {
    roles.needServerOwner(signer)
    return registry.colonies().map(colonyView)
  }),
  message('getcolonymsg', { colonyname: text }, ({ roles }, { colonyname }, { signer }) =>
    colonyView(roles.needMemberOrOwner(signer, colonyname)),
  ),
  message(
    'changecolonyidmsg',
    { colonyname: text, colonyid: text },
    async ({ roles, registry }, body, { signer }) => {
      const colony = roles.needOwner(signer, body.colonyname)
      if (!isId(body.colonyid)) throw new ColoniesError(400, 'colonyid must be 64 hexadecimal digits in lower case')
      await registry.changeColony(colony, { ownerId: body.colonyid })
      return DONE
    },
    { audit: ({ colonyname, colonyid }) => ({ action: 'changeColonyOwner', kind: 'colony', id: colonyname, detail: { owner: colonyid } }) },
  ),
  message('getcolonystatsmsg', { colonyname: text }, async (service, { colonyname }, { signer }) => {
    const colony = service.roles.needMemberOrOwner(signer, colonyname)
    return statistics(service, [colony], await graphCounts(service.context.read, colony.id), colony.id)
  }),
]

/** Protocol 4.14. @param graphs state → number of graphs @param colonyId undefined: of all colonies */
export async function statistics(
  { context }: Service,
  colonies: readonly Colony[],
  graphs: ReadonlyMap<number, number>,
  colonyId: number | undefined,
): Promise<Record<string, number>> {
  const executors = colonies.flatMap((colony) => [...colony.executors.values()])
  const processes = await processCounts(context.read, colonyId)
  const count = (map: ReadonlyMap<number, number>, state: number): number => map.get(state) ?? 0
  return {
    colonies: colonies.length,
    executors: executors.length,
    activeexecutors: executors.filter(({ status }) => status === APPROVED).length,
    unregisteredexecutors: executors.filter(({ status }) => status === UNREGISTERED).length,
    waitingprocesses: count(processes, 0),
    runningprocesses: count(processes, 1),
    successfulprocesses: count(processes, 2),
    failedprocesses: count(processes, 3),
    cancelledprocesses: count(processes, 4),
    waitingworkflows: count(graphs, 0),
    runningworkflows: count(graphs, 1),
    successfulworkflows: count(graphs, 2),
    failedworkflows: count(graphs, 3),
    cancelledworkflows: count(graphs, 4),
  }
}
