/** Processes as replies show them (strict models read them: every key is there, and "not set" is year 1). */
import { english } from '../../../../shared/said/said.ts'
import type { ReadDatabase } from '../../../store/connection.ts'
import { attributesOf, resultsOf, type AttributeRow, type ProcessRow } from '../store/processes.ts'
import { parseExact } from '../wire/exactJson.ts'
import { decode } from '../wire/lenient.ts'
import { attributeId, graphIdOf, nanoseconds, processIdOf, wireTime, ZERO_TIME } from '../wire/values.ts'
import { readResult } from './results.ts'
import { FuncSpec, wireSpec } from './specs.ts'

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

/** The place in the queue: one step of priority is a day of waiting. */
export function priorityTime(submittedAt: number, priority: number): bigint {
  return nanoseconds(submittedAt - priority * DAY_MS)
}

/** A process that was just submitted. */
export function freshView(process: {
  jobId: string
  index: number
  isGraph: boolean
  spec: FuncSpec
  initiatorId: string
  initiatorName: string
  submittedAt: number
  startBy: number | undefined
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
    prioritytime: priorityTime(process.submittedAt, spec.priority),
    submissiontime: wireTime(process.submittedAt),
    starttime: ZERO_TIME,
    endtime: ZERO_TIME,
    waitdeadline: wireTime(process.startBy),
    execdeadline: ZERO_TIME,
    retries: 0,
    attributes: environment(id, spec, WAITING),
    spec: wireSpec(spec),
    waitforparents: parents.length > 0,
    parents: parents.map((parent) => processIdOf(jobId, parent)),
    children: children.map((child) => processIdOf(jobId, child)),
    processgraphid: process.isGraph ? graphIdOf(jobId) : '',
    in: [],
    out: [],
    errors: [],
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
  const { jobPublicId, index, state } = row
  const spec = specOf(row.spec)
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
    prioritytime: priorityTime(row.submittedAt, spec.priority),
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
    spec: wireSpec(spec),
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

function environment(processId: string, { env }: FuncSpec, state: number): Record<string, unknown>[] {
  return Object.entries(env).map(([key, value]) =>
    attributeView({ id: attributeId(processId, key, ENV_ATTRIBUTE), key, value, type: ENV_ATTRIBUTE }, { processId, graphId: '', state }),
  )
}

/** Written by store/processes.ts. */
export function indices(text: string): number[] {
  return JSON.parse(text) as number[]
}
