/** Where a command prints: results to standard output, everything else (progress, hints, errors) to standard error. */

import { encodeRaw } from '../../system/rawText.ts'
import { safeForTerminal, safeLog } from './escapes.ts'

export interface Terminal {
  out(text: string): void
  /** What a job wrote, as text of `decodeRaw`: a person sees what is safe to see, a file or another program gets its bytes. */
  outRaw(text: string): void
  err(text: string): void
  /** Standard output is a terminal: tables may be truncated to its width and coloured. */
  readonly outIsTty: boolean
  /** Standard error is a terminal: a progress bar may redraw itself. */
  readonly errIsTty: boolean
  readonly columns: number
  /** Colours are enabled on standard output. */
  readonly colour: boolean
}

/** The terminal of this process. A closed pipe (`| head`) ends the output, instead of crashing the program with a stack trace. */
export function processTerminal(env: NodeJS.ProcessEnv): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
  const outIsTty = process.stdout.isTTY === true
  const errIsTty = process.stderr.isTTY === true
  return {
    // A file or another program receives every character unchanged.
    out: (text) => void process.stdout.write(outIsTty ? safeForTerminal(text) : text),
    outRaw: (text) => void process.stdout.write(outIsTty ? safeLog(text) : encodeRaw(text)),
    err: (text) => void process.stderr.write(errIsTty ? safeForTerminal(text) : text),
    outIsTty,
    errIsTty,
    get columns() {
      return process.stdout.columns || process.stderr.columns || 100
    },
    colour: outIsTty && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  }
}
