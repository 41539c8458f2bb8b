/**
 * A job's pattern for lines that report a missing license. Submitters choose it, and some patterns never finish on some
 * lines ("catastrophic backtracking"): each match has a time limit, and a pattern that exceeds it repeatedly is
 * dropped.
 */
import { createContext, Script, type Context } from 'node:vm'

const BUDGET_MS = 250
/** A machine that was busy for a moment is no reason to drop a pattern. */
const MAX_TIMEOUTS = 3

/** The limit of `vm` also ends a match that backtracks; nothing else in Node does. */
const LOOK = new Script('pattern.test(text)')

/** @throws SyntaxError for an invalid regular expression. `^` and `$` are those of a line. */
export function licenceExpression(source: string): RegExp {
  return new RegExp(source, 'm')
}

export class LicencePattern {
  private readonly pattern: RegExp
  private context: Context | undefined
  private timeouts = 0

  /** @throws SyntaxError as `licenceExpression` */
  constructor(source: string) {
    this.pattern = licenceExpression(source)
  }

  /** Whether a line of the text matches. Also false when that cannot be determined in time. */
  isIn(text: string): boolean {
    if (this.timeouts >= MAX_TIMEOUTS) return false
    this.context ??= createContext({ pattern: this.pattern, text: '' })
    this.context['text'] = text
    try {
      return LOOK.runInContext(this.context, { timeout: BUDGET_MS }) === true
    } catch (error) {
      if (!isTimeout(error)) throw error
      this.timeouts++
      return false
    }
  }
}

/** It is an Error of the context's own, so `instanceof` does not recognize it. */
function isTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
}
