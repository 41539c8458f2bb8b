/** Commands as people may see them: a worker receives the values of all variables, but views hide secret ones. */
import type { Command } from '../../shared/schemas/jobs/task.ts'
import type { FarmSettings } from '../../shared/schemas/settings.ts'
import { redact, type RedactionRules } from '../security/redaction.ts'

/** For views of work that every viewer can open. */
export function viewRules({ hiddenWords }: Pick<FarmSettings, 'hiddenWords'>): RedactionRules {
  return { words: hiddenWords, shown: '***', strict: false }
}

export function shownCommands(commands: readonly Command[], settings: Pick<FarmSettings, 'hiddenWords'>): Command[] {
  // Redaction only replaces texts by texts.
  return redact(commands, viewRules(settings)) as Command[]
}
