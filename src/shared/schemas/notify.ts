/** Who to notify when a job ends: per job (its submitter) and for the whole farm (settings). */
import { Type, type Static } from 'typebox'
import { oneOf } from '../enums.ts'
import { nullable } from './common.ts'

export const NOTIFY_EVENTS = ['completed', 'failed', 'canceled'] as const

/** Visible characters, blanks and tabs: a line break would start another header. */
const HEADER_VALUE = '^[\\t\\x20-\\x7e\\x80-\\xff]*$'

/** An HTTP or HTTPS address that is called with a JSON body. */
export const WebhookTarget = Type.Object(
  {
    url: Type.String({ minLength: 8, maxLength: 2048, pattern: '^[Hh][Tt][Tt][Pp][Ss]?://[^\\s]+$' }),
    method: Type.Optional(Type.Enum(['POST', 'PUT', 'PATCH', 'GET'])),
    headers: Type.Optional(
      Type.Record(
        Type.String({ pattern: "^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$" }),
        Type.String({ maxLength: 4096, pattern: HEADER_VALUE }),
        {
          additionalProperties: false,
        },
      ),
    ),
  },
  { additionalProperties: false },
)
export type WebhookTarget = Static<typeof WebhookTarget>

/** One mail address, `name@host`. */
export const MailAddress = Type.String({ minLength: 3, maxLength: 320, pattern: '^[^\\s@<>,;"]+@[^\\s@<>,;"]+$' })

/** One recipient. Exactly one of `mail` and `webhook`. */
export const NotificationRule = Type.Object(
  {
    on: Type.Array(oneOf(NOTIFY_EVENTS), { minItems: 1, maxItems: NOTIFY_EVENTS.length }),
    mail: Type.Optional(MailAddress),
    webhook: Type.Optional(WebhookTarget),
  },
  { additionalProperties: false },
)
export type NotificationRule = Static<typeof NotificationRule>

export const NotificationRules = Type.Array(NotificationRule, { maxItems: 20 })

/** POST /notifications/test: sends one message now and reports the result. */
export const NotificationTest = Type.Object(
  { mail: Type.Optional(MailAddress), webhook: Type.Optional(WebhookTarget) },
  { additionalProperties: false },
)
export const NotificationTestResult = Type.Object({ delivered: Type.Boolean(), message: Type.String() })
export type NotificationTestResult = Static<typeof NotificationTestResult>

/** GET /notifications/deliveries: an entry of the outbox. Times: ISO 8601. */
export const DeliveryEntry = Type.Object({
  id: Type.Integer(),
  kind: Type.String(),
  /** Address of the mail or of the webhook. */
  target: Type.String(),
  state: Type.Enum(['waiting', 'delivered', 'failed']),
  tries: Type.Integer(),
  error: nullable(Type.String()),
  createdAt: Type.String(),
  nextAt: nullable(Type.String()),
  doneAt: nullable(Type.String()),
})
export type DeliveryEntry = Static<typeof DeliveryEntry>
