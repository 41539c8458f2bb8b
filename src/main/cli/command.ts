/** The shape of a command: one declaration gives parsing, help, completion and checks. */
import type { Completion, Option, Values } from './options.ts'
import type { Terminal } from './terminal.ts'

export interface Positional {
  /** As help shows it, e.g. `JOB`. */
  readonly name: string
  readonly help: string
  /** May be left out. Only the last ones. */
  readonly optional?: boolean
  /** Takes all further words. Only the last one. */
  readonly rest?: boolean
  readonly completes?: Completion
  readonly choices?: readonly string[]
}

export type Options = Record<string, Option<unknown>>

/** What a command may touch: everything else comes to it by its input. */
export interface Context {
  terminal: Terminal
  env: NodeJS.ProcessEnv
  /** The program file itself, to start further processes of it. */
  program: string
  /** What stands after `framehouse` on the command line, to start the same again. */
  words: readonly string[]
  /** The folder that relative paths start from. */
  cwd: string
  /** Aborted by SIGINT or SIGTERM: stop cleanly and return. */
  signal: AbortSignal
  now(): number
}

export interface Input<O extends Options> {
  options: Values<O>
  /** Words in the order of `positionals`; the checks of the parser have passed. */
  words: readonly string[]
  /** `--json`: print one JSON document (or one a line, for streams) and nothing else on standard output. */
  json: boolean
}

export interface Command {
  /** `['workers', 'approve']` is `framehouse workers approve`. */
  readonly path: readonly string[]
  readonly summary: string
  /** Further paragraphs of its help. */
  readonly details?: string
  readonly examples?: readonly string[]
  readonly positionals: readonly Positional[]
  readonly options: Options
  /** Not in the list of commands. */
  readonly hidden?: boolean
  /** Takes every word as it is, options too (for `__complete`). */
  readonly raw?: boolean
  run(context: Context, input: Input<Options>): Promise<number>
}

interface Declaration<O extends Options> extends Omit<Command, 'run' | 'options' | 'positionals'> {
  positionals?: readonly Positional[]
  options?: O
  run(context: Context, input: Input<O>): Promise<number>
}

/** Declares a command; the types of its options reach `run`. */
export function defineCommand<O extends Options>(declaration: Declaration<O>): Command {
  return {
    positionals: [],
    ...declaration,
    options: declaration.options ?? {},
    // The parser fills `input.options` from exactly these options, so the values have the types that they say.
    run: (context, input) => declaration.run(context, input as Input<O>),
  }
}

/** `framehouse` and the words that call the command. */
export function commandLine(command: Command): string {
  return ['framehouse', ...command.path].join(' ')
}
