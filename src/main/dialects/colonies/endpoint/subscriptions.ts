/** What a WebSocket can subscribe to: protocol 1.6. Every subscription lives for the seconds that its request names. */
import { Type, type Static, type TObject, type TProperties } from 'typebox'
import { entryView } from '../messages/data/channels.ts'
import { SUCCESS } from '../processes/views.ts'
import type { Service } from '../service.ts'
import { replyEnvelope } from '../wire/envelope.ts'
import { ColoniesError } from '../wire/errors.ts'
import { decode, int64, integer, text } from '../wire/lenient.ts'

export interface Subscriber {
  send(text: string): void
  close(): void
  /** Calls `end` when the connection has gone. Returns the function that forgets it. */
  onEnd(end: () => void): () => void
}

type Subscription = (service: Service, message: unknown, signer: string, subscriber: Subscriber) => Promise<void>

const DEFAULT_SECONDS = 30
const MOST_SECONDS = 2_000_000

function subscription<P extends TProperties>(
  properties: P,
  begin: (service: Service, body: Static<TObject<P>>, signer: string, subscriber: Subscriber) => Promise<void>,
): Subscription {
  const schema = Type.Object(properties)
  return (service, message, signer, subscriber) => begin(service, decode(schema, message), signer, subscriber)
}

/** Ends a subscription when its time is up, or the connection. @returns the function that ends it earlier */
function lasting(subscriber: Subscriber, seconds: number, stop: () => void, timeUp: () => void): () => void {
  const end = (): void => {
    clearTimeout(timer)
    forget()
    stop()
  }
  const timer = setTimeout(
    () => {
      end()
      timeUp()
    },
    Math.min(MOST_SECONDS, Math.max(0, seconds)) * 1_000,
  )
  const forget = subscriber.onEnd(end)
  return end
}

export const SUBSCRIPTIONS: ReadonlyMap<string, Subscription> = new Map([
  [
    'subscribeprocessmsg',
    subscription(
      { colonyname: text, processid: text, executortype: text, state: integer, timeout: integer },
      async (service, { processid, state, timeout }, signer, subscriber) => {
        const { taskId, row: found } = await service.processes.need(processid, signer)
        let told: number | undefined
        const look = async (): Promise<void> => {
          const row = await service.processes.find(processid)
          // A process that ended otherwise never enters the state: its client receives it all the same.
          if (!row || (row.state !== state && row.state < SUCCESS) || row.state === told) return
          told = row.state
          subscriber.send(replyEnvelope('subscribeprocessmsg', await service.processes.view(row)))
        }
        const changed = (): void =>
          void look().catch((error: unknown) => service.context.log.error({ err: error }, 'a subscription failed'))
        const stop = service.watching.watch(taskId, found.isGraph === 1, changed)
        lasting(subscriber, timeout, stop, () => subscriber.close())
        await look()
      },
    ),
  ],
  [
    'subscribeprocessesmsg',
    subscription(
      { colonyname: text, executortype: text, state: integer, timeout: integer },
      async (service, { colonyname, executortype: type, state, timeout }, signer, subscriber) => {
        const { colony, executor } = service.roles.needMember(signer, colonyname)
        if (!executor) throw new ColoniesError(403, 'Access denied, not an executor')
        const stop = service.listeners.add({
          colonyId: colony.id,
          type,
          state,
          tell: (view) => subscriber.send(replyEnvelope('subscribeprocessmsg', view)),
        })
        lasting(subscriber, timeout, stop, () => subscriber.close())
      },
    ),
  ],
  [
    'subscribechannelmsg',
    subscription(
      { processid: text, name: text, afterseq: int64, timeout: integer },
      async ({ channels }, { processid, name, afterseq, timeout }, signer, subscriber) => {
        const reply = (entries: unknown): void => subscriber.send(replyEnvelope('subscribechannelmsg', entries))
        // An empty list is how a client learns that the stream has ended; a bare close would confuse it.
        const stop = await channels.follow(processid, name, signer, afterseq, {
          entries: (rows) => reply(rows.map(entryView)),
          ended: () => {
            reply([])
            end()
          },
        })
        const end = lasting(subscriber, timeout === 0 ? DEFAULT_SECONDS : timeout, stop, () => reply([]))
      },
    ),
  ],
])
