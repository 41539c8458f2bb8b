/** Crons: workflows that are submitted again and again. Missed times are not made up for. */
import type { ApiContext } from '../../../http/context.ts'
import { FINISHED_JOB_STATUSES } from '../../../../shared/enums.ts'
import type { Initiator, Submission } from '../processes/submission.ts'
import { readResult } from '../processes/results.ts'
import type { Colony, Registry } from '../people/registry.ts'
import { indices } from '../processes/views.ts'
import { processesOfJob } from '../store/processes.ts'
import * as rows from '../store/plans.ts'
import { ColoniesError } from '../wire/errors.ts'
import { randomId } from '../wire/values.ts'
import { checkCron, nextRun } from './cronExpression.ts'
import { readWorkflow } from './workflowText.ts'

const MOST_NODES = 1_000_000

export type Cron = rows.CronRow

export interface NewCron {
  name: string
  expression: string
  interval: number
  random: boolean
  workflow: string
  waitForPrevious: boolean
}

export class Crons {
  private readonly byId = new Map<string, Cron>()
  private readonly running = new Set<Cron>()

  private constructor(
    private readonly context: Pick<ApiContext, 'read' | 'writer' | 'farm' | 'now' | 'log'>,
    private readonly registry: Registry,
    private readonly submission: Submission,
    private readonly chance: () => number,
  ) {}

  static async load(
    context: Pick<ApiContext, 'read' | 'writer' | 'farm' | 'now' | 'log'>,
    registry: Registry,
    submission: Submission,
    chance: () => number = Math.random,
  ): Promise<Crons> {
    const crons = new Crons(context, registry, submission, chance)
    for (const row of await rows.loadCrons(context.read)) crons.byId.set(row.publicId, row)
    return crons
  }

  find(id: string): Cron | undefined {
    return this.byId.get(id)
  }

  of(colony: Colony): Cron[] {
    return [...this.byId.values()].filter(({ colonyId }) => colonyId === colony.id)
  }

  /** @throws ColoniesError 400 */
  async add(colony: Colony, input: NewCron, by: Initiator): Promise<Cron> {
    const times = { expression: input.expression, interval: input.interval, random: input.random }
    checkCron(times)
    readWorkflow(input.workflow)
    const row = {
      publicId: randomId(),
      colonyId: colony.id,
      initiatorId: by.id,
      initiatorName: by.name,
      name: input.name,
      expression: input.expression,
      interval: input.interval,
      random: Number(input.random),
      workflow: input.workflow,
      waitForPrevious: Number(input.waitForPrevious),
      nextAt: nextRun(times, this.context.now(), this.chance()),
      lastAt: null,
      previousJob: null,
    }
    const id = await this.context.writer.exclusive((tx) => rows.insertCron(tx, row))
    if (id === undefined) throw new ColoniesError(400, `Cron with name <${input.name}> in Colony <${colony.name}> already exists`)
    const cron = { id, ...row }
    this.byId.set(cron.publicId, cron)
    return cron
  }

  async remove(cron: Cron): Promise<void> {
    await this.context.writer.exclusive((tx) => rows.deleteCron(tx, cron.id))
    this.byId.delete(cron.publicId)
  }

  forget(colony: Colony): void {
    for (const cron of this.of(colony)) this.byId.delete(cron.publicId)
  }

  /** Runs what is due; called again and again. */
  async tick(): Promise<void> {
    const now = this.context.now()
    for (const cron of [...this.byId.values()]) {
      if (cron.nextAt !== null && cron.nextAt <= now) await this.run(cron)
    }
  }

  /** Runs it now, unless it waits for its last run. One run at a time. */
  async run(cron: Cron): Promise<void> {
    if (this.running.has(cron)) return
    this.running.add(cron)
    try {
      await this.start(cron)
    } catch (error) {
      // Its executor's or user's colony changed; the next time may do.
      this.context.log.warn({ cron: cron.name, error: String(error) }, 'a Colonies cron could not start its workflow')
      if (this.byId.has(cron.publicId)) await this.moveOn(cron)
    } finally {
      this.running.delete(cron)
    }
  }

  private async start(cron: Cron): Promise<void> {
    const colony = this.registry.findById(cron.colonyId)
    if (!colony) return
    const previous = cron.previousJob === null ? undefined : await this.context.farm.jobs.find(cron.previousJob)
    const goesOn = previous?.deletedAt === null && !FINISHED_JOB_STATUSES.includes(previous.status) && previous.counts.failed === 0
    if (cron.waitForPrevious && goesOn) return
    if (
      !this.registry.executorIn(colony, cron.initiatorId) &&
      !this.registry.userIn(colony, cron.initiatorId) &&
      colony.ownerId !== cron.initiatorId
    ) {
      await this.moveOn(cron)
      return
    }
    const input = cron.previousJob === null ? [] : await this.leafOutputs(cron.previousJob)
    const by = { id: cron.initiatorId, name: cron.initiatorName }
    const times = { lastAt: this.context.now(), nextAt: this.nextTime(cron) }
    const ran: rows.CronRun = { cronId: cron.id, ...times }
    const { jobId } = await this.submission.graph(colony, readWorkflow(cron.workflow), by, {
      cronId: cron.id,
      ...(input.length > 0 && { input }),
      sideRows: [{ kind: 'colonies-cron', values: ran }],
    })
    Object.assign(cron, times, { previousJob: jobId })
  }

  /** Its next time comes without a run at this one. */
  private async moveOn(cron: Cron): Promise<void> {
    cron.nextAt = this.nextTime(cron)
    await this.context.writer.exclusive((tx) => rows.saveNextTime(tx, cron))
  }

  private nextTime({ expression, interval, random }: Cron): number | null {
    return nextRun({ expression, interval, random: random !== 0 }, this.context.now(), this.chance())
  }

  /** What the last processes of a graph put out, one after the other. */
  private async leafOutputs(jobId: string): Promise<unknown[]> {
    const processes = await processesOfJob(this.context.read, jobId, MOST_NODES)
    return processes.filter(({ children }) => indices(children).length === 0).flatMap(({ result }) => readResult(result).out)
  }
}
