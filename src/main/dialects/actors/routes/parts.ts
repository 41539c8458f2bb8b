/** What the routes of this dialect share. */
import type { Api, Call } from '../http/api.ts'
import type { Mailbox } from '../engine/mailbox.ts'
import { mountsOf } from '../model/mounts.ts'
import type { Actor } from '../model/actor.ts'
import { ActorsSettings } from '../settings.ts'
import { actorView } from '../views.ts'
import type { Lifecycle } from '../engine/lifecycle.ts'
import type { ActorWorkers } from '../engine/workers.ts'

export interface Parts {
  api: Api
  mailbox: Mailbox
  lifecycle: Lifecycle
  workers: ActorWorkers
}

/** An actor as clients see it. */
export function shownActor({ api }: Pick<Parts, 'api'>, actor: Actor, call: Call): Record<string, unknown> {
  const { actorsMounts } = api.context.settings.of(ActorsSettings)
  return actorView(actor, mountsOf(actor, actorsMounts), call)
}
