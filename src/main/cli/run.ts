/** Runs one command line: finds the command, gives it what it needs, turns what went wrong into words and an exit code. */
import { COMMANDS } from './commands/index.ts'
import type { Context } from './command.ts'
import { CliError, EXIT, UsageError } from './errors.ts'
import { commandHelp, helpHint, overview } from './help.ts'
import { printJson } from './output.ts'
import { parse, wantsJson } from './parse.ts'
import { SUPERVISED } from './supervisor.ts'
import { processTerminal } from './terminal.ts'
import { VERSION } from '../../shared/version.ts'

/** The exit code of the command line `words` (what stands after `framehouse`). Never throws. */
export async function runCommandLine(words: readonly string[], surroundings: Omit<Context, 'words'>): Promise<number> {
  const context: Context = { ...surroundings, words }
  const { terminal } = context
  try {
    const parsed = parse(words, COMMANDS, context.env)
    if (parsed.kind === 'version') {
      if (wantsJson(words)) printJson(terminal, { version: VERSION, node: process.version })
      else terminal.out(`framehouse ${VERSION}\n`)
      return EXIT.done
    }
    if (parsed.kind === 'help') {
      terminal.out(parsed.command ? commandHelp(parsed.command) : overview(COMMANDS, parsed.group))
      return EXIT.done
    }
    return await parsed.command.run(context, parsed.input)
  } catch (error) {
    return report(error, words, context)
  }
}

/**
 * What asks a program to end. Windows has no SIGTERM to send: there it is Ctrl-C, the closed console window (SIGHUP) or Ctrl-Break,
 * the one event that a keeper of services can send to one process alone.
 */
export function stopSignals(platform: NodeJS.Platform): NodeJS.Signals[] {
  return platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] : ['SIGINT', 'SIGTERM', 'SIGHUP']
}

/** The same for this process: its streams, its environment, its signals. */
export async function run(words: readonly string[], program: string): Promise<number> {
  const stopping = new AbortController()
  const signals = stopSignals(process.platform)
  let received = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    stopping.abort(signal)
    // Whoever asks twice does not want to wait for a clean end.
    if (++received > 1) process.exit(EXIT.interrupted)
  }
  for (const signal of signals) process.on(signal, onSignal)
  if (process.env[SUPERVISED]) {
    // What this process starts has no such channel.
    Reflect.deleteProperty(process.env, SUPERVISED)
    endWithSupervisor(() => stopping.abort('disconnect'))
  }
  try {
    return await runCommandLine(words, {
      terminal: processTerminal(process.env),
      env: process.env,
      cwd: process.cwd(),
      program,
      signal: stopping.signal,
      now: Date.now,
    })
  } finally {
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** A child of `both` or `demo` ends with the process that started it, also when that one is gone before we look. */
function endWithSupervisor(stop: () => void): void {
  if (!process.connected) return stop()
  process.once('disconnect', stop)
  // The open channel alone keeps nothing alive.
  process.channel?.unref()
}

function report(error: unknown, words: readonly string[], { terminal, signal, env }: Context): number {
  if (signal.aborted && !(error instanceof CliError)) return EXIT.interrupted
  const known = error instanceof CliError ? error : undefined
  const exitCode = known?.exitCode ?? EXIT.failed
  const message = error instanceof Error ? error.message : String(error)
  if (wantsJson(words)) {
    terminal.err(`${JSON.stringify({ error: { code: known?.code ?? 'internal', message, field: known?.field, exitCode } })}\n`)
    return exitCode
  }
  terminal.err(`framehouse: ${message}\n`)
  if (error instanceof UsageError) terminal.err(`${helpHint(error.help, COMMANDS)}\n`)
  // An error that nobody foresaw is a defect: its stack helps whoever mends it.
  if (!known && error instanceof Error && env['FRAMEHOUSE_DEBUG']) terminal.err(`${error.stack}\n`)
  return exitCode
}
