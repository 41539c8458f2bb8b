/** The shape of a command: one declaration provides parsing, help, completion and validation. */
import type { Completion, Option, Values } from './options.ts'
import type { Terminal } from '../output/terminal.ts'

export interface Positional {
  /** As shown in help, e.g. `JOB`. */
  readonly name: string
  readonly help: string
  /** Optional. Only the last positionals may be. */
  readonly optional?: boolean
  /** Takes all remaining words. Only the last positional may. */
  readonly rest?: boolean
  readonly completes?: Completion
  readonly choices?: readonly string[]
}

export type Options = Record<string, Option<unknown>>

/** The environment of a command; everything else comes from its input. */
export interface Context {
  terminal: Terminal
  env: NodeJS.ProcessEnv
  /** The path of the program itself, for starting child processes. */
  program: string
  /** The arguments after `framehouse` on the command line, for starting the same command again. */
  words: readonly string[]
  /** The base of relative paths. */
  cwd: string
  /** Aborted by SIGINT or SIGTERM: stop cleanly and return. */
  signal: AbortSignal
  now(): number
}

export interface Input<O extends Options> {
  options: Values<O>
  /** Words in the order of `positionals`, validated by the parser. */
  words: readonly string[]
  /** `--json`: print one JSON document (one per line for streams) and nothing else on standard output. */
  json: boolean
}

export interface Command {
  /** `['workers', 'approve']` is `framehouse workers approve`. */
  readonly path: readonly string[]
  readonly summary: string
  /** Additional paragraphs of its help. */
  readonly details?: string
  readonly examples?: readonly string[]
  readonly positionals: readonly Positional[]
  readonly options: Options
  /** Hidden in the list of commands. */
  readonly hidden?: boolean
  /** Takes every word literally, options included (for `__complete`). */
  readonly raw?: boolean
  run(context: Context, input: Input<Options>): Promise<number>
}

interface Declaration<O extends Options> extends Omit<Command, 'run' | 'options' | 'positionals'> {
  positionals?: readonly Positional[]
  options?: O
  run(context: Context, input: Input<O>): Promise<number>
}

/** Declares a command; `run` receives its options with their types. */
export function defineCommand<O extends Options>(declaration: Declaration<O>): Command {
  return {
    positionals: [],
    ...declaration,
    options: declaration.options ?? {},
    // The parser fills `input.options` from exactly these options, so the values have the declared types.
    run: (context, input) => declaration.run(context, input as Input<O>),
  }
}

/** `framehouse` and the words that name the command. */
export function commandLine(command: Command): string {
  return ['framehouse', ...command.path].join(' ')
}
