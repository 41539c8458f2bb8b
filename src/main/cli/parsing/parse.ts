/** Parses a command line into a command and its input. Pure. */
import type { Command, Input, Options } from './command.ts'
import { commandLine } from './command.ts'
import { UsageError } from '../errors.ts'
import { nearest } from './nearest.ts'
import { flag, type Option } from './options.ts'

/** Accepted by every command. */
export const GLOBAL_OPTIONS = {
  json: flag('print JSON for programs'),
  help: flag('show this help', { short: 'h' }),
} satisfies Options

export type Parsed =
  | { kind: 'run'; command: Command; input: Input<Options> }
  | { kind: 'help'; command: Command | undefined; group: readonly string[] }
  | { kind: 'version' }

/** @throws UsageError that says what is wrong and suggests the intended word for a typo */
export function parse(words: readonly string[], commands: readonly Command[], env: NodeJS.ProcessEnv): Parsed {
  const first = words[0]
  if (first === '--version' || first === '-V' || (first === 'version' && words.slice(1).every((word) => word === '--json')))
    return { kind: 'version' }
  if (first === undefined || first === '--help' || first === '-h') return { kind: 'help', command: undefined, group: [] }
  if (first === 'help') return helpFor(words.slice(1), commands)
  const { command, used } = findCommand(words, commands)
  if (!command) {
    const group = words.slice(0, used)
    if (used > 0 && isHelp(words[used])) return { kind: 'help', command: undefined, group }
    throw unknownCommand(words, used, commands)
  }
  if (command.raw) return { kind: 'run', command, input: { options: {}, words: words.slice(used), json: false } }
  const split = splitWords(words.slice(used), command)
  if (split.given.has('help')) return { kind: 'help', command, group: [] }
  checkPositionals(command, split.positionals, words.slice(0, used), commands)
  const options: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(command.options)) options[name] = readOption(name, option, split.given, env, command)
  return { kind: 'run', command, input: { options, words: split.positionals, json: split.given.has('json') } }
}

/** True when `--json` is among the words, even if they are otherwise invalid: errors are then JSON too. */
export function wantsJson(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return words.slice(0, end < 0 ? undefined : end).includes('--json')
}

/** The command with the longest path that the words start with. `used`: how many words name it (or a group of commands). */
export function findCommand(words: readonly string[], commands: readonly Command[]): { command: Command | undefined; used: number } {
  let found: Command | undefined
  let group = 0
  for (const command of commands) {
    let matching = 0
    while (matching < command.path.length && command.path[matching] === words[matching]) matching++
    if (matching === command.path.length && (!found || matching > found.path.length)) found = command
    if (matching < command.path.length) group = Math.max(group, matching)
  }
  return { command: found, used: found ? found.path.length : group }
}

function helpFor(words: readonly string[], commands: readonly Command[]): Parsed {
  const { command, used } = findCommand(words, commands)
  if (used < words.length) throw unknownCommand(words, used, commands)
  return { kind: 'help', command, group: command ? [] : words.slice(0, used) }
}

function unknownCommand(words: readonly string[], used: number, commands: readonly Command[]): UsageError {
  const group = words.slice(0, used)
  const next = new Set(
    commands
      .filter((command) => !command.hidden && group.every((word, index) => command.path[index] === word))
      .map((command) => command.path[used] ?? ''),
  )
  next.delete('')
  const word = words[used]
  if (word === undefined)
    return new UsageError(`"framehouse ${group.join(' ')}" needs a subcommand: ${[...next].join(', ')}`, undefined, group)
  const near = nearest(word, next)
  const meant = near ? ` Did you mean "${['framehouse', ...group, near].join(' ')}"?` : ''
  return new UsageError(`unknown command "${[...group, word].join(' ')}".${meant}`, undefined, group)
}

interface Split {
  /** Option name → values in order ('' for a switch). */
  given: Map<string, string[]>
  positionals: string[]
}

