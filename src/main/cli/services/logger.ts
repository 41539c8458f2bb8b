/** The log of a service on standard error: short lines for people, or one JSON document per line for log collectors. */
import { printable } from '../output/format.ts'
import type { Terminal } from '../output/terminal.ts'

/** Implements the logger interface of engine and worker. */
export interface ServiceLogger {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

export interface LoggerOptions {
  level: LogLevel
  json: boolean
  /** Milliseconds since the epoch. */
  now(): number
}

export function makeLogger(terminal: Terminal, { level, json, now }: LoggerOptions): ServiceLogger {
  const write = (severity: LogLevel) => {
    if (LOG_LEVELS.indexOf(severity) < LOG_LEVELS.indexOf(level)) return () => {}
    return (facts: object, message: string) => {
      const time = new Date(now())
      terminal.err(json ? jsonLine(time, severity, facts, message) : plainLine(time, severity, facts, message))
    }
  }
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
}

/** `12:34:56 warn  manager does not answer  url=http://…`; error stacks on separate lines. Pure. */
function plainLine(time: Date, severity: LogLevel, facts: object, message: string): string {
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':')
  const shown: string[] = []
  let stack = ''
  for (const [key, value] of Object.entries(facts)) {
    if (value === undefined) continue
    if (value instanceof Error) {
      shown.push(`${key}=${quoted(value.message)}`)
      if (severity === 'error' && value.stack) stack = `${value.stack}\n`
    } else shown.push(`${key}=${typeof value === 'string' ? quoted(value) : JSON.stringify(value)}`)
  }
  return `${clock} ${severity.padEnd(5)} ${printable(message)}${shown.length ? `  ${shown.join(' ')}` : ''}\n${stack}`
}

function jsonLine(time: Date, severity: LogLevel, facts: object, message: string): string {
  const plain = Object.fromEntries(Object.entries(facts).map(([key, value]) => [key, value instanceof Error ? errorFacts(value) : value]))
  return `${JSON.stringify({ time: time.toISOString(), level: severity, message, ...plain })}\n`
}

function errorFacts(error: Error): object {
  const { name, message, stack, cause } = error
  return { name, message, stack, ...(cause instanceof Error ? { cause: errorFacts(cause) } : {}) }
}

function quoted(text: string): string {
  return /^[\w./:@+~-]+$/.test(text) ? text : JSON.stringify(text)
}
