/** Prints results: JSON documents, tables and label–value lists. */
import stringWidth from 'string-width'
import { printable } from './format.ts'
import type { Terminal } from './terminal.ts'

/** One document, indented for people and still valid for programs. */
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
  /** Truncated first when the terminal is too narrow. */
  shrinks?: boolean
  /** The value is a status and is coloured accordingly. */
  state?: boolean
}

/** A table with a heading; truncated to the width of a terminal, complete in a file or pipe. */
export function printTable<Row>(terminal: Terminal, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  terminal.out(table(columns, rows, terminal.outIsTty ? terminal.columns : Infinity, terminal.colour))
}

/** Pure part of printTable. A width of Infinity truncates nothing. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width: number, colour: boolean): string {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))))
  const widths = columns.map((column, index) => Math.max(stringWidth(column.title), ...cells.map((row) => stringWidth(row[index] ?? ''))))
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
        const space = ' '.repeat(Math.max(0, room - stringWidth(word)))
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

/** One `Label  value` per line; omits facts without a value. */
export function printFacts(terminal: Terminal, facts: readonly (readonly [string, string | number | null | undefined])[]): void {
  const shown = facts.filter(([, value]) => value !== null && value !== undefined && value !== '')
  const width = Math.max(0, ...shown.map(([label]) => stringWidth(label)))
  for (const [label, value] of shown) {
    const text = printable(String(value))
    terminal.out(`${label}${' '.repeat(width - stringWidth(label))}  ${terminal.colour && label === 'Status' ? paint(text) : text}\n`)
  }
}

const GAP = '  '
const MIN_COLUMN = 12

const graphemes = new Intl.Segmenter()

/** At most `width` columns of a terminal; whole characters, also where one takes two columns. */
function cut(word: string, width: number): string {
  if (stringWidth(word) <= width) return word
  let shown = ''
  for (const { segment } of graphemes.segment(word)) {
    if (stringWidth(shown + segment) > width - 1) break
    shown += segment
  }
  return `${shown}…`
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
