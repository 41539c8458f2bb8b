/**
 * Progress of long operations on standard error: a bar that redraws itself on a terminal, else an occasional plain line, so that a
 * log file stays readable.
 */
import { printable } from './format.ts'
import type { Terminal } from './terminal.ts'

export interface Progress {
  /** `share` from 0 to 1; `text` describes the current step. */
  update(share: number, text: string): void
  /** Removes the bar so that other lines can be printed. The next update shows it again. */
  clear(): void
}

/** Minimum time between plain lines, and minimum change of the share unless the text changed. */
const LINE_EVERY_MS = 2_000

/** @param now milliseconds; paces the plain lines */
export function makeProgress(terminal: Terminal, now: () => number): Progress {
  return terminal.errIsTty ? bar(terminal) : lines(terminal, now)
}

export const noProgress: Progress = { update() {}, clear() {} }

function bar(terminal: Terminal): Progress {
  let drawn = ''
  return {
    update(share, text) {
      const line = barLine(share, text, terminal.columns)
      if (line === drawn) return
      // Carriage return, the line, then erase what remains of a longer previous line.
      terminal.err(`\r${line}\u001b[K`)
      drawn = line
    },
    clear() {
      if (drawn) terminal.err('\r\u001b[K')
      drawn = ''
    },
  }
}

/** `[██████░░░░]  60 %  14 of 24 frames`, at most `columns` − 1 wide. */
export function barLine(share: number, text: string, columns: number): string {
  const safe = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0))
  const width = Math.max(10, Math.min(30, Math.floor(columns / 3)))
  const full = Math.round(safe * width)
  const percent = String(Math.floor(safe * 100)).padStart(3)
  const line = `[${'█'.repeat(full)}${'░'.repeat(width - full)}] ${percent} %  ${printable(text)}`
  return line.length < columns ? line : line.slice(0, columns - 1)
}

function lines(terminal: Terminal, now: () => number): Progress {
  let lastText = ''
  let lastAt = -Infinity
  return {
    update(share, text) {
      const line = `${Math.floor(share * 100)} %  ${printable(text)}`
      if (line === lastText || now() - lastAt < LINE_EVERY_MS) return
      terminal.err(`${line}\n`)
      lastText = line
      lastAt = now()
    },
    clear() {},
  }
}
