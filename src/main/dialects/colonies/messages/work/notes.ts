/** Attributes, logs, functions: protocol 3.7. */
import { Type } from 'typebox'
import type { Executor } from '../../people/registry.ts'
import { checkName } from '../../people/executors.ts'
import type { FunctionRow } from '../../store/functions.ts'
import type { LogRow } from '../../store/notes.ts'
import { attributeView } from '../../processes/views.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { anything, flag, int64, integer, listOf, text } from '../../wire/lenient.ts'
import { graphIdOf, nanoseconds, processIdOf } from '../../wire/values.ts'
import { DONE, message } from '../message.ts'

const MOST_LOGS = 500
const MOST_FOUND = 100
const MOST_DAYS = 30
const LONGEST_VALUE = 262_144
const NOT_RUNNING = 'Failed to set output, process is not running'

const AttributeBody = Type.Object({ targetid: text, key: text, value: text, attributetype: integer })
const FunctionBody = Type.Object({
  executorname: text,
  colonyname: text,
  funcname: text,
  description: text,
  args: listOf(anything),
  locationname: text,
})

export const NOTE_MESSAGES = [
  message('addattributemsg', { attribute: AttributeBody }, async ({ ending, processes, notes }, { attribute }, { signer }) => {
    const { targetid, key, value, attributetype: type } = attribute
    checkName(key, 'key')
    if (type < 0 || type > 3) throw new ColoniesError(400, 'attributetype must be 0, 1, 2 or 3')
    if (value.length > LONGEST_VALUE) throw new ColoniesError(400, `value has more than ${LONGEST_VALUE} characters`)
    const { executor } = await ending.needHeld(targetid, signer, 'Failed to add attribute, process is not running', 'add an attribute')
    const { row } = await processes.need(targetid, signer)
    const added = await notes.addAttribute(row, key, value, type)
    return attributeView(
      added,
      { processId: targetid, graphId: row.isGraph ? graphIdOf(row.jobPublicId) : '', state: row.state },
      executor.colony.name,
    )
  }),
  message('getattributemsg', { attributeid: text }, async ({ notes, roles }, { attributeid }, { signer }) => {
    const found = await notes.findAttribute(attributeid)
    if (!found) throw new ColoniesError(400, 'Attribute does not exists')
    const { colony } = roles.needMemberOf(signer, found.colonyId)
    const processId = processIdOf(found.jobPublicId, found.index)
    return attributeView(found, { processId, graphId: found.isGraph ? graphIdOf(found.jobPublicId) : '', state: found.state }, colony.name)
  }),
  message(
    'addlogmsg',
    { processid: text, message: text },
    async ({ ending, processes, notes }, { processid, message: line }, { signer }) => {
      const { executor } = await ending.needHeld(processid, signer, NOT_RUNNING, 'log')
      const { row } = await processes.need(processid, signer)
      await notes.log(executor, row, line)
      return DONE
    },
  ),
  message(
    'addexecutorlogmsg',
    { colonyname: text, executorname: text, message: text },
    async ({ roles, notes }, { colonyname, executorname, message: line }, { signer }) => {
      const { executor } = roles.needMember(signer, colonyname)
      if (executor?.name !== executorname) throw new ColoniesError(403, 'Access denied, an executor may only log for itself')
      await notes.logOfExecutor(executor, line)
      return DONE
    },
  ),
  message(
    'getlogsmsg',
    { colonyname: text, processid: text, executorname: text, count: integer, since: int64, latest: flag },
    async ({ roles, registry, processes, notes }, { colonyname, processid, executorname, count, since, latest }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      if (count > MOST_LOGS) throw new ColoniesError(403, `count must not exceed ${MOST_LOGS}`)
      const page = { count: Math.max(0, count), since: since > 0n ? since : -1n, newest: latest }
      if (executorname !== '') {
        const executor: Executor | undefined = colony.executors.get(executorname) ?? registry.executorIn(colony, executorname)
        if (!executor) throw new ColoniesError(500, 'Failed to get executor, executor is nil')
        return (await notes.ofExecutor(colony, executor.name, page)).map((row) => logView(row, colony.name))
      }
      const row = await processes.find(processid)
      if (row?.colonyId !== colony.id) throw new ColoniesError(500, 'Failed to get process, process is nil')
      return (await notes.ofProcess(row.taskId, page)).map((each) => logView(each, colony.name))
    },
  ),
  message(
    'searchlogsmsg',
    { colonyname: text, text, days: integer, count: integer },
    async ({ roles, notes }, { colonyname, text: wanted, days, count }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      if (days > MOST_DAYS) throw new ColoniesError(400, `days must not exceed ${MOST_DAYS}`)
      if (count > MOST_FOUND) throw new ColoniesError(400, `count must not exceed ${MOST_FOUND}`)
      return (await notes.search(colony, wanted, Math.max(0, days), Math.max(0, count))).map((row) => logView(row, colony.name))
    },
  ),
  message('addfunctionmsg', { fun: FunctionBody }, async ({ roles, functions }, { fun }, { signer }) => {
    const { executor, colony } = roles.needMember(signer, fun.colonyname)
    if (!executor || executor.name !== fun.executorname)
      throw new ColoniesError(403, 'Access denied, an executor may only add functions of its own')
    checkName(fun.funcname, 'funcname')
    const { funcname: name, description, args, locationname: location } = fun
    return functionView(
      await functions.add(executor, { name, description: description.slice(0, LONGEST_VALUE), args, location }),
      colony.name,
    )
  }),
  message(
    'getfunctionsmsg',
    { colonyname: text, executorname: text },
    async ({ roles, functions }, { colonyname, executorname }, { signer }) => {
      const { colony } = roles.needMember(signer, colonyname)
      const rows = await functions.list(colony, executorname === '' ? undefined : executorname)
      return rows.map((row) => functionView(row, colony.name))
    },
  ),
  message('removefunctionmsg', { functionid: text }, async ({ roles, functions }, { functionid }, { signer }) => {
    const found = await functions.find(functionid)
    if (!found) throw new ColoniesError(400, 'function not found')
    const { executor } = roles.needMemberOf(signer, found.colonyId)
    if (executor?.name !== found.executorName)
      throw new ColoniesError(403, 'Access denied, an executor may only remove functions of its own')
    await functions.remove(functionid)
    return DONE
  }),
]

function logView({ jobPublicId, index, executorName, message: line, at, part }: LogRow, colonyName: string): Record<string, unknown> {
  return {
    processid: jobPublicId === null || index === null ? '' : processIdOf(jobPublicId, index),
    colonyname: colonyName,
    executorname: executorName,
    message: line,
    timestamp: nanoseconds(at) + BigInt(part),
  }
}

function functionView(row: FunctionRow, colonyName: string): Record<string, unknown> {
  // Written by processes/functions.ts.
  const args = JSON.parse(row.args) as unknown[]
  return {
    functionid: row.id,
    executorname: row.executorName,
    executortype: row.executorType,
    colonyname: colonyName,
    funcname: row.name,
    ...(row.description !== '' && { description: row.description }),
    ...(args.length > 0 && { args }),
    counter: row.counter,
    minwaittime: row.minWait,
    maxwaittime: row.maxWait,
    minexectime: row.minExec,
    maxexectime: row.maxExec,
    avgwaittime: row.avgWait,
    avgexectime: row.avgExec,
    ...(row.location !== '' && { locationname: row.location }),
  }
}
