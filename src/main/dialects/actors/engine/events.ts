/** Events of actors, for the actor that is linked and the webhook (protocol 2.14). */
import type { ApiContext } from '../../../http/context.ts'
import type { OutboxEntry } from '../../../notify/deliveries.ts'
import { dbidOf, idOf, type Actor } from '../model/actor.ts'
import type { Registry } from '../model/registry.ts'
import { wireTime } from '../values/times.ts'
import { pythonText } from '../values/pythonText.ts'
import type { Mailbox } from './mailbox.ts'

export type EventType = 'ACTOR_READY' | 'ACTOR_ERROR' | 'EXECUTION_COMPLETE'
export const EVENT_USER = 'Abaco Event'
export const WEBHOOK_KIND = 'actors:webhook'

export class Events {
  constructor(
    private readonly context: Pick<ApiContext, 'now' | 'settings'>,
    private readonly registry: Registry,
    private readonly mailbox: Mailbox,
  ) {}

  /** The outbox entries of an event: a message for the linked actor is sent at once. Empty: no listener. */
  async publish(actor: Actor, type: EventType, about: Readonly<Record<string, unknown>>): Promise<OutboxEntry[]> {
    const { link, webhook } = actor.spec
    if (link === '' && webhook === '') return []
    const linked = link === '' ? undefined : this.registry.resolve(actor.tenant, link)
    const at = wireTime(this.context.now())
    const payload: Record<string, unknown> = {
      tenant_id: actor.tenant,
      event_type: type,
      event_time_utc: at,
      event_time_display: at,
      actor_id: idOf(actor),
      actor_dbid: dbidOf(actor),
      _abaco_link: linked ? dbidOf(linked) : '',
      _abaco_webhook: webhook,
      ...about,
    }
    if (linked && linked.key !== actor.key) {
      const message = {
        executor: EVENT_USER,
        type: 'application/json' as const,
        text: pythonText(payload),
        variables: {},
        username: EVENT_USER,
      }
      await this.mailbox.send(linked, message)
    }
    if (webhook === '') return []
    const { publicUrl } = this.context.settings.current()
    const body = { ...payload, _abaco_Content_Type: 'application/json', _abaco_username: EVENT_USER, _abaco_api_server: publicUrl }
    return [{ kind: WEBHOOK_KIND, payload: { url: webhook, body: JSON.stringify(body) } }]
  }
}
