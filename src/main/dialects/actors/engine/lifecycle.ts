/** What happens to an actor: created, updated, ready, in error, deleted. */
import { setTimeout as wait } from 'node:timers/promises'
import { taskPublicId } from '../../../../shared/ids.ts'
import { ConflictError, NotFoundError } from '../../../engine/base/errors.ts'
import type { ApiContext } from '../../../http/context.ts'
import { ActorsError } from '../errors.ts'
import type { Fields } from '../http/fields.ts'
import type { Who } from '../identity/who.ts'
import { actorTarget, type Actor, type ActorSpec } from '../model/actor.ts'
import { EXECUTE, UPDATE } from '../model/levels.ts'
import type { Registry } from '../model/registry.ts'
import { DESCRIPTION, readSpec } from '../model/spec.ts'
import { ActorsSettings } from '../settings.ts'
import { haltedExecutions, markHalted, openExecutions } from '../store/executions.ts'
import { readCron } from '../values/cron.ts'
import type { Mailbox } from './mailbox.ts'

/** How long a delete waits for running executions. */
const DRAIN_MS = 20_000
const LOOK_MS = 100
const HALTED = 'stopped through the actors API'
/** What the original says of a ready actor. */
const READY_MESSAGE = ' '

export class Lifecycle {
  /** Called after an actor became ready or failed. */
  onStatus: (actor: Actor) => void = () => undefined
  /** Updates of one actor take turns. */
  private readonly turns = new Map<number, Promise<unknown>>()

  constructor(
    private readonly context: ApiContext,
    private readonly registry: Registry,
    private readonly mailbox: Mailbox,
  ) {}

  /** @throws ActorsError naming the field */
  async create(who: Who, fields: Fields): Promise<Actor> {
    const name = fields.text('name', 200) || null
    const spec = this.read(who, fields)
    this.linkTarget(who, spec.link, undefined)
    const cronNext = spec.cronSchedule === null ? null : readCron(spec.cronSchedule, this.context.now()).start
    return this.mailbox.create(who, name, spec, cronNext)
  }

  /** Replaces the description; what is not given falls back to its default, the state too. @throws ActorsError */
  update(who: Who, actor: Actor, fields: Fields): Promise<void> {
    return this.inTurn(actor, async () => {
      const { now } = this.context
      const before = actor.spec
      const spec = this.read(who, fields, before)
      this.linkTarget(who, spec.link, actor)
      const isNew = spec.image !== before.image || fields.bool('force') === true
      const sameCron = spec.cronSchedule === before.cronSchedule
      await this.registry.change(actor, {
        spec,
        state: '{}',
        updatedAt: Math.max(now(), actor.updatedAt + 1),
        cronNext: sameCron ? actor.cronNext : spec.cronSchedule === null ? null : readCron(spec.cronSchedule, now()).start,
        ...(isNew && { status: 'SUBMITTED' as const, statusMessage: '', revision: actor.revision + 1 }),
      })
      await this.registry.grant(actorTarget(actor), who.principal, who.user, UPDATE)
      if (!who.ownership.adminRights) await this.context.farm.jobs.dropAdminRights(actor.jobId)
      await this.mailbox.adapt(actor)
      if (!isNew) return
      await this.resume(actor)
      await this.mailbox.pull(actor)
    })
  }

  /** Stops what runs, waits for it a while, and deletes the actor with its job. */
  async remove(actor: Actor, by: string): Promise<{ cleaningUp: boolean }> {
    const { farm, read } = this.context
    await this.registry.change(actor, { status: 'SHUTTING_DOWN' })
    await this.mailbox.purge(actor, by)
    for (const number of await openExecutions(read, actor.key, 'RUNNING', 0, 10_000)) await this.halt(actor, number).catch(ignoreEnded)
    const end = this.context.now() + DRAIN_MS
    let job = await farm.jobs.find(actor.jobId)
    while (job && job.counts.active > 0 && this.context.now() < end) {
      await wait(LOOK_MS)
      job = await farm.jobs.find(actor.jobId)
    }
    await farm.jobs.act(actor.jobId, 'delete', by)
    this.registry.forget(actor.jobId)
    return { cleaningUp: (job?.counts.active ?? 0) > 0 }
  }

