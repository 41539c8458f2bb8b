/** The manager's log under the shell: lines on stderr, which the system keeps for a desktop program. */
import type { ServiceLogger } from '../cli/services/logger.ts'

export function shellLog(): ServiceLogger {
  const write = (level: string) => (facts: object, message: string) => {
    process.stderr.write(`${level} ${message} ${JSON.stringify(facts)}\n`)
  }
  return { debug: () => {}, info: write('info'), warn: write('warn'), error: write('error') }
}
