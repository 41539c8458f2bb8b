/** The notify service: assembles the delivery of the outbox. Dialects add handlers for messages about their own tasks. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { NotificationTestResult, WebhookTarget } from '../../shared/schemas/notify.ts'
import type { FarmSettings } from '../../shared/schemas/settings.ts'
import type { SecretBox } from '../security/secretBox.ts'
import { ForbiddenAddressError } from './addresses.ts'
import { Deliveries, type DeliveriesParts, type Delivered, type Handler } from './deliveries.ts'
import { jobCompletionHandler } from './jobCompletion.ts'
import { MailRefusedError, NoMailServerError, sendMail, type Mail } from './mailer.ts'
import { WebhookCaller, type WebhookCall, type WebhookReply } from './webhooks.ts'

export interface NotifierParts extends DeliveriesParts {
  settings: { current(): FarmSettings }
  secrets: SecretBox
}

const WebhookPayload = Type.Object({
  url: Type.String(),
  method: Type.String(),
  headers: Type.Record(Type.String(), Type.String()),
  body: Type.String(),
})
const MailPayload = Type.Object({ to: Type.String(), subject: Type.String(), text: Type.String(), html: Type.Optional(Type.String()) })

/** Waits before the second, third, … try of a message of the farm's own: about a day in all. */
const RETRY_WAITS_MS = [10_000, 60_000, 300_000, 1_800_000, 7_200_000, 21_600_000, 43_200_000] as const

export class Notifier {
  private readonly deliveries: Deliveries
  private readonly caller = new WebhookCaller()

  constructor(private readonly parts: NotifierParts) {
    this.deliveries = new Deliveries(parts)
    this.handle('job-ended', jobCompletionHandler(parts))
    this.handle('webhook', {
      targetOf: (payload) => webhookTarget(Value.Parse(WebhookPayload, payload).url),
      handle: async ({ id, payload, tries }) => {
        const call = Value.Parse(WebhookPayload, payload)
        try {
          // Lets a receiver recognize a repeated message.
          const reply = await this.call({ ...call, headers: { ...call.headers, 'framehouse-delivery': String(id) } })
          return reply.status < 400 ? {} : again(tries, `${call.url} answered with status ${reply.status}`)
        } catch (error) {
          if (error instanceof ForbiddenAddressError) return { error: error.message }
          return again(tries, `${call.url} is unreachable: ${messageOf(error)}`)
        }
      },
    })
    this.handle('mail', {
      targetOf: () => 'smtp',
      handle: async ({ payload, tries }) => {
        try {
          await this.mail(Value.Parse(MailPayload, payload))
          return {}
        } catch (error) {
          const final = error instanceof NoMailServerError || error instanceof MailRefusedError
          return final ? { error: error.message } : again(tries, messageOf(error))
        }
      },
    })
  }

  /** Sets the handler of outbox entries of this kind, for example `fastlane:task-ended`. Call it before `start`. */
  handle(kind: string, handler: Handler): void {
    this.deliveries.handle(kind, handler)
  }

  start(): void {
    this.deliveries.start()
  }

  /** Entries were written. */
  wake(): void {
    this.deliveries.wake()
  }

  async stop(): Promise<void> {
    await this.deliveries.stop()
    await this.caller.close()
  }

  /** One call, by the farm's rules for webhooks. @throws ForbiddenAddressError, Error */
  call(call: WebhookCall): Promise<WebhookReply> {
    const { webhookTimeoutMs, webhooksToLocal } = this.parts.settings.current()
    return this.caller.call(call, { timeoutMs: webhookTimeoutMs, toLocal: webhooksToLocal })
  }

  /** One mail now. @throws NoMailServerError, MailRefusedError, Error */
  mail(mail: Mail): Promise<void> {
    const settings = this.parts.settings.current()
    const password = this.parts.secrets.unseal(settings.smtpPassword)
    if (password === undefined) {
      throw new MailRefusedError(
        'cannot decrypt the password of the mail server, because the key file of the data folder changed; enter it again',
      )
    }
    return sendMail(mail, settings, password)
  }

  /** Sends a test message now, to verify the settings. */
  async test(target: { mail?: string; webhook?: WebhookTarget }): Promise<NotificationTestResult> {
    const { managerName } = this.parts.settings.current()
    try {
      if (target.webhook) {
        const { url, method = 'POST', headers = {} } = target.webhook
        const body = JSON.stringify({ event: 'test', at: new Date(this.parts.now()).toISOString(), farm: managerName })
        const reply = await this.call({ url, method, headers: { 'content-type': 'application/json', ...headers }, body })
        return { delivered: reply.status < 400, message: `${url} answered with status ${reply.status}` }
      }
      await this.mail({
        to: target.mail ?? '',
        subject: `[${managerName}] test`,
        text: `This is a test of the mail settings of ${managerName}.`,
      })
      return { delivered: true, message: 'the mail server accepted the message' }
    } catch (error) {
      return { delivered: false, message: messageOf(error) }
    }
  }
}

function again(tries: number, error: string): Delivered {
  const retryInMs = RETRY_WAITS_MS[tries]
  return retryInMs === undefined ? { error } : { error, retryInMs }
}

/** Host and port: calls to one server take turns. */
export function webhookTarget(url: string): string {
  return URL.canParse(url) ? new URL(url).host : url
}

/** What went wrong, with the reason that libraries hide in `cause`. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error && error.cause.message !== error.message ? `: ${error.cause.message}` : ''
  // Several addresses were tried and none answered: Node then reports nothing but their errors.
  const inner = error instanceof AggregateError ? error.errors.map(messageOf).join('; ') : ''
  return `${error.message || inner || error.name}${cause}`
}
