/** The functions that executors registered, with how long their processes waited and ran. */
import type { ApiContext } from '../../../http/context.ts'
import type { Colony, Executor } from '../people/registry.ts'
import * as rows from '../store/functions.ts'
import type { ProcessRow } from '../store/processes.ts'
import { randomId } from '../wire/values.ts'
import { specOf } from './views.ts'

export class Functions {
  /** `colony/executor`, of executors that registered functions. */
  private readonly counted = new Set<string>()

  private constructor(private readonly context: Pick<ApiContext, 'read' | 'writer'>) {}

  static async load(context: Pick<ApiContext, 'read' | 'writer'>): Promise<Functions> {
    const functions = new Functions(context)
    for (const { colonyId, executorName } of await rows.executorsWithFunctions(context.read))
      functions.counted.add(`${colonyId}/${executorName}`)
    return functions
  }

  /** The same name again replaces what was registered; its counts stay. */
  async add(
    executor: Executor,
    input: { name: string; description: string; args: unknown[]; location: string },
  ): Promise<rows.FunctionRow> {
    const { colony, name: executorName, type: executorType } = executor
    const added = { ...input, args: JSON.stringify(input.args), executorName, executorType, id: randomId() }
    await this.context.writer.exclusive((tx) => rows.saveFunction(tx, colony.id, added))
    this.counted.add(key(executor))
    const [row] = (await this.list(colony, executorName)).filter(({ name }) => name === input.name)
    if (!row) throw new Error('the function was not stored')
    return row
  }

  list(colony: Colony, executorName: string | undefined): Promise<rows.FunctionRow[]> {
    return rows.listFunctions(this.context.read, colony.id, executorName)
  }

  find(id: string) {
    return rows.findFunction(this.context.read, id)
  }

  async remove(id: string): Promise<void> {
    await this.context.writer.exclusive((tx) => rows.deleteFunction(tx, id))
  }

  /** Whether the executor has functions at all, so that its processes may count. */
  counts(executor: Executor): boolean {
    return this.counted.has(key(executor))
  }

  /** A process of the executor succeeded. */
  async ran(executor: Executor, process: ProcessRow, endedAt: number): Promise<void> {
    const { funcname } = specOf(process.spec)
    const startedAt = process.startedAt ?? endedAt
    const waited = Math.max(0, startedAt - process.submittedAt) / 1_000
    const took = Math.max(0, endedAt - startedAt) / 1_000
    await this.context.writer.exclusive((tx) => rows.countRun(tx, executor.colony.id, executor.name, funcname, waited, took))
  }
}

const key = ({ colony, name }: Executor): string => `${colony.id}/${name}`
