/** A job ended: the notifications that its submitter and the farm's settings request. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import { oneOf } from '../../shared/enums.ts'
import { NOTIFY_EVENTS, type NotificationRule } from '../../shared/schemas/notify.ts'
import type { FarmSettings } from '../../shared/schemas/settings.ts'
import type { ReadDatabase } from '../store/connection.ts'
import { findJobKey, readJob } from '../store/queries/jobs/jobDetail.ts'
import { notificationRules } from '../store/queries/farm/notifications.ts'
import { hasTaskEntries } from '../store/queries/farm/outbox.ts'
import { warningsOfJob } from '../store/queries/jobs/warnings.ts'
import type { Delivered, Delivery, Handler, OutboxEntry } from './deliveries.ts'
import { jobMail, jobWebhookBody } from './messages.ts'

const JobEnded = Type.Object({ jobId: Type.String(), status: oneOf(NOTIFY_EVENTS) })

/** How long to wait for messages about the job's last tasks to go first. */
const AFTER_TASKS_MS = 200

/** Warnings that a message names. */
const MAX_WARNINGS = 20

export interface JobCompletionParts {
  read: ReadDatabase
  settings: { current(): FarmSettings }
  now(): number
}

/** Handler of `job-ended`: creates an entry for each message, so that each is retried separately. */
export function jobCompletionHandler({ read, settings, now }: JobCompletionParts): Handler {
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
      const warnings = await warningsOfJob(read, { ...key, publicId: job.id }, MAX_WARNINGS)
      const mail = jobMail(job, warnings, managerName, url)
      const body = JSON.stringify(jobWebhookBody(job, warnings, createdAt, url))
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

/** A recipient that is listed twice gets one message. */
function uniqueTargets(rules: NotificationRule[]): NotificationRule[] {
  return [...new Map(rules.map((rule) => [rule.mail?.toLowerCase() ?? JSON.stringify(rule.webhook), rule])).values()]
}

function lowerCased(headers: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
