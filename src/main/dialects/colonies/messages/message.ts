/** A message of the protocol: its name, its body, and what answers it. */
import { Type, type Static, type TObject, type TProperties } from 'typebox'
import type { CancelSignal } from '../../../engine/base/cancelSignal.ts'
import type { Service } from '../service.ts'
import { decode } from '../wire/lenient.ts'
import { actorOf, type Audited } from './audit.ts'

/** One call of a client. */
export interface Call {
  /** The id that its signature shows; empty for messages without a signature. */
  signer: string
  /** Aborts when the client disconnects. */
  signal: CancelSignal
  /** The reply must not be lost: when it cannot be sent, this undoes what it says. */
  onUndelivered(undo: () => Promise<void>): void
}

export interface Message {
  readonly type: string
  /** False: anyone may send it. */
  readonly signed: boolean
  /** The type that its reply names, when it is another one. */
  readonly replyType: string
  /** @throws ColoniesError, FarmError */
  answer(service: Service, body: unknown, call: Call): Promise<unknown>
}

/** The reply of messages that have nothing to say. */
export const DONE = {}

/** @param options.audit for what people change: the entry of the audit log, once it is done */
export function message<P extends TProperties>(
  type: string,
  properties: P,
  answer: (service: Service, body: Static<TObject<P>>, call: Call) => unknown,
  options: { signed?: boolean; replyType?: string; audit?: (body: Static<TObject<P>>) => Audited } = {},
): Message {
  const schema = Type.Object(properties)
  return {
    type,
    signed: options.signed ?? true,
    replyType: options.replyType ?? type,
    answer: async (service, body, call) => {
      const decoded = decode(schema, body)
      if (!options.audit) return answer(service, decoded, call)
      // Who it was may be gone afterwards: an owner can remove the colony.
      const actor = actorOf(service, call.signer)
      const reply: unknown = await answer(service, decoded, call)
      const { action, kind, id, detail = null } = options.audit(decoded)
      service.context.security.audit.record({ at: service.context.now(), ...actor, action, targetKind: kind, targetId: id, detail })
      return reply
    },
  }
}
