/** A job ended: whom its submitter and the farm's settings want told. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { oneOf } from '../../shared/enums.ts'
import { NOTIFY_EVENTS, type NotificationRule } from '../../shared/schemas/notify.ts'
import type { FarmSettings } from '../../shared/schemas/settings.ts'
import type { ReadDatabase } from '../store/connection.ts'
import { findJobKey, readJob } from '../store/queries/jobDetail.ts'
import { notificationRules } from '../store/queries/notifications.ts'
import { hasTaskEntries } from '../store/queries/outbox.ts'
import type { Delivered, Delivery, Handler, OutboxEntry } from './deliveries.ts'
import { jobMail, jobWebhookBody } from './messages.ts'

const JobEnded = Type.Object({ jobId: Type.String(), status: oneOf(NOTIFY_EVENTS) })

/** How long to let what the job's last tasks set off go first. */
const AFTER_TASKS_MS = 200

export interface JobEndsParts {
  read: ReadDatabase
  settings: { current(): FarmSettings }
  now(): number
}

/** Handler of `job-ended`: makes an entry for each message, so that each is tried by itself. */
export function jobEndsHandler({ read, settings, now }: JobEndsParts): Handler {
  return {
    async handle({ payload, createdAt }: Delivery): Promise<Delivered> {
      const { jobId, status } = Value.Parse(JobEnded, payload)
      const key = await findJobKey(read, jobId)
      if (!key) return {}
      // A retry that is added now means that the job has not ended after all.
      if (await hasTaskEntries(read, jobId)) return { retryInMs: AFTER_TASKS_MS }
      const job = await readJob(read, key.id, now())
      if (job?.status !== status) return {}
      const { publicUrl, managerName, notifications } = settings.current()
      const url = publicUrl === '' ? null : `${publicUrl.replace(/\/$/, '')}/app/jobs/${jobId}`
      const rules = [...(await notificationRules(read, key.id)), ...notifications].filter((rule) => rule.on.includes(status))
      const mail = jobMail(job, managerName, url)
      const body = JSON.stringify(jobWebhookBody(job, createdAt, url))
      return { entries: uniqueTargets(rules).map((rule) => entryOf(rule, mail, body)) }
    },
  }
}

function entryOf({ mail: to, webhook }: NotificationRule, mail: { subject: string; text: string }, body: string): OutboxEntry {
  if (to !== undefined) return { kind: 'mail', payload: { to, ...mail } }
  return {
    kind: 'webhook',
    payload: {
      url: webhook?.url ?? '',
      method: webhook?.method ?? 'POST',
      headers: { 'content-type': 'application/json', ...lowerCased(webhook?.headers) },
      body,
    },
  }
}

/** Who is named twice is told once. */
function uniqueTargets(rules: NotificationRule[]): NotificationRule[] {
  return [...new Map(rules.map((rule) => [rule.mail?.toLowerCase() ?? JSON.stringify(rule.webhook), rule])).values()]
}

function lowerCased(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
