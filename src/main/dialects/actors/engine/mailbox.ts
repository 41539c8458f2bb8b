/** Actors as the farm runs them: an actor is a job, its mailbox the job's queue, a message one more task of it. */
import { randomUUID } from 'node:crypto'
import { Value } from 'typebox/value'
import { taskPublicId } from '../../../../shared/ids.ts'
import { Policy } from '../../../../shared/policy.ts'
import { ACTOR_KIND, PRIVILEGED_ACTOR_KIND, type BlobRef } from '../../../../shared/schemas/actorRun.ts'
import { ConflictError, NotFoundError } from '../../../engine/base/errors.ts'
import { compileTasks } from '../../../engine/compile/compileTasks.ts'
import type { CompiledJob } from '../../../engine/base/compiledJob.ts'
import type { NewJobRecord } from '../../../engine/base/farmRecords.ts'
import type { ApiContext } from '../../../http/context.ts'
import type { Actor, ActorSpec } from '../model/actor.ts'
import { UPDATE } from '../model/levels.ts'
import type { Registry } from '../model/registry.ts'
import { ActorsSettings } from '../settings.ts'
import { openExecutions } from '../store/executions.ts'
import type { NewActor } from '../store/rows.ts'
import type { Who } from '../identity/who.ts'

/** How a message's text came: decides `_abaco_Content_Type`. */
export type MessageType = 'str' | 'application/json' | 'application/octet-stream'

/** `tasks.input` of a message. */
export interface MessageInput {
  /** The user, or what acted without a user: `cron`, `Abaco Event`. */
  executor: string
  type: MessageType
  /** As the container gets it in MSG; missing for bytes. */
  text?: string
  file?: BlobRef
  /** Variables of this execution, from the query. */
  variables: Record<string, string>
  /** `_abaco_username`, `_abaco_api_server`, `_abaco_jwt_header_name`: missing ones are not set. */
  username?: string
  apiServer?: string
  jwtHeader?: string
  revision: number
}

/** `tasks.input` of a look at the actor's image. */
export interface PullInput {
  pull: string
  revision: number
}

export const WAITING = 'waiting for messages'
const PRIORITY = 50
/** Before all messages. */
const PULL_PRIORITY = 100
const MAX_NAME_CHARS = 200
/** Abaco gives up after so many failures to start, with this pause in between. */
const START_TRIES = 6
const START_PAUSE_MS = 5_000
const CANCEL_SLICE = 500

/** All messages share it; what is theirs is in their input. */
const TEMPLATE = JSON.stringify({ commands: [{ name: 'actor-run', parameters: {}, totalStepCount: 1 }], holes: [] })

export class Mailbox {
  constructor(
    private readonly context: ApiContext,
    private readonly registry: Registry,
  ) {}

  /** Creates an actor and asks for its image. */
  async create(who: Who, name: string | null, spec: ActorSpec, cronNext: number | null): Promise<Actor> {
    const { farm, now } = this.context
    const publicId = randomUUID()
    const row: NewActor = {
      tenant: who.tenant,
      jobId: publicId,
      name,
      ownerId: who.principal,
      owner: who.user,
      spec,
      cronNext,
      level: UPDATE,
    }
    const record: NewJobRecord = {
      publicId,
      origin: 'actors',
      ...who.ownership,
      name: (name ?? spec.image).slice(0, MAX_NAME_CHARS),
      type: 'actor',
      project: '',
      priority: PRIORITY,
      policy: this.policyOf(spec),
      watched: { tasks: true },
      queueOrder: 'priority',
      initialStatus: 'queued',
      tag: null,
      maxWorkers: null,
      maxTasks: this.atOnce(spec),
      ...(!spec.stateless && { lane: laneOf(publicId) }),
      startAfter: null,
      dependsOn: [],
      limits: [],
      checkoutId: null,
      outputDir: null,
      clientId: null,
      activity: WAITING,
      createdAt: now(),
    }
    const compiled: CompiledJob = {
      ...compileTasks([]),
      templates: [TEMPLATE],
      settings: { image: spec.image },
      metadata: {},
      sideRows: [{ kind: 'actor', values: row }],
    }
    await farm.jobs.submit(record, compiled)
    const actor = await this.registry.adopt(publicId)
    await this.pull(actor)
    return actor
  }

