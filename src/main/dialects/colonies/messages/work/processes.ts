/** Processes: protocol 3.5. */
import { FuncSpec } from '../../processes/specs.ts'
import { bytesOf, cpuOf } from '../../processes/resources.ts'
import { processViews } from '../../processes/views.ts'
import { listProcesses, processesOfJob, processHistory } from '../../store/processes.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { anything, integer, listOf, maybe, text } from '../../wire/lenient.ts'
import { parseProcessId } from '../../wire/values.ts'
import { onJob } from '../audit.ts'
import { DONE, message } from '../message.ts'

const MOST_LISTED = 100
const MOST_OF_HISTORY = 10_000

export const PROCESS_MESSAGES = [
  message('submitfuncspecmsg', { spec: FuncSpec }, ({ roles, submission }, { spec }, { signer }) => {
    const { colony, name } = roles.needMember(signer, spec.conditions.colonyname)
    return submission.process(colony, spec, { id: signer, name })
  }),
  message(
    'assignprocessmsg',
    { colonyname: text, timeout: integer, availablecpu: text, availablemem: text },
    ({ roles, executors, assigning }, { colonyname, timeout, availablecpu: cpu, availablemem: mem }, call) => {
      const { executor } = roles.needMember(call.signer, colonyname)
      if (!executor) throw new ColoniesError(500, 'Failed to assign process, executor not found')
      if (timeout === 0) throw new ColoniesError(400, 'Invalid timeout value, timeout cannot be zero')
      executors.heard(executor)
      const offer = {
        cpu: cpu === '' ? Infinity : cpuOf(cpu, 'availablecpu'),
        mem: mem === '' ? Infinity : bytesOf(mem, 'availablemem'),
      }
      return assigning.assign(executor, timeout, offer, call)
    },
  ),
  message('getprocessmsg', { processid: text }, async ({ processes }, { processid }, { signer }) =>
    processes.view((await processes.need(processid, signer)).row),
  ),
  message(
    'getprocessesmsg',
    { colonyname: text, count: integer, state: integer, executortype: text, label: text, initiator: text, processgraphid: text },
    async ({ context, roles }, body, { signer }) => {
      const { colony } = roles.needMember(signer, body.colonyname)
      const count = listLength(body.count)
      const state = needState(body.state)
      if (body.processgraphid !== '') {
        const jobId = parseProcessId(body.processgraphid)?.jobId
        const rows = jobId === undefined ? [] : await processesOfJob(context.read, jobId, MOST_OF_HISTORY)
        const mine = rows.filter((row) => row.colonyId === colony.id && (state === undefined || row.state === state))
        return processViews(context.read, mine.slice(0, count))
      }
      // One filter at a time, in this order.
      const filter =
        body.executortype !== ''
          ? { executorType: body.executortype }
          : body.initiator !== ''
            ? { initiator: body.initiator }
            : body.label !== ''
              ? { label: body.label }
              : {}
      const rows = await listProcesses(context.read, { colonyId: colony.id, count, ...(state !== undefined && { state }), ...filter })
      return processViews(context.read, rows)
    },
  ),
  message(
    'getprocesshistmsg',
    { colonyname: text, executorid: text, seconds: integer, state: integer },
    async ({ context, roles }, { colonyname, executorid, seconds, state }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      if (state < 0 || state > 4) throw new ColoniesError(400, `Invalid state ${state}`)
      const since = context.now() - Math.max(0, seconds) * 1_000
      const filter = { colonyId: colony.id, executorId: executorid, since, state, count: MOST_OF_HISTORY }
      return processViews(context.read, await processHistory(context.read, filter))
    },
  ),
  message(
    'removeprocessmsg',
    { processid: text },
    async ({ processes, removal }, { processid }, { signer }) => {
      await removal.process(await processes.need(processid, signer))
      return DONE
    },
    { audit: onJob('removeProcess', 'processid') },
  ),
  message(
    'removeallprocessesmsg',
    { colonyname: text, state: maybe(integer) },
    async ({ roles, removal }, { colonyname, state = -1 }, { signer }) => {
      const colony = roles.needOwner(signer, colonyname)
      needState(state)
      await removal.processes(colony, state, 'the colony owner')
      return DONE
    },
    { audit: ({ colonyname, state = -1 }) => ({ action: 'removeAllProcesses', kind: 'colony', id: colonyname, detail: { state } }) },
  ),
  message('closesuccessfulmsg', { processid: text, out: listOf(anything) }, async ({ ending }, { processid, out }, { signer }) => {
    await ending.succeed(processid, signer, out)
    return DONE
  }),
  message('closefailedmsg', { processid: text, errors: listOf(text) }, async ({ ending }, { processid, errors }, { signer }) => {
    await ending.fail(processid, signer, errors)
    return DONE
  }),
  message('setoutputmsg', { processid: text, out: listOf(anything) }, async ({ ending }, { processid, out }, { signer }) => {
    await ending.setOutput(processid, signer, out)
    return DONE
  }),
  message(
    'cancelprocessmsg',
    { processid: text },
    async ({ processes, removal }, { processid }, { signer }) => {
      await removal.cancelProcess(await processes.need(processid, signer))
      return DONE
    },
    { audit: onJob('cancelProcess', 'processid') },
  ),
  message(
    'pauseassignmentsmsg',
    { colonyname: text },
    async ({ roles, registry, assigning }, { colonyname }, { signer }) => {
      const colony = roles.needOwner(signer, colonyname)
      await registry.changeColony(colony, { paused: true })
      assigning.paused(colony)
      return DONE
    },
    { audit: ({ colonyname }) => ({ action: 'pauseAssignments', kind: 'colony', id: colonyname }) },
  ),
  message(
    'resumeassignmentsmsg',
    { colonyname: text },
    async ({ roles, registry, assigning }, { colonyname }, { signer }) => {
      await registry.changeColony(roles.needOwner(signer, colonyname), { paused: false })
      assigning.goOn()
      return DONE
    },
    { audit: ({ colonyname }) => ({ action: 'resumeAssignments', kind: 'colony', id: colonyname }) },
  ),
  message(
    'getpausestatusmsg',
    { colonyname: text },
    ({ roles }, { colonyname }, { signer }) => {
      const { paused } = roles.needInsider(signer, colonyname)
      return { msgtype: 'pausestatusreplymsg', colonyname, ispaused: paused }
    },
    { replyType: 'pausestatusreplymsg' },
  ),
]

/** @throws ColoniesError 400 */
export function listLength(count: number): number {
  if (count > MOST_LISTED) throw new ColoniesError(400, `count must not exceed ${MOST_LISTED}`)
  return Math.max(0, count)
}

/** -1 means all: undefined. @throws ColoniesError 400 */
export function needState(state: number): number | undefined {
  if (state < -1 || state > 4) throw new ColoniesError(400, `Invalid state ${state}`)
  return state === -1 ? undefined : state
}