function splitWords(words: readonly string[], command: Command): Split {
  const options: Options = { ...command.options, ...GLOBAL_OPTIONS }
  const split: Split = { given: new Map(), positionals: [] }
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? ''
    if (word === '--') {
      split.positionals.push(...words.slice(index + 1))
      break
    }
    if (!word.startsWith('-') || word === '-') {
      split.positionals.push(word)
      continue
    }
    const equals = word.startsWith('--') ? word.indexOf('=') : -1
    const label = equals < 0 ? word : word.slice(0, equals)
    const name = optionName(label, options)
    const option = name === undefined ? undefined : options[name]
    if (name === undefined || !option) throw unknownOption(label, options, command)
    let value = equals < 0 ? undefined : word.slice(equals + 1)
    if (!option.takesValue && value !== undefined) throw new UsageError(`${label} does not take a value`, label, command.path)
    if (option.takesValue && value === undefined) {
      value = words[++index]
      if (value === undefined || (value.startsWith('--') && value !== '--')) {
        throw new UsageError(`${label} needs a value: ${label} ${option.placeholder}`, label, command.path)
      }
    }
    const before = split.given.get(name) ?? []
    if (before.length > 0 && option.takesValue && !option.repeat)
      throw new UsageError(`${label} is given more than once`, label, command.path)
    split.given.set(name, [...before, value ?? ''])
  }
  return split
}

function optionName(label: string, options: Options): string | undefined {
  if (label.startsWith('--')) return Object.hasOwn(options, label.slice(2)) ? label.slice(2) : undefined
  return Object.keys(options).find((name) => options[name]?.short === label.slice(1))
}

function unknownOption(label: string, options: Options, command: Command): UsageError {
  const near = label.startsWith('--') ? nearest(label.slice(2), Object.keys(options)) : undefined
  return new UsageError(`"${commandLine(command)}" has no option ${label}.${near ? ` Did you mean --${near}?` : ''}`, label, command.path)
}

function checkPositionals(command: Command, given: readonly string[], path: readonly string[], commands: readonly Command[]): void {
  const wanted = command.positionals
  const missing = wanted[given.length]
  if (missing && !missing.optional)
    throw new UsageError(`missing argument ${missing.name}: ${usageLine(command)}`, missing.name, command.path)
  const extra = given[wanted.length]
  if (extra !== undefined && !wanted.at(-1)?.rest) {
    const siblings = commands.filter((other) => other.path.length > path.length && path.every((word, index) => other.path[index] === word))
    const near = nearest(
      extra,
      siblings.map((other) => other.path[path.length] ?? ''),
    )
    const meant = near ? ` Did you mean "${['framehouse', ...path, near].join(' ')}"?` : ''
    throw new UsageError(`unexpected argument "${extra}" for "${commandLine(command)}".${meant}`, extra, command.path)
  }
  wanted.forEach((positional, index) => {
    const word = given[index]
    if (word === '') throw new UsageError(`${positional.name} must not be empty`, positional.name, command.path)
    if (word !== undefined && positional.choices && !positional.choices.includes(word)) {
      const list = positional.choices.join(', ')
      throw new UsageError(`${positional.name} must be one of ${list}, not "${word}"`, positional.name, command.path)
    }
  })
}

/** The given words, else the environment variable, else the option's default. */
function readOption(
  name: string,
  option: Option<unknown>,
  given: Map<string, string[]>,
  env: NodeJS.ProcessEnv,
  command: Command,
): unknown {
  const words = given.get(name)
  const fromEnv = words || !option.env ? undefined : env[option.env]
  try {
    return option.read(words ?? (fromEnv ? [fromEnv] : []), fromEnv && option.env ? option.env : `--${name}`)
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(error.message, error.field, command.path)
    throw error
  }
}

function isHelp(word: string | undefined): boolean {
  return word === '--help' || word === '-h'
}

/** `framehouse submit TYPE [options]` */
export function usageLine(command: Command): string {
  const words = command.positionals.map(({ name, optional, rest }) => {
    const shown = rest ? `${name} …` : name
    return optional ? `[${shown}]` : shown
  })
  return [commandLine(command), ...words, '[options]'].join(' ')
}
