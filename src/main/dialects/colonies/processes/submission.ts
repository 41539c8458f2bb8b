/** Submitting: a process is a task of a job that it shares with others, a process graph a job. Everything is checked before anything is stored. */
import { randomUUID } from 'node:crypto'
import { compileTasks } from '../../../engine/compile/compileTasks.ts'
import type { AuthoredTask, CompiledJob, SideRow } from '../../../engine/base/compiledJob.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import { EXTERNAL_COMMAND } from '../../../engine/rules/externalTerms.ts'
import type { ApiContext } from '../../../http/context.ts'
import type { Colony } from '../people/registry.ts'
import { sharedRow, type NewProcess, type NewProcesses } from '../store/processes.ts'
import { ColoniesError } from '../wire/errors.ts'
import { stringifyExact } from '../wire/exactJson.ts'
import { freshGraphView } from './graphs.ts'
import type { Queues } from './queues.ts'
import { newJobRecord } from './jobs/records.ts'
import type { SharedJobs, SharedTask } from './jobs/sharedJobs.ts'
import { checkSpec, wireSpec, type FuncSpec } from './specs.ts'
import { freshView, type WireProcess } from './views.ts'

/** Who it is done for: the signer, and what the colony calls them. */
export interface Initiator {
  id: string
  name: string
}

const LONGEST_JOB_NAME = 200
const MOST_NODES = 100_000

export interface SubmittedGraph {
  jobId: string
  view: Record<string, unknown>
}

export class Submission {
  constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'now'>,
    private readonly queues: Queues,
    private readonly sharedJobs: SharedJobs,
  ) {}

  /** @throws ColoniesError 400 */
  async process(colony: Colony, spec: FuncSpec, by: Initiator): Promise<WireProcess> {
    checkSpec(spec)
    const kind = await this.queues.kindFor(colony, spec)
    const submittedAt = this.context.now()
    const limits = limitsOf(spec)
    const row = processRow(1, spec, [], [], null)
    const startBy = limits.maxWaitMs > 0 ? submittedAt + limits.maxWaitMs : undefined
    const place = await this.sharedJobs.append(colony, kind, {
      name: nameOf(spec),
      priority: spec.priority,
      limits,
      row: sharedRow(colony.id, row, by, submittedAt),
      submittedAt,
      ...(startBy !== undefined && { startBy }),
    })
    return freshView({
      ...place,
      isGraph: false,
      spec: row.spec,
      priority: spec.priority,
      initiatorId: by.id,
      initiatorName: by.name,
      submittedAt,
      startBy,
      parents: [],
      children: [],
    })
  }

  /**
   * @param options.input what the roots begin with
   * @param options.sideRows what is stored in the same transaction @throws ColoniesError 400, 500 as the original
   */
  async graph(
    colony: Colony,
    specs: FuncSpec[],
    by: Initiator,
    options: { input?: unknown[]; cronId?: number; sideRows?: SideRow[] } = {},
  ): Promise<SubmittedGraph> {
    const links = checkGraph(specs)
    const tasks: AuthoredTask[] = []
    const rows: NewProcess[] = []
    for (const [position, given] of specs.entries()) {
      const { parents = [], children = [] } = links[position] ?? {}
      // In a workflow no limit is meant by 0 as well.
      const spec = { ...given, conditions: { ...given.conditions, colonyname: colony.name }, maxexectime: given.maxexectime || -1 }
      checkSpec(spec)
      tasks.push(await this.task(colony, spec, parents))
      const input = parents.length === 0 && options.input ? stringifyExact(options.input) : null
      rows.push(processRow(position + 1, spec, parents, children, input))
    }
    const submittedAt = this.context.now()
    const jobId = randomUUID()
    const name = specs.length === 1 && specs[0] ? nameOf(specs[0]) : `${specs[0]?.nodename} … ${specs.at(-1)?.nodename}`
    const compiled = compile(tasks, processRows(colony, by, rows, true, options.cronId), options.sideRows)
    const facts = { name, type: 'colonies-workflow', owner: by.name, ownerId: `colonies:${by.id}`, project: colony.name, at: submittedAt }
    await this.context.farm.jobs.submit(newJobRecord(jobId, facts), compiled)
    const parents = links.map((link) => link.parents)
    return { jobId, view: freshGraphView({ jobId, colonyName: colony.name, initiatorId: by.id, initiatorName: by.name, parents }) }
  }

  /** The task of a process. Its command carries the limits; the rest is the dialect's. */
  async task(colony: Colony, spec: FuncSpec, parents: number[]): Promise<AuthoredTask> {
    const kind = await this.queues.kindFor(colony, spec)
    const limits = limitsOf(spec)
    return {
      name: nameOf(spec),
      kind,
      priority: spec.priority,
      commands: [{ name: EXTERNAL_COMMAND, parameters: { ...limits }, totalStepCount: 1 }],
      dependsOn: parents,
      ...(limits.maxWaitMs > 0 && { startBy: this.context.now() + limits.maxWaitMs }),
    }
  }
}

