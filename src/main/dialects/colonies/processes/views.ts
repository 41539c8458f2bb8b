/** Processes as replies show them (strict models read them: every key is there, and "not set" is year 1). */
import { english } from '../../../../shared/said/said.ts'
import { parseTaskId } from '../../../../shared/ids.ts'
import type { ExternalTask } from '../../../engine/base/externalEngine.ts'
import type { ReadDatabase } from '../../../store/connection.ts'
import { attributesOf, resultsOf, type AttributeRow, type ProcessRow } from '../store/processes.ts'
import type { ProcessFacts } from '../store/sharedJobs.ts'
import { JsonText, parseExact } from '../wire/exactJson.ts'
import { decode } from '../wire/lenient.ts'
import { attributeId, graphIdOf, nanoseconds, processIdOf, wireTime, ZERO_TIME } from '../wire/values.ts'
import { readResult } from './results.ts'
import { FuncSpec } from './specs.ts'

export const WAITING = 0
export const RUNNING = 1
export const SUCCESS = 2
export const FAILED = 3
export const CANCELLED = 4

const DAY_MS = 86_400_000
const ENV_ATTRIBUTE = 3
const WAITED_TOO_LONG = 'Maximum waiting time limit exceeded'
const RAN_TOO_LONG = 'Maximum execution time limit exceeded'

export type WireProcess = Record<string, unknown> & { processid: string; state: number }

/** Spec texts are the dialect's own: what a client sent, decoded. */
export function specOf(text: string): FuncSpec {
  return decode(FuncSpec, parseExact(text))
}

/** The place in the queue: one step of priority is a day of waiting. Nanoseconds. */
function priorityTime(submittedAt: number, priority: number): JsonText {
  return new JsonText(String(nanoseconds(submittedAt - priority * DAY_MS)))
}

const NO_ENVIRONMENT: Record<string, string> = {}

/** The variables of a stored spec. Most have none, and need not be read for that. */
function envOf(spec: string): Record<string, string> {
  const at = spec.indexOf('"env":')
  const isEmpty = spec.startsWith('"env":{}', at) && spec.indexOf('"env":', at + 1) < 0
  return isEmpty ? NO_ENVIRONMENT : specOf(spec).env
}

/** A process that was just submitted. */
export function freshView(process: {
  jobId: string
  index: number
  isGraph: boolean
  /** As it is stored. */
  spec: string
  priority: number
  initiatorId: string
  initiatorName: string
  submittedAt: number
  startBy: number | null | undefined
  parents: number[]
  children: number[]
}): WireProcess {
  const { jobId, index, spec, parents, children } = process
  const id = processIdOf(jobId, index)
  return {
    processid: id,
    initiatorid: process.initiatorId,
    initiatorname: process.initiatorName,
    assignedexecutorid: '',
    isassigned: false,
    state: WAITING,
    prioritytime: priorityTime(process.submittedAt, process.priority),
    submissiontime: wireTime(process.submittedAt),
    starttime: ZERO_TIME,
    endtime: ZERO_TIME,
    waitdeadline: wireTime(process.startBy),
    execdeadline: ZERO_TIME,
    retries: 0,
    attributes: environment(id, spec, WAITING),
    spec: new JsonText(spec),
    waitforparents: parents.length > 0,
    parents: parents.map((parent) => processIdOf(jobId, parent)),
    children: children.map((child) => processIdOf(jobId, child)),
    processgraphid: process.isGraph ? graphIdOf(jobId) : '',
    in: [],
    out: [],
    errors: [],
  }
}

/** A single process that an executor has just got for the first time: nothing of it is on disk that memory does not know. */
export function startedView(
  { spec, initiatorId, initiatorName, submittedAt }: ProcessFacts,
  { jobId, taskId, priority, startBy, startedAt, leaseUntil, retries }: ExternalTask,
  executorId: string,
): WireProcess {
  const index = parseTaskId(taskId)?.index ?? 0
  const id = processIdOf(jobId, index)
  return {
    ...freshView({
      jobId,
      index,
      isGraph: false,
      spec,
      priority,
      initiatorId,
      initiatorName,
      submittedAt,
      startBy,
      parents: [],
      children: [],
    }),
    assignedexecutorid: executorId,
    isassigned: true,
    state: RUNNING,
    starttime: wireTime(startedAt),
    execdeadline: wireTime(leaseUntil),
    retries,
    attributes: environment(id, spec, RUNNING),
  }
}

