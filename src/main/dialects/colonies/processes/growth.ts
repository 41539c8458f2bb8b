/** Children that a running process adds to its graph. */
import type { ApiContext } from '../../../http/context.ts'
import { processesOfJob, type ProcessRow } from '../store/processes.ts'
import { ColoniesError } from '../wire/errors.ts'
import { parseProcessId } from '../wire/values.ts'
import type { FoundProcess, Processes } from './processes.ts'
import { compile, processRow, type Submission } from './submission.ts'
import { checkSpec, type FuncSpec } from './specs.ts'
import { freshView, indices, RUNNING, WAITING, type WireProcess } from './views.ts'

const ALL = 1_000_000

export interface NewChild {
  graphId: string
  /** Empty: none. */
  childId: string
  /** Between the parent and all of its children, instead of beside them. */
  insert: boolean
  spec: FuncSpec
}

export class Growth {
  /** Graphs grow one child at a time: the links of one are read before they are written. */
  private readonly tails = new Map<string, Promise<unknown>>()

  constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'read' | 'now'>,
    private readonly submission: Submission,
    private readonly processes: Processes,
  ) {}

  /** @throws ColoniesError 400 */
  addChild(parentId: string, signer: string, child: NewChild): Promise<WireProcess> {
    const before = this.tails.get(child.graphId) ?? Promise.resolve()
    const added = before.then(async () => this.grow(await this.processes.need(parentId, signer), parentId, child))
    const tail = added.catch(() => undefined)
    this.tails.set(child.graphId, tail)
    void tail.then(() => this.tails.get(child.graphId) === tail && this.tails.delete(child.graphId))
    return added
  }

  private async grow(
    { row: parent, member }: FoundProcess,
    parentId: string,
    { graphId, childId, insert, spec: given }: NewChild,
  ): Promise<WireProcess> {
    const { jobPublicId: jobId } = parent
    if (!parent.isGraph || parseProcessId(graphId)?.jobId !== jobId) {
      throw new ColoniesError(400, `Process with Id ${parentId} does not belong to a processgraph with Id ${graphId.slice(0, 64)}`)
    }
    if (parent.state !== RUNNING) throw new ColoniesError(400, `Process with Id ${parentId} is not running`)
    if (parent.executorId !== member.id)
      throw new ColoniesError(400, `Process with Id ${parentId} is not assigned to executor with Id ${member.id}`)
    const spec = { ...given, conditions: { ...given.conditions, colonyname: member.colony.name } }
    checkSpec(spec)
    const siblings = await processesOfJob(this.context.read, jobId, ALL)
    const index = siblings.reduce((most, each) => Math.max(most, each.index), 0) + 1
    const before = indices(parent.children)
    const next = insert ? before : childId === '' ? [] : [childIndex(childId, jobId, siblings)]
    const relinked = [
      { index: parent.index, parents: indices(parent.parents), children: insert ? [index] : [...before, index] },
      ...next.map((child) => {
        const links = siblings.find((each) => each.index === child)
        const parents = indices(links?.parents ?? '[]')
        const others = insert ? parents.filter((each) => each !== parent.index) : parents
        return { index: child, parents: [...others, index], children: indices(links?.children ?? '[]') }
      }),
    ]
    const task = await this.submission.task(member.colony, spec, [])
    const submittedAt = this.context.now()
    const row = processRow(1, spec, [parent.index], next, null)
    const compiled = compile([{ ...task, dependsOnOlder: [parent.index] }], {
      colonyId: member.colony.id,
      initiatorId: member.id,
      initiatorName: member.name,
      isGraph: true,
      cronId: null,
      processes: [row],
      relinked,
    })
    await this.context.farm.jobs.grow(jobId, {
      ...compiled,
      ...(next.length > 0 && { olderDependencySlices: [JSON.stringify(next.map((child) => [child, 1]))] }),
    })
    return freshView({
      jobId,
      index,
      isGraph: true,
      spec: row.spec,
      priority: spec.priority,
      initiatorId: member.id,
      initiatorName: member.name,
      submittedAt,
      startBy: task.startBy,
      parents: [parent.index],
      children: next,
    })
  }
}

/** @throws ColoniesError 400 */
function childIndex(childId: string, jobId: string, processes: readonly ProcessRow[]): number {
  const child = parseProcessId(childId)
  const row = child?.jobId === jobId ? processes.find(({ index }) => index === child.index) : undefined
  if (!row) throw new ColoniesError(400, `childprocessid: no process of the processgraph has the Id ${childId.slice(0, 64)}`)
  if (row.state !== WAITING) throw new ColoniesError(400, `childprocessid: the process with Id ${childId} has started`)
  return row.index
}
