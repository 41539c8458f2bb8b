/** Workflows: protocol 3.6. */
import { FuncSpec, WorkflowSpec } from '../../processes/specs.ts'
import { listGraphs } from '../../store/processes.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { flag, integer, maybe, text } from '../../wire/lenient.ts'
import { onJob } from '../audit.ts'
import { DONE, message } from '../message.ts'
import { listLength, needState } from './processes.ts'

export const WORKFLOW_MESSAGES = [
  message('submitworkflowspecmsg', { spec: WorkflowSpec }, async ({ roles, submission }, { spec }, { signer }) => {
    const { colony, name } = roles.needMember(signer, spec.colonyname)
    return (await submission.graph(colony, spec.functionspecs, { id: signer, name })).view
  }),
  message('getprocessgraphmsg', { processgraphid: text }, async ({ processes }, { processgraphid }, { signer }) => {
    const { graph } = await processes.needGraph(processgraphid, signer)
    const [view] = await processes.graphViews([graph], true)
    if (!view) throw new ColoniesError(500, 'Failed to get processgraph, processgraph is nil')
    return view
  }),
  message(
    'getprocessgraphsmsg',
    { colonyname: text, count: integer, state: maybe(integer) },
    async ({ context, roles, processes }, { colonyname, count, state = -1 }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      return processes.graphViews(await listGraphs(context.read, colony.id, needState(state), listLength(count)), false)
    },
  ),
  message(
    'removeprocessgraphmsg',
    { processgraphid: text },
    async ({ processes, removal }, { processgraphid }, { signer }) => {
      const { graph, member } = await processes.needGraph(processgraphid, signer)
      await removal.graph(graph, member.name)
      return DONE
    },
    { audit: onJob('removeWorkflow', 'processgraphid') },
  ),
  message(
    'removeallprocessgraphsmsg',
    { colonyname: text, state: maybe(integer) },
    async ({ roles, removal }, { colonyname, state = -1 }, { signer }) => {
      const colony = roles.needOwner(signer, colonyname)
      needState(state)
      if (state === 1) throw new ColoniesError(400, 'Not possible to remove running processgraphs')
      await removal.graphs(colony, state, 'the colony owner')
      return DONE
    },
    { audit: ({ colonyname, state = -1 }) => ({ action: 'removeAllWorkflows', kind: 'colony', id: colonyname, detail: { state } }) },
  ),
  message(
    'cancelprocessgraphmsg',
    { processgraphid: text },
    async ({ processes, removal }, { processgraphid }, { signer }) => {
      const { graph, member } = await processes.needGraph(processgraphid, signer)
      await removal.cancelGraph(graph, member.name)
      return DONE
    },
    { audit: onJob('cancelWorkflow', 'processgraphid') },
  ),
  message(
    'addchildmsg',
    { processgraphid: text, parentprocessid: text, childprocessid: text, insert: flag, spec: FuncSpec },
    ({ growth }, body, { signer }) =>
      growth.addChild(body.parentprocessid, signer, {
        graphId: body.processgraphid,
        childId: body.childprocessid,
        insert: body.insert,
        spec: body.spec,
      }),
  ),
]
