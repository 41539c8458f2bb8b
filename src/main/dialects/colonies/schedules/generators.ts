/** Generators: workflows that are submitted when enough arguments have been packed, or after a time. */
import type { ApiContext } from '../../../http/context.ts'
import type { Initiator, Submission } from '../processes/submission.ts'
import type { Colony, Registry } from '../people/registry.ts'
import * as rows from '../store/plans.ts'
import { ColoniesError } from '../wire/errors.ts'
import { randomId } from '../wire/values.ts'
import { readWorkflow } from './workflowText.ts'

export type Generator = rows.GeneratorRow

const MOST_QUEUED = 1_000_000
const LONGEST_ARG = 262_144

/** How many arguments the next workflow takes; 0: not yet. Pure. */
export function batchOf(
  { queued, trigger, timeout, lastAt, firstPackAt }: Pick<Generator, 'queued' | 'trigger' | 'timeout' | 'lastAt' | 'firstPackAt'>,
  now: number,
): number {
  if (queued >= trigger) return trigger
  const since = lastAt ?? firstPackAt ?? now
  return queued >= 1 && timeout > 0 && now > since + timeout * 1_000 ? queued : 0
}

export class Generators {
  private ticking = false

  constructor(
    private readonly context: Pick<ApiContext, 'read' | 'writer' | 'now' | 'log'>,
    private readonly registry: Registry,
    private readonly submission: Submission,
  ) {}

  find(id: string): Promise<Generator | undefined> {
    return rows.findGenerator(this.context.read, id)
  }

  of(colony: Colony): Promise<Generator[]> {
    return rows.loadGenerators(this.context.read, colony.id)
  }

  /** @throws ColoniesError 400 */
  async add(
    colony: Colony,
    input: { name: string; workflow: string; trigger: number; timeout: number },
    by: Initiator,
  ): Promise<Generator> {
    readWorkflow(input.workflow)
    if (input.trigger < 1) throw new ColoniesError(400, 'trigger must be at least 1')
    const row = { ...input, publicId: randomId(), colonyId: colony.id, initiatorId: by.id, initiatorName: by.name }
    const added = await this.context.writer.exclusive((tx) => rows.insertGenerator(tx, row))
    if (!added) throw new ColoniesError(400, `Generator with name <${input.name}> in Colony <${colony.name}> already exists`)
    const generator = await this.find(row.publicId)
    if (!generator) throw new ColoniesError(500, 'Failed to get generator, generator is nil')
    return generator
  }

  /** @throws ColoniesError 400 */
  async pack(generator: Generator, arg: string): Promise<void> {
    if (arg.length > LONGEST_ARG) throw new ColoniesError(400, `arg has more than ${LONGEST_ARG} characters`)
    if (generator.queued >= MOST_QUEUED) throw new ColoniesError(400, `a generator holds at most ${MOST_QUEUED} arguments`)
    await this.context.writer.exclusive((tx) => rows.insertPack(tx, generator.id, arg, this.context.now()))
  }

  async remove(generator: Generator): Promise<void> {
    await this.context.writer.exclusive((tx) => rows.deleteGenerator(tx, generator.id))
  }

  /** Submits what is due; called again and again. */
  async tick(): Promise<void> {
    if (this.ticking) return
    this.ticking = true
    try {
      for (const generator of await rows.waitingGenerators(this.context.read)) await this.work(generator)
    } finally {
      this.ticking = false
    }
  }

  private async work(generator: Generator): Promise<void> {
    const colony = this.registry.findById(generator.colonyId)
    let { queued, lastAt } = generator
    for (;;) {
      const now = this.context.now()
      const size = batchOf({ ...generator, queued, lastAt }, now)
      if (!colony || size === 0) return
      const packs = await rows.oldestPacks(this.context.read, generator.id, size)
      const lastId = packs.at(-1)?.id
      if (lastId === undefined) return
      const args = packs.map(({ arg }) => arg)
      const specs = readWorkflow(generator.workflow).map((spec) =>
        spec.conditions.dependencies.length === 0 ? { ...spec, args, kwargs: {} } : spec,
      )
      const used: rows.UsedPacks = { generatorId: generator.id, lastId, at: now }
      try {
        await this.submission.graph(
          colony,
          specs,
          { id: generator.initiatorId, name: generator.initiatorName },
          { sideRows: [{ kind: 'colonies-packs', values: used }] },
        )
      } catch (error) {
        this.context.log.warn({ generator: generator.name, error: String(error) }, 'a Colonies generator could not submit its workflow')
        return
      }
      queued -= packs.length
      lastAt = now
    }
  }
}
