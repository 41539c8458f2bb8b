/** What follows when a task of an actor has ended: its worker is free, listeners get their event, an image makes its actor ready. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { ApiContext } from '../../../http/context.ts'
import type { Delivered, Handler, OutboxEntry } from '../../../notify/deliveries.ts'
import type { Actor } from '../model/actor.ts'
import type { Registry } from '../model/registry.ts'
import { executionId } from '../values/ids.ts'
import { findExecution } from '../store/executions.ts'
import { endedTask } from '../store/endings.ts'
import type { Events } from './events.ts'
import type { Lifecycle } from './lifecycle.ts'
import type { PullInput } from './mailbox.ts'
import type { ActorWorkers } from './workers.ts'

const TaskEnded = Type.Object({ jobId: Type.String(), index: Type.Integer(), status: Type.String() })

export interface EndingParts {
  context: ApiContext
  registry: Registry
  events: Events
  lifecycle: Lifecycle
  workers: ActorWorkers
}

/** The handler of `actors:task-ended`. */
export function endingHandler(parts: EndingParts): Handler {
  return {
    async handle({ payload }): Promise<Delivered> {
      const { jobId, index, status } = Value.Parse(TaskEnded, payload)
      const actor = parts.registry.ofJob(jobId)
      const task = actor && (await endedTask(parts.context.read, actor.jobKey, index))
      if (!actor || !task?.input) return {}
      // Written by mailbox.ts.
      const input = JSON.parse(task.input) as Partial<PullInput>
      const reason = task.reason || task.activity
      if (input.pull !== undefined) {
        await imageEnded(parts, actor, { status, reason, pull: input.pull, revision: input.revision ?? 0 })
        return {}
      }
      return { entries: await executionEnded(parts, actor, { index, status, reason, revision: input.revision ?? 0 }) }
    },
  }
}

async function imageEnded(
  { lifecycle, workers }: EndingParts,
  actor: Actor,
  { status, reason, pull, revision }: { status: string; reason: string; pull: string; revision: number },
): Promise<void> {
  if (status === 'completed') {
    if (actor.revision === revision && workers.count(actor) === 0) await workers.ensure(actor, 1)
    return lifecycle.becomeReady(actor, revision)
  }
  if (status === 'failed')
    await lifecycle.fail(actor, `There was an error pulling the image: Error pulling image ${pull} - exception: ${reason}`, revision)
}

async function executionEnded(
  { context, events, lifecycle, workers }: EndingParts,
  actor: Actor,
  { index, status, reason, revision }: { index: number; status: string; reason: string; revision: number },
): Promise<OutboxEntry[]> {
  await workers.end(actor, index)
  if (status === 'failed') await lifecycle.fail(actor, `Error executing container: ${reason}`, Math.max(revision, actor.revision))
  const row = await findExecution(context.read, actor.key, index)
  if (!row) return []
  return events.publish(actor, 'EXECUTION_COMPLETE', {
    execution_id: executionId(actor.key, index),
    status: row.status,
    exit_code: row.exitCode,
  })
}
