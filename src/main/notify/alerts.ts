/**
 * Email about the manager's own disk and files. Sent immediately, not through the outbox: that is in the database,
 * which may be damaged.
 */
import type { Fault } from '../../shared/schemas/farm.ts'
import type { FarmSettings } from '../../shared/schemas/settings.ts'
import type { Logger } from '../../shared/logger.ts'
import { NoMailServerError } from './mailer.ts'
import { messageOf, type Notifier } from './notifier.ts'

const RETRY_MS = 5 * 60_000
const TRIES = 12

export interface AlertsParts {
  notifier: Pick<Notifier, 'mail'>
  settings(): Pick<FarmSettings, 'alertMail' | 'managerName' | 'notifications'>
  log: Logger
}

export class Alerts {
  private readonly timers = new Set<NodeJS.Timeout>()

  constructor(private readonly parts: AlertsParts) {}

  tell(fault: Fault, state: 'raised' | 'healed'): void {
    for (const to of receiversOf(this.parts.settings())) this.send(to, fault, state, 1)
  }

  stop(): void {
    for (const timer of this.timers) clearTimeout(timer)
  }

  private send(to: string, fault: Fault, state: 'raised' | 'healed', attempt: number): void {
    const { subject, text } = alertText(this.parts.settings().managerName, fault, state)
    this.parts.notifier.mail({ to, subject, text }).catch((error: unknown) => {
      if (error instanceof NoMailServerError) return
      this.parts.log.warn({ to, error: messageOf(error) }, 'cannot send the email about a fault')
      if (attempt >= TRIES) return
      const timer = setTimeout(() => {
        this.timers.delete(timer)
        this.send(to, fault, state, attempt + 1)
      }, RETRY_MS).unref()
      this.timers.add(timer)
    })
  }
}

/** The address in the settings; without one, the recipients of every job's notifications. */
export function receiversOf({ alertMail, notifications }: Pick<FarmSettings, 'alertMail' | 'notifications'>): string[] {
  if (alertMail !== '') return [alertMail]
  return [...new Set(notifications.flatMap(({ mail }) => mail ?? []))]
}

export function alertText(farm: string, fault: Fault, state: 'raised' | 'healed'): { subject: string; text: string } {
  if (state === 'healed')
    return { subject: `[${farm}] over: ${fault.kind}`, text: `This is over:\n\n${fault.message}\n\nIt began at ${fault.since}.` }
  const word = fault.severity === 'error' ? 'FAULT' : 'warning'
  return { subject: `[${farm}] ${word}: ${fault.kind}`, text: `${fault.message}\n\n${fault.remedy}\n\nSince ${fault.since}.` }
}