  /** Its description changed. */
  async adapt(actor: Actor): Promise<void> {
    await this.context.farm.jobs.change(actor.jobId, {
      maxTasks: this.atOnce(actor.spec),
      policy: this.policyOf(actor.spec),
      lane: actor.spec.stateless ? null : laneOf(actor.jobId),
    })
  }

  /** As many executions of a stateless actor run at once as it has workers, if an administrator asked for more than its limit. */
  async fit(actor: Actor, workers: number): Promise<void> {
    if (!actor.spec.stateless) return
    const maxTasks = Math.max(this.atOnce(actor.spec), workers)
    await this.context.farm.jobs.change(actor.jobId, { maxTasks }).catch((error: unknown) => {
      // It is deleted at this moment.
      if (!(error instanceof NotFoundError)) ignoreConflict(error)
    })
  }

  /** Some worker of the farm looks for the image; the end of that task makes the actor ready (endings.ts). */
  async pull(actor: Actor): Promise<void> {
    const input: PullInput = { pull: actor.spec.image, revision: actor.revision }
    await this.append(actor, 'image', PULL_PRIORITY, input)
  }

  /** Adds a message; it is on disk when this resolves. Returns the number of its execution. */
  async send(actor: Actor, message: Omit<MessageInput, 'revision'>): Promise<number> {
    if (actor.status === 'ERROR') await this.hold(actor)
    const input: MessageInput = { ...message, revision: actor.revision }
    return this.append(actor, 'message', PRIORITY, input)
  }

  /** Its messages wait until it is mended. What runs goes on. */
  async hold(actor: Actor): Promise<void> {
    const { farm } = this.context
    const job = await farm.jobs.find(actor.jobId)
    if (job && job.status !== 'paused') await farm.jobs.setStatus(actor.jobId, 'paused', actor.statusMessage)
  }

  /** Drops all messages that wait. Returns how many. */
  async purge(actor: Actor, by: string): Promise<number> {
    const { read, farm } = this.context
    let purged = 0
    let after = 0
    for (;;) {
      const numbers = await openExecutions(read, actor.key, 'SUBMITTED', after, CANCEL_SLICE)
      for (const number of numbers) {
        await farm.tasks.act(taskPublicId(actor.jobId, number), 'cancel', by).catch(ignoreConflict)
        purged++
        after = number
      }
      if (numbers.length < CANCEL_SLICE) return purged
    }
  }

  private append(actor: Actor, name: string, priority: number, input: MessageInput | PullInput): Promise<number> {
    const kind = actor.spec.privileged ? PRIVILEGED_ACTOR_KIND : ACTOR_KIND
    return this.context.farm.jobs.append(actor.jobId, {
      name,
      kind,
      priority,
      input: JSON.stringify(input),
      ...('file' in input && { file: input.file }),
    })
  }

  /** Executions of it that may run at once: a stateful actor's run one after the other, in order. */
  private atOnce(spec: ActorSpec): number {
    return spec.stateless ? (spec.maxWorkers ?? this.context.settings.of(ActorsSettings).actorsMaxWorkers) : 1
  }

  private policyOf(spec: ActorSpec): Policy {
    const { taskTimeoutMs } = this.context.settings.current()
    const { actorsMaxRunMs, actorsTakeoverMs } = this.context.settings.of(ActorsSettings)
    return {
      ...Value.Create(Policy),
      failAfterWorkers: START_TRIES,
      retryOnSameWorker: true,
      retryDelayMs: START_PAUSE_MS,
      blockAfterFailures: 0,
      failJobAtPercent: 101,
      restsAs: WAITING,
      touchTimeoutMs: taskTimeoutMs,
      // Whatever the program's exit code: the message was processed.
      successOutcomes: ['exit-code', 'timed-out'],
      maxRunMs: actorsMaxRunMs,
      takeoverAfterMs: spec.stateless ? 0 : actorsTakeoverMs,
    }
  }
}

/** A stateful actor's messages run one at a time, in order, and a retry keeps its place. */
const laneOf = (jobId: string): NonNullable<NewJobRecord['lane']> => ({ kind: 'actor', name: jobId, concurrency: 1, ordered: true })

/** It began, or ended, at this moment. */
function ignoreConflict(error: unknown): void {
  if (!(error instanceof ConflictError)) throw error
}
