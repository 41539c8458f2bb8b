/** Help texts, generated from the declarations of the commands. Pure. */
import type { Command, Options } from './command.ts'
import { commandLine } from './command.ts'
import type { Option } from './options.ts'
import { GLOBAL_OPTIONS, usageLine } from './parse.ts'

/** The list of commands; with `group`, only those that start with its words. */
export function overview(commands: readonly Command[], group: readonly string[] = []): string {
  const shown = commands.filter((command) => !command.hidden && group.every((word, index) => command.path[index] === word))
  const rows = shown.map((command): [string, string] => [
    [...command.path, ...command.positionals.map((word) => word.name)].join(' '),
    command.summary,
  ])
  const lines = [
    group.length ? `framehouse ${group.join(' ')} …` : 'framehouse: turns your workstations into a render and job farm',
    '',
    'Commands',
    ...columns(rows),
    '',
    'Every command accepts --help and --json. Client commands find the manager by --manager or FRAMEHOUSE_MANAGER',
    '(default: http://127.0.0.1:8080) and authenticate with --token or FRAMEHOUSE_TOKEN.',
    '',
  ]
  return lines.join('\n')
}

/** Everything about one command. */
export function commandHelp(command: Command): string {
  const lines = [`${usageLine(command)}`, '', `${capital(command.summary)}.`]
  if (command.details) lines.push('', command.details.trim())
  if (command.positionals.length) {
    const rows = command.positionals.map(({ name, help, choices }): [string, string] => [
      name,
      choices ? `${help}: ${choices.join(', ')}` : help,
    ])
    lines.push('', 'Arguments', ...columns(rows))
  }
  const options: Options = { ...command.options, ...GLOBAL_OPTIONS }
  const rows = Object.entries(options).map(([name, option]): [string, string] => [optionLabel(name, option), optionText(option)])
  lines.push('', 'Options', ...columns(rows))
  if (command.examples?.length) lines.push('', 'Examples', ...command.examples.map((example) => `  ${example}`))
  lines.push('')
  return lines.join('\n')
}

/** The line under a usage error that points to the help. */
export function helpHint(path: readonly string[], commands: readonly Command[]): string {
  const command = commands.find((candidate) => candidate.path.join(' ') === path.join(' '))
  return `Run "${command ? commandLine(command) : ['framehouse', ...path].join(' ')} --help" for help.`
}

function optionLabel(name: string, option: Option<unknown>): string {
  const short = option.short ? `-${option.short}, ` : ''
  return `${short}--${name}${option.takesValue ? ` ${option.placeholder}` : ''}`
}

function optionText(option: Option<unknown>): string {
  const notes = [
    option.defaultText !== undefined ? `default ${option.defaultText}` : '',
    option.env ? `or ${option.env}` : '',
    option.repeat ? 'repeatable' : '',
  ].filter(Boolean)
  return notes.length ? `${option.help} (${notes.join('; ')})` : option.help
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(34, Math.max(0, ...rows.map(([label]) => label.length)))
  return rows.flatMap(([label, help]) =>
    label.length > width ? [`  ${label}`, `  ${''.padEnd(width)}  ${help}`] : [`  ${label.padEnd(width)}  ${help}`],
  )
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}
