/** Attributes and log lines of processes, and log lines of executors. */
import { taskPublicId } from '../../../../shared/ids.ts'
import type { ApiContext } from '../../../http/context.ts'
import type { Colony, Executor } from '../people/registry.ts'
import * as rows from '../store/notes.ts'
import type { ProcessRow } from '../store/processes.ts'
import { ColoniesError } from '../wire/errors.ts'
import { attributeId, processIdOf } from '../wire/values.ts'

const LONGEST_LINE = 1_048_576

export class Notes {
  /** Timestamps grow with each line, so that a client that asks for what came after one misses none. */
  private last = { at: 0, part: 0 }

  constructor(private readonly context: Pick<ApiContext, 'read' | 'writer' | 'farm' | 'now'>) {}

  /** @throws ColoniesError 400 when the process has it already */
  async addAttribute(row: ProcessRow, key: string, value: string, type: number): Promise<rows.StoredAttribute> {
    const id = attributeId(processIdOf(row.jobPublicId, row.index), key, type)
    const added = await this.context.writer.exclusive((tx) => rows.insertAttribute(tx, { id, taskId: row.taskId, key, value, type }))
    if (!added) throw new ColoniesError(400, `the process has an attribute <${key}> of this type already`)
    return { id, key, value, type }
  }

  findAttribute(id: string) {
    return rows.findAttribute(this.context.read, id)
  }

  /** Into the log that replies show, and into the one that the farm shows. */
  async log(executor: Executor, row: ProcessRow, message: string): Promise<void> {
    await this.write(executor, row.taskId, message)
    await this.context.farm.external.log(executor.workerId, taskPublicId(row.jobPublicId, row.index), message)
  }

  logOfExecutor(executor: Executor, message: string): Promise<void> {
    return this.write(executor, null, message)
  }

  ofProcess(taskId: number, page: rows.LogPage): Promise<rows.LogRow[]> {
    return rows.logsOfProcess(this.context.read, taskId, page)
  }

  ofExecutor(colony: Colony, executorName: string, page: rows.LogPage): Promise<rows.LogRow[]> {
    return rows.logsOfExecutor(this.context.read, colony.id, executorName, page)
  }

  search(colony: Colony, text: string, days: number, count: number): Promise<rows.LogRow[]> {
    return rows.searchLogs(this.context.read, colony.id, text, this.context.now() - days * 86_400_000, count)
  }

  private async write({ colony, name }: Executor, taskId: number | null, message: string): Promise<void> {
    if (message.length > LONGEST_LINE) throw new ColoniesError(400, `message has more than ${LONGEST_LINE} characters`)
    const now = this.context.now()
    this.last = now > this.last.at ? { at: now, part: 0 } : { at: this.last.at, part: this.last.part + 1 }
    const line = { colonyId: colony.id, taskId, executorName: name, message, ...this.last }
    await this.context.writer.exclusive((tx) => rows.insertLog(tx, line))
  }
}
