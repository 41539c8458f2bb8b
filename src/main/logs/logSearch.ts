/**
 * Searches a log for a text or a regular expression. Patterns come from users and some of them never finish on some
 * lines ("catastrophic backtracking"), so matching runs in a thread that is terminated when it takes too long. The main
 * thread reads the log and passes batches to it; it never matches anything.
 */
import { Worker } from 'node:worker_threads'
import type { Static } from 'typebox'
import { InvalidInputError } from '../engine/base/errors.ts'
import type { LogMatches, LogSearchQuery } from '../../shared/schemas/jobs/log.ts'
import type { LogReader } from './logReader.ts'

/** A search returns after this time with what it has; the caller continues from there. */
const BUDGET_MS = 2_000
/** Lines per batch; a stuck thread is noticed after one batch. */
const BATCH_LINES = 5_000
/** One batch takes milliseconds; a pattern that needs longer than this will not finish. */
const BATCH_TIMEOUT_MS = 1_500
/** Longer lines are cut before matching. */
const MAX_LINE_CHARS = 20_000
/** Context shown around a match. */
const CONTEXT_CHARS = 1_000

/** Runs in the thread. Plain JavaScript text, so that it needs no separate file in a bundle. */
const MATCHER = `
const { parentPort, workerData } = require('node:worker_threads')
const pattern = new RegExp(workerData.source, workerData.flags)
parentPort.on('message', ({ lines, room }) => {
  const matches = []
  let searched = 0
  for (const text of lines) {
    const match = pattern.exec(text)
    if (match) {
      if (matches.length === room) break
      const from = Math.max(0, match.index - ${CONTEXT_CHARS / 4})
      const shown = text.slice(from, from + ${CONTEXT_CHARS})
      const start = match.index - from
      matches.push({ offset: searched, text: shown, start, end: Math.min(shown.length, start + match[0].length) })
    }
    searched++
  }
  parentPort.postMessage({ matches, searched })
})`

interface BatchResult {
  matches: { offset: number; text: string; start: number; end: number }[]
  searched: number
}

/** @throws InvalidInputError for a pattern that is invalid or does not finish */
export async function searchLog(
  logs: LogReader,
  log: { taskId: string; attempt: number; lines: number },
  query: Static<typeof LogSearchQuery>,
  now: () => number = Date.now,
): Promise<LogMatches> {
  const { source, flags } = patternOf(query)
  const limit = query.limit ?? 500
  const deadline = now() + BUDGET_MS
  const thread = new Worker(MATCHER, { eval: true, workerData: { source, flags }, resourceLimits: { maxOldGenerationSizeMb: 64 } })
  const matches: LogMatches['matches'] = []
  let line = Math.min(query.from ?? 0, log.lines)
  try {
    while (line < log.lines && matches.length < limit && now() < deadline) {
      const batch = await logs.lines(log.taskId, log.attempt, line, BATCH_LINES)
      if (batch.length === 0) break
      const result = await matchBatch(thread, {
        lines: batch.map(({ text }) => text.slice(0, MAX_LINE_CHARS)),
        room: limit - matches.length,
      })
      for (const match of result.matches) matches.push({ line: line + match.offset, text: match.text, start: match.start, end: match.end })
      line += result.searched
      if (result.searched < batch.length) break
    }
  } finally {
    void thread.terminate()
  }
  return { matches, scannedTo: line, done: line >= log.lines }
}

function patternOf({ q, regex, case: caseMatters }: Static<typeof LogSearchQuery>): { source: string; flags: string } {
  const flags = caseMatters ? 'u' : 'iu'
  if (!regex) return { source: q.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'), flags }
  for (const candidate of [flags, flags.replace('u', '')]) {
    try {
      new RegExp(q, candidate)
      return { source: q, flags: candidate }
    } catch (error) {
      // Patterns that are only valid without Unicode mode are tried without it.
      if (!candidate.includes('u')) throw new InvalidInputError('q', error instanceof Error ? error.message : String(error))
    }
  }
  throw new InvalidInputError('q', 'invalid regular expression')
}

function matchBatch(thread: Worker, batch: { lines: string[]; room: number }): Promise<BatchResult> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      finish()
      reject(new InvalidInputError('q', 'the regular expression takes too long on this log; make it more specific'))
    }, BATCH_TIMEOUT_MS)
    const onMessage = (result: BatchResult) => {
      finish()
      resolve(result)
    }
    const onError = (error: Error) => {
      finish()
      reject(error)
    }
    function finish(): void {
      clearTimeout(timer)
      thread.off('message', onMessage)
      thread.off('error', onError)
    }
    thread.once('message', onMessage)
    thread.once('error', onError)
    thread.postMessage(batch)
  })
}
