/** Checking and showing of notification rules, beyond what their schema says. Pure. */
import type { NotificationRule } from '../../shared/schemas/notify.ts'
import { InvalidInputError } from '../engine/base/errors.ts'
import { redact, STRICT } from '../security/redaction.ts'

/** @param field where they stand in the request. @throws InvalidInputError naming the rule */
export function assertRules(rules: readonly NotificationRule[], field: string): void {
  rules.forEach(({ mail, webhook }, index) => {
    const at = `${field}/${index}`
    if ((mail === undefined) === (webhook === undefined)) throw new InvalidInputError(at, `${at} must name either mail or webhook`)
    if (webhook && !URL.canParse(webhook.url))
      throw new InvalidInputError(`${at}/webhook/url`, `${at}/webhook/url is no URL: ${webhook.url}`)
  })
}

/** For replies: values of headers may be keys of other services. */
export function shownRules(rules: readonly NotificationRule[]): NotificationRule[] {
  // Only texts become other texts.
  return redact(rules, STRICT) as NotificationRule[]
}
