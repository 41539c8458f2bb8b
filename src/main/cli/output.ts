/** Printing results: JSON documents, tables and lists of facts. */
import { printable } from './format.ts'
import type { Terminal } from './terminal.ts'

/** One document, indented for the eye and fine for programs. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`)
}

/** One document on one line, for streams. */
export function printJsonLine(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value)}\n`)
}

export interface Column<Row> {
  title: string
  value(row: Row): string
  align?: 'right'
  /** Cut first where the terminal is too narrow. */
  shrinks?: boolean
  /** The value is a state and gets its colour. */
  state?: boolean
}

/** A table with a heading; cut to the width of a terminal, whole in a file or pipe. */
export function printTable<Row>(terminal: Terminal, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  terminal.out(table(columns, rows, terminal.outIsTty ? terminal.columns : Infinity, terminal.colour))
}

/** Pure part of printTable. A width of Infinity cuts nothing. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number, colour: boolean): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))))
  const widths = columns.map((column, index) => Math.max(column.title.length, ...cells.map((row) => row[index]?.length ?? 0)))
  let excess = widths.reduce((sum, each) => sum + each + GAP.length, -GAP.length) - width
  columns.forEach((column, index) => {
    if (!column.shrinks || excess <= 0) return
    const now = widths[index] ?? 0
    widths[index] = Math.max(Math.min(now, MIN_COLUMN), now - excess)
    excess -= now - (widths[index] ?? 0)
  })
  const line = (words: readonly string[], coloured: boolean): string =>
    columns
      .map((column, index) => {
        const room = widths[index] ?? 0
        const word = cut(words[index] ?? '', room)
        const shown = coloured && column.state ? paint(word) : word
        const space = ' '.repeat(room - word.length)
        return column.align === 'right' ? space + shown : shown + space
      })
      .join(GAP)
      .trimEnd()
  const lines = [
    line(
      columns.map((column) => column.title),
      false,
    ),
    ...cells.map((row) => line(row, colour)),
  ]
  return lines.map((text) => `${text}\n`).join('')
}

/** `Label  value` a line; facts without a value are left out. */
export function printFacts(terminal: Terminal, facts: readonly (readonly [string, string | number | null | undefined])[]): void {
  const shown = facts.filter(([, value]) => value !== null && value !== undefined && value !== '')
  const width = Math.max(0, ...shown.map(([label]) => label.length))
  for (const [label, value] of shown) {
    const text = printable(String(value))
    terminal.out(`${label.padEnd(width)}  ${terminal.colour && label === 'Status' ? paint(text) : text}\n`)
  }
}

const GAP = '  '
const MIN_COLUMN = 12

function cut(word: string, width: number): string {
  return word.length <= width ? word : `${word.slice(0, Math.max(0, width - 1))}…`
}

const COLOURS: Record<string, number> = { green: 32, yellow: 33, blue: 34, red: 31, grey: 90 }
const STATE_COLOURS: Record<string, keyof typeof COLOURS> = {
  completed: 'green',
  awake: 'green',
  found: 'green',
  ok: 'green',
  active: 'blue',
  failed: 'red',
  error: 'red',
  missing: 'red',
  'soft-failed': 'yellow',
  paused: 'yellow',
  'pause-requested': 'yellow',
  'cancel-requested': 'yellow',
  'waits for approval': 'yellow',
  canceled: 'grey',
  offline: 'grey',
  asleep: 'grey',
}

function paint(state: string): string {
  const colour = STATE_COLOURS[state]
  return colour === undefined ? state : `\u001b[${COLOURS[colour]}m${state}\u001b[0m`
}
