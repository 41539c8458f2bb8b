/** Where a command prints: results on standard output, everything else (progress, hints, errors) on standard error. */

export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** A person looks at standard output: tables may be cut to its width and coloured. */
  readonly outIsTty: boolean
  /** A person looks at standard error: a progress bar may redraw itself there. */
  readonly errIsTty: boolean
  readonly columns: number
  /** Colours are wanted on standard output. */
  readonly colour: boolean
}

/** The terminal of this process. A reader that goes away (`| head`) ends the output, not the program with a stack. */
export function processTerminal(env: NodeJS.ProcessEnv): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
    })
  }
  const outIsTty = process.stdout.isTTY === true
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    outIsTty,
    errIsTty: process.stderr.isTTY === true,
    get columns() {
      return process.stdout.columns || process.stderr.columns || 100
    },
    colour: outIsTty && !env['NO_COLOR'] && env['TERM'] !== 'dumb',
  }
}
