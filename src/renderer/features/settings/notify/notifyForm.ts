/** The forms of mail and webhooks: rules as they are typed, and what is wrong with what was typed. Pure. */
import { Value } from 'typebox/value'
import { MailAddress, NOTIFY_EVENTS, WebhookTarget, type NotificationRule } from '../../../../shared/schemas/notify.ts'
import type { FarmSettings } from '../../../../shared/schemas/settings.ts'

export type NotifyEvent = (typeof NOTIFY_EVENTS)[number]
export type Method = NonNullable<WebhookTarget['method']>

/** A rule while it is typed. */
export interface RuleForm {
  kind: 'mail' | 'webhook'
  on: NotifyEvent[]
  /** Mail address, or address of the webhook. */
  to: string
  method: Method
  /** `Name: value`, a line each. */
  headers: string
}
export const newRule = (): RuleForm => ({ kind: 'mail', on: ['failed'], to: '', method: 'POST', headers: '' })

export function formOfRule({ on, mail, webhook }: NotificationRule): RuleForm {
  return {
    kind: webhook ? 'webhook' : 'mail',
    on: [...on],
    to: webhook?.url ?? mail ?? '',
    method: webhook?.method ?? 'POST',
    headers: Object.entries(webhook?.headers ?? {})
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
  }
}

/** The rule as the API takes it, for a form without problems. */
export function ruleOfForm(form: RuleForm): NotificationRule {
  const on = NOTIFY_EVENTS.filter((event) => form.on.includes(event))
  return form.kind === 'mail' ? { on, mail: form.to.trim() } : { on, webhook: webhookOf(form) }
}

function webhookOf({ to, method, headers }: RuleForm): WebhookTarget {
  const lines = headers
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
  const pairs = lines.map((line) => {
    const colon = line.indexOf(':')
    return colon < 0 ? [line, ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()]
  })
  return { url: to.trim(), ...(method !== 'POST' && { method }), ...(pairs.length && { headers: Object.fromEntries(pairs) }) }
}

/** What is wrong with a rule: keys of `notify.problem`, by field. */
export function ruleProblems(form: RuleForm): { on?: 'on'; to?: 'mail' | 'url'; headers?: 'headers' } {
  const webhook = webhookOf(form)
  const to = form.to.trim()
  const goodUrl = Value.Check(WebhookTarget, { url: to }) && URL.canParse(to)
  return {
    ...(form.on.length === 0 && { on: 'on' as const }),
    ...(form.kind === 'mail' && !Value.Check(MailAddress, to) && { to: 'mail' as const }),
    ...(form.kind === 'webhook' && !goodUrl && { to: 'url' as const }),
    ...(form.kind === 'webhook' && !Value.Check(WebhookTarget, { ...webhook, url: 'http://host' }) && { headers: 'headers' as const }),
  }
}

export type MailSettings = Pick<
  FarmSettings,
  'smtpHost' | 'smtpPort' | 'smtpSecurity' | 'smtpUser' | 'smtpPassword' | 'mailFrom' | 'publicUrl'
>
export const MAIL_KEYS = ['smtpHost', 'smtpPort', 'smtpSecurity', 'smtpUser', 'smtpPassword', 'mailFrom', 'publicUrl'] as const

/** The sender may be `farm@studio.example` or `The farm <farm@studio.example>`. */
const senderOf = (text: string) => /<([^<>]*)>\s*$/.exec(text)?.[1] ?? text

/** What is wrong with the mail server's settings: keys of `notify.problem`, by setting. */
export function mailProblems(form: MailSettings): Partial<Record<keyof MailSettings, string>> {
  const sender = senderOf(form.mailFrom.trim())
  return {
    ...(/[\s/:]/.test(form.smtpHost.trim()) && { smtpHost: 'host' }),
    ...((!Number.isInteger(form.smtpPort) || form.smtpPort < 1 || form.smtpPort > 65_535) && { smtpPort: 'port' }),
    ...(form.mailFrom.trim() === ''
      ? form.smtpHost.trim() !== '' && { mailFrom: 'sender' }
      : !Value.Check(MailAddress, sender) && { mailFrom: 'mail' }),
    ...(form.publicUrl.trim() !== '' &&
      !(/^https?:\/\//.test(form.publicUrl.trim()) && URL.canParse(form.publicUrl.trim())) && { publicUrl: 'url' }),
  }
}

/** The port that goes with a kind of encryption, when the one that is typed goes with another. */
export function portFor(security: FarmSettings['smtpSecurity'], port: number): number {
  const usual = { none: 25, starttls: 587, tls: 465 }
  return Object.values(usual).includes(port) ? usual[security] : port
}
