/** Runs one command line: finds the command, provides its context, and turns errors into messages and exit codes. */
import { COMMANDS } from './commands/index.ts'
import type { Context } from './parsing/command.ts'
import { CliError, EXIT, UsageError } from './errors.ts'
import { commandHelp, helpHint, overview } from './parsing/help.ts'
import { printJson } from './output/output.ts'
import { endWithNpm, startedByNpm } from './services/npmParent.ts'
import { parse, wantsJson } from './parsing/parse.ts'
import { SUPERVISED } from './services/supervisor.ts'
import { processTerminal } from './output/terminal.ts'
import { VERSION } from '../../shared/version.ts'

/** The exit code of the command line `words` (the arguments after `framehouse`). Never throws. */
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
 * Signals that ask a program to stop. Windows cannot send SIGTERM: there it is Ctrl-C, the closed console window (SIGHUP) or
 * Ctrl-Break, the only event that a service manager can send to a single process.
 */
export function stopSignals(platform: NodeJS.Platform): NodeJS.Signals[] {
  return platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] : ['SIGINT', 'SIGTERM', 'SIGHUP']
}

/** The context of this process: its streams, environment and signals. */
export async function run(words: readonly string[], program: string): Promise<number> {
  const stopping = new AbortController()
  const signals = stopSignals(process.platform)
  let received = 0
  const onSignal = (signal: NodeJS.Signals): void => {
    stopping.abort(signal)
    // A second signal means that the user does not want to wait for a clean shutdown.
    if (++received > 1) process.exit(EXIT.interrupted)
  }
  for (const signal of signals) process.on(signal, onSignal)
  if (process.env[SUPERVISED]) {
    // Child processes must not inherit the channel.
    Reflect.deleteProperty(process.env, SUPERVISED)
    endWithSupervisor(() => stopping.abort('disconnect'))
  }
  const stopWatching = startedByNpm(process.env) ? endWithNpm(() => onSignal('SIGTERM')) : undefined
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
    stopWatching?.()
    for (const signal of signals) process.off(signal, onSignal)
  }
}

/** A child of `both` or `demo` ends with the process that started it, even if that one is gone before we check. */
function endWithSupervisor(stop: () => void): void {
  if (!process.connected) return stop()
  process.once('disconnect', stop)
  // The open channel alone must not keep the process alive.
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
  // An unexpected error is a defect: print its stack for the developer.
  if (!known && error instanceof Error && env['FRAMEHOUSE_DEBUG']) terminal.err(`${error.stack}\n`)
  return exitCode
}
