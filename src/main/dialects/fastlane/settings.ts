/** Settings of the Fastlane API, stored beside the farm's own, and their texts for people. */
import { Type } from 'typebox'
import type { Dialect } from '../../http/dialect.ts'

export const FastlaneSettings = Type.Object({
  /** The longest run of a container. */
  fastlaneMaxRunMs: Type.Integer({ minimum: 1_000, default: 1_800_000 }),
  /** The wait before the first automatic retry, and the factor by which each later wait grows. */
  fastlaneRetryMs: Type.Integer({ minimum: 0, default: 1_000 }),
  fastlaneRetryFactor: Type.Number({ minimum: 1, maximum: 100, default: 2 }),
  /** The same for failed webhooks. */
  fastlaneWebhookRetryMs: Type.Integer({ minimum: 0, default: 5_000 }),
  fastlaneWebhookRetryFactor: Type.Number({ minimum: 1, maximum: 100, default: 2 }),
  /** When containers pull their image; if pulling fails, an image that is present is used. */
  fastlanePull: Type.Enum(['always', 'missing', 'never'], { default: 'always' }),
  /** Entries per page when a client does not set a number. */
  fastlanePageSize: Type.Integer({ minimum: 1, maximum: 1_000, default: 10 }),
})

export const WORDS: NonNullable<Dialect['words']> = {
  en: {
    title: 'Fastlane',
    summary: 'Runs container commands that Fastlane clients send to /tasks.',
    settings: {
      fastlaneMaxRunMs: { label: 'Longest run of a container' },
      fastlaneRetryMs: { label: 'Wait before the first retry' },
      fastlaneRetryFactor: { label: 'Factor between retries', hint: 'Each later wait is longer by this factor.' },
      fastlaneWebhookRetryMs: { label: 'Wait before a failed webhook is sent again' },
      fastlaneWebhookRetryFactor: { label: 'Factor between webhook retries' },
      fastlanePull: { label: 'Pull images', hint: 'If an image cannot be pulled and is there already, it is used.' },
      fastlanePageSize: { label: 'Entries per page', hint: 'For clients that name no number.' },
    },
  },
  de: {
    title: 'Fastlane',
    summary: 'Führt Container-Befehle aus, die Fastlane-Clients an /tasks senden.',
    settings: {
      fastlaneMaxRunMs: { label: 'Höchstlaufzeit eines Containers' },
      fastlaneRetryMs: { label: 'Wartezeit vor der ersten Wiederholung' },
      fastlaneRetryFactor: { label: 'Faktor zwischen Wiederholungen', hint: 'Jede weitere Wartezeit ist um diesen Faktor länger.' },
      fastlaneWebhookRetryMs: { label: 'Wartezeit, bevor ein fehlgeschlagener Webhook erneut gesendet wird' },
      fastlaneWebhookRetryFactor: { label: 'Faktor zwischen Webhook-Wiederholungen' },
      fastlanePull: { label: 'Images holen', hint: 'Lässt sich ein Image nicht holen, wird ein vorhandenes verwendet.' },
      fastlanePageSize: { label: 'Einträge pro Seite', hint: 'Für Clients, die keine Zahl nennen.' },
    },
  },
}