  /** Stops a running execution gently; it ends as complete. Survives a restart. @throws ConflictError when it does not run */
  async halt(actor: Actor, number: number): Promise<void> {
    const mark = (halted: boolean) => this.context.writer.exclusive((tx) => markHalted(tx, actor.key, number, halted))
    // Before the worker may hear of it: an answer that was given holds, whenever this manager ends.
    await mark(true)
    try {
      await this.context.farm.tasks.halt(taskPublicId(actor.jobId, number), HALTED)
    } catch (error) {
      await mark(false)
      throw error
    }
  }

  /** Asks the workers again to stop what was to stop when the manager ended. */
  async haltAgain(): Promise<void> {
    for (const { actorKey, number } of await haltedExecutions(this.context.read)) {
      const actor = this.registry.find(actorKey)
      if (actor) await this.context.farm.tasks.halt(taskPublicId(actor.jobId, number), HALTED).catch(ignoreEnded)
    }
  }

  /** A worker has the image of this revision. */
  async becomeReady(actor: Actor, revision: number): Promise<void> {
    if (actor.revision !== revision || actor.status === 'READY' || actor.status === 'SHUTTING_DOWN') return
    await this.registry.change(actor, { status: 'READY', statusMessage: READY_MESSAGE })
    this.onStatus(actor)
  }

  /** It cannot run: its messages wait until it is updated, or a person resumes its job. */
  async fail(actor: Actor, message: string, revision: number): Promise<void> {
    if (actor.revision !== revision || actor.status === 'SHUTTING_DOWN') return
    const isNews = actor.status !== 'ERROR'
    await this.registry.change(actor, { status: 'ERROR', statusMessage: message.slice(0, 2_000) })
    if (isNews) this.onStatus(actor)
    await this.mailbox.hold(actor)
  }

  /** Its job was resumed. */
  async resume(actor: Actor): Promise<void> {
    await this.context.farm.jobs.act(actor.jobId, 'resume', 'actors').catch(ignoreEnded)
  }

  private read(who: Who, fields: Fields, before?: ActorSpec): ActorSpec {
    const { actorsToken, actorsQueues } = this.context.settings.of(ActorsSettings)
    return readSpec(fields, { who, tokenDefault: actorsToken, queues: actorsQueues, now: this.context.now(), ...(before && { before }) })
  }

  /** The actor that gets this one's events must exist and not lead back here. @throws ActorsError */
  private linkTarget(who: Who, link: string, actor: Actor | undefined): void {
    if (link === '') return
    let next = this.registry.resolve(who.tenant, link)
    if (!next) throw new ActorsError(`${DESCRIPTION}: {'link': 'there is no actor ${link.replaceAll("'", '’')}'}`)
    if (!who.isAdmin && this.registry.levelOf(actorTarget(next), who.principal) < EXECUTE) {
      throw new ActorsError(`${DESCRIPTION}: {'link': 'you do not have EXECUTE access to the linked actor'}`)
    }
    if (actor && next.key === actor.key) throw new ActorsError('Invalid link parameter. An actor cannot link to itself. (link)')
    const seen = new Set(actor ? [actor.key] : [])
    while (next) {
      if (seen.has(next.key)) throw new ActorsError('Error: this update would result in a cycle of linked actors. (link)')
      seen.add(next.key)
      next = next.spec.link === '' ? undefined : this.registry.resolve(next.tenant, next.spec.link)
    }
  }

  private inTurn(actor: Actor, run: () => Promise<void>): Promise<void> {
    const turn = (this.turns.get(actor.key) ?? Promise.resolve()).then(run, run)
    const tail = turn
      .catch(() => undefined)
      .finally(() => {
        if (this.turns.get(actor.key) === tail) this.turns.delete(actor.key)
      })
    this.turns.set(actor.key, tail)
    return turn
  }
}

/** It ended at this moment, or the status of its job rules it out. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof ConflictError) && !(error instanceof NotFoundError)) throw error
}
