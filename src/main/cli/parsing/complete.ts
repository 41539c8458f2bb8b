/** Completion candidates for the last word. Pure except for `lookUp`, which queries the manager for names. */
import type { Command, Options } from './command.ts'
import type { Completion, Option } from './options.ts'
import { findCommand, GLOBAL_OPTIONS } from './parse.ts'

/** Names that only the manager knows: ids of jobs and schedules, workers, job types. Empty when it does not answer. */
export type LookUp = (what: 'job' | 'job-type' | 'schedule' | 'worker', words: readonly string[]) => Promise<string[]>

/** Marks that tell the shell to complete files or folders itself. */
export const FILES = ':files'
export const FOLDERS = ':folders'

/**
 * @param words the words after `framehouse`; the last one (possibly empty) is being typed
 * @returns words that start with it, or one of the two marks above
 */
export async function complete(words: readonly string[], commands: readonly Command[], lookUp: LookUp): Promise<string[]> {
  const typed = words.at(-1) ?? ''
  const before = words.slice(0, -1)
  const { command, used } = findCommand(before, commands)
  const candidates = new Set<string>()
  const unhidden = commands.filter((other) => !other.hidden)
  if (used === before.length) {
    for (const other of unhidden) {
      const next = other.path[used]
      if (next !== undefined && before.every((word, index) => other.path[index] === word)) candidates.add(next)
    }
    if (used === 0) for (const word of ['help', '--help', '--version']) candidates.add(word)
  }
  if (before[0] === 'help') for (const other of unhidden) if (other.path[0]) candidates.add(other.path[0])
  if (!command) return matching(candidates, typed)

  const options: Options = { ...command.options, ...GLOBAL_OPTIONS }
  const inline = /^--([^=]+)=(.*)$/s.exec(typed)
  if (inline) {
    const option = options[inline[1] ?? '']
    const values = option ? await valuesOf(option, lookUp, before) : []
    return matching(values, inline[2] ?? '').map((value) => (isMark(value) ? value : `--${inline[1]}=${value}`))
  }
  const last = before.at(-1) ?? ''
  const awaiting = last.startsWith('--') ? options[last.slice(2)] : undefined
  if (awaiting?.takesValue) return matching(await valuesOf(awaiting, lookUp, before), typed)

  const given = countPositionals(before.slice(used), options)
  const positional = command.positionals[given] ?? (command.positionals.at(-1)?.rest ? command.positionals.at(-1) : undefined)
  if (typed.startsWith('-')) {
    for (const [name, option] of Object.entries(options)) if (option.repeat || !before.includes(`--${name}`)) candidates.add(`--${name}`)
  } else if (positional) {
    for (const word of positional.choices ?? (await completionsFor(positional.completes, lookUp, before))) candidates.add(word)
  }
  return matching(candidates, typed)
}

async function valuesOf(option: Option<unknown>, lookUp: LookUp, words: readonly string[]): Promise<readonly string[]> {
  return option.choices ?? (await completionsFor(option.completes, lookUp, words))
}

async function completionsFor(what: Completion | undefined, lookUp: LookUp, words: readonly string[]): Promise<string[]> {
  if (what === undefined) return []
  if (what === 'file') return [FILES]
  if (what === 'folder') return [FOLDERS]
  return lookUp(what, words)
}

function countPositionals(words: readonly string[], options: Options): number {
  let count = 0
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    if (!word.startsWith('-')) count++
    else if (word.startsWith('--') && !word.includes('=') && options[word.slice(2)]?.takesValue) index++
  }
  return count
}

function matching(candidates: Iterable<string>, typed: string): string[] {
  return [...candidates].filter((word) => isMark(word) || word.startsWith(typed)).sort()
}

function isMark(word: string): boolean {
  return word === FILES || word === FOLDERS
}
