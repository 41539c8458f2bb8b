/** What a language brings: one folder beside this file, and a line in languages.ts and components.ts. */
import type { Fault } from '../../shared/schemas/farm.ts'
import type { SaidCode } from '../../shared/said/english.ts'
import type { Wording } from '../../shared/said/said.ts'
import type { Messages } from './en/messages.ts'

export interface Language {
  /** Its name in the language itself. */
  name: string
  messages: Messages
  /** The manager's messages. */
  said: Wording & { sentences: Readonly<Record<SaidCode, string>> }
  /** Faults of the farm; absent: as the manager wrote them. */
  faults?: FaultWords
  /** The shipped job types, by their English texts; what is missing is shown in English. */
  jobTypes: {
    /** Labels of job types and settings, by the script's label, or by the key of a setting without one. */
    labels: Readonly<Record<string, string>>
    descriptions: Readonly<Record<string, string>>
  }
  /** Its name in cronstrue; the folder imports that locale. */
  cron: string
}

export type FaultWords = Readonly<Record<Fault['kind'], { message: string; remedy: string }>>