/** Loads what the rows do not have: attributes, and what parents put out. */
export async function processViews(db: ReadDatabase, rows: readonly ProcessRow[]): Promise<WireProcess[]> {
  const attributes =
    rows.length === 0
      ? []
      : await attributesOf(
          db,
          rows.map(({ taskId }) => taskId),
        )
  const views: WireProcess[] = []
  for (const row of rows) {
    views.push(
      processView(
        row,
        attributes.filter(({ taskId }) => taskId === row.taskId),
        await inputOf(db, row),
      ),
    )
  }
  return views
}

function processView(row: ProcessRow, attributes: readonly AttributeRow[], input: unknown[]): WireProcess {
  const { jobPublicId, index, state, spec } = row
  const id = processIdOf(jobPublicId, index)
  const parents = indices(row.parents)
  // A process that waits again has nothing left of its last run.
  const ran = state !== WAITING && row.attempts > 0
  const result = readResult(row.result)
  const ended = state >= SUCCESS
  return {
    processid: id,
    initiatorid: row.initiatorId,
    initiatorname: row.initiatorName,
    assignedexecutorid: ran ? (row.executorId ?? '') : '',
    isassigned: ran,
    state,
    prioritytime: priorityTime(row.submittedAt, row.priority),
    submissiontime: wireTime(row.submittedAt),
    starttime: wireTime(ran ? row.startedAt : null),
    endtime: wireTime(ended ? row.finishedAt : null),
    waitdeadline: wireTime(row.startBy),
    execdeadline: wireTime(ran ? row.leaseUntil : null),
    retries: row.retries,
    attributes: [
      ...environment(id, spec, state),
      ...attributes.map((each) => attributeView(each, { processId: id, graphId: row.isGraph ? graphIdOf(jobPublicId) : '', state })),
    ],
    spec: new JsonText(spec),
    waitforparents: parents.length > 0 && state === WAITING && row.attempts === 0,
    parents: parents.map((parent) => processIdOf(jobPublicId, parent)),
    children: indices(row.children).map((child) => processIdOf(jobPublicId, child)),
    processgraphid: row.isGraph ? graphIdOf(jobPublicId) : '',
    in: input,
    out: state === WAITING ? [] : result.out,
    errors: state === FAILED ? errorsOf(row, result.errors) : [],
  }
}

/** Its own, or, from its first run on, what its parents put out, one after the other. */
async function inputOf(db: ReadDatabase, row: ProcessRow): Promise<unknown[]> {
  if (row.input !== null) {
    const own = parseExact(row.input)
    return Array.isArray(own) ? own : []
  }
  const parents = indices(row.parents)
  if (parents.length === 0 || row.attempts === 0) return []
  const results = await resultsOf(db, row.jobId, parents)
  return parents.flatMap((parent) => readResult(results.get(parent) ?? null).out)
}

function errorsOf({ outcome, attempts, activity, reason }: ProcessRow, errors: string[]): string[] {
  if (errors.length > 0) return errors
  if (activity === english('task.not-in-time')) return [WAITED_TOO_LONG]
  if (outcome === 'timed-out') return [RAN_TOO_LONG]
  // What an executor says with no errors at all is no error text.
  if (attempts > 0 && outcome === 'exit-code') return reason === null || reason === '' ? [] : [reason]
  return activity === '' ? [] : [activity]
}

export function attributeView(
  { id, key, value, type }: Omit<AttributeRow, 'taskId'>,
  process: { processId: string; graphId: string; state: number },
  colonyName = '',
): Record<string, unknown> {
  return {
    attributeid: id,
    targetid: process.processId,
    targetcolonyname: colonyName,
    targetprocessgraphid: process.graphId,
    state: process.state,
    attributetype: type,
    key,
    value,
  }
}

function environment(processId: string, spec: string, state: number): Record<string, unknown>[] {
  return Object.entries(envOf(spec)).map(([key, value]) =>
    attributeView({ id: attributeId(processId, key, ENV_ATTRIBUTE), key, value, type: ENV_ATTRIBUTE }, { processId, graphId: '', state }),
  )
}

/** Written by store/processes.ts. */
export function indices(text: string): number[] {
  return JSON.parse(text) as number[]
}