function nameOf({ nodename, funcname }: FuncSpec): string {
  return (nodename || funcname || 'process').slice(0, LONGEST_JOB_NAME)
}

function limitsOf({ maxexectime, maxretries, maxwaittime }: FuncSpec): SharedTask['limits'] {
  return {
    maxRunMs: Math.max(0, maxexectime) * 1_000,
    maxRetries: maxretries,
    maxWaitMs: Math.max(0, maxwaittime) * 1_000,
  }
}

/** @throws ColoniesError 400 for a circle */
export function compile(tasks: AuthoredTask[], rows: NewProcesses, more: SideRow[] = []): CompiledJob {
  try {
    return { ...compileTasks(tasks), settings: {}, metadata: {}, sideRows: [{ kind: 'colonies', values: rows }, ...more] }
  } catch (error) {
    if (error instanceof InvalidInputError) throw new ColoniesError(400, error.message)
    throw error
  }
}

export function processRow(index: number, spec: FuncSpec, parents: number[], children: number[], input: string | null): NewProcess {
  return {
    index,
    spec: stringifyExact(wireSpec(spec)),
    executorType: spec.conditions.executortype,
    label: spec.label,
    input,
    parents,
    children,
  }
}

function processRows(colony: Colony, by: Initiator, processes: NewProcess[], isGraph: boolean, cronId?: number): NewProcesses {
  return { colonyId: colony.id, initiatorId: by.id, initiatorName: by.name, isGraph, cronId: cronId ?? null, processes }
}

/** Parents and children of each node, as indices from 1. @throws ColoniesError 400, and 500 where the original has it */
export function checkGraph(specs: readonly FuncSpec[]): { parents: number[]; children: number[] }[] {
  if (specs.length === 0) throw new ColoniesError(400, 'the workflow has no functionspecs')
  if (specs.length > MOST_NODES) throw new ColoniesError(400, `a workflow has at most ${MOST_NODES} functionspecs`)
  const byName = new Map<string, number>()
  for (const [position, { nodename }] of specs.entries()) {
    if (nodename === '') throw new ColoniesError(500, `functionspecs[${position}]: nodename is missing`)
    if (byName.has(nodename)) throw new ColoniesError(500, `Duplicate nodename: ${nodename}`)
    byName.set(nodename, position + 1)
  }
  const links = specs.map((): { parents: number[]; children: number[] } => ({ parents: [], children: [] }))
  for (const [position, { nodename, conditions }] of specs.entries()) {
    for (const dependency of new Set(conditions.dependencies)) {
      const parent = byName.get(dependency)
      if (parent === undefined) throw new ColoniesError(500, `the dependency ${dependency} of node ${nodename} does not exist`)
      links[position]?.parents.push(parent)
      links[parent - 1]?.children.push(position + 1)
    }
  }
  return links
}
