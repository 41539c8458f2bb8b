/** What an execution wrote, stdout and stderr apart. The farm's own lines in a log are not the container's, so they are left out. */
import type { LogReader } from '../../files/logReader.ts'
import type { ExecutionRow } from '../../store/queries/fastlane.ts'
import { taskPublicId } from '../../../shared/ids.ts'

export type OutputStream = 'stdout' | 'stderr'
/** Between the two in what shows both (protocol 2.12). */
export const SEPARATOR = '\n-=-\n'

/** In JSON objects an output is at most this long; its beginning is left out then. The output routes give all of it. */
const MAX_TEXT_CHARS = 1_048_576
const LINES_AT_ONCE = 2_000

type Run = Pick<ExecutionRow, 'jobPublicId' | 'index' | 'attempt' | 'logLines'>

export function executionId({ jobPublicId, index }: Pick<ExecutionRow, 'jobPublicId' | 'index'>): string {
  return taskPublicId(jobPublicId, index)
}

/** The lines of one stream in pieces, each of whole lines. */
export async function* outputOf(logs: Pick<LogReader, 'lines'>, run: Run, stream: OutputStream): AsyncGenerator<string> {
  const { attempt, logLines } = run
  if (attempt === null) return
  for (let first = 0; first < (logLines ?? 0); first += LINES_AT_ONCE) {
    const lines = await logs.lines(executionId(run), attempt, first, LINES_AT_ONCE)
    const text = lines.flatMap((line) => (line.stream === stream ? [`${line.text}\n`] : [])).join('')
    if (text !== '') yield text
  }
}

/** The end of one stream as a text. */
export async function outputText(logs: Pick<LogReader, 'lines'>, run: Run, stream: OutputStream): Promise<string> {
  let text = ''
  let cut = false
  for await (const piece of outputOf(logs, run, stream)) {
    text += piece
    if (text.length > 2 * MAX_TEXT_CHARS) {
      text = text.slice(-MAX_TEXT_CHARS)
      cut = true
    }
  }
  if (text.length <= MAX_TEXT_CHARS && !cut) return text
  return `… (the beginning is left out here)\n${text.slice(-MAX_TEXT_CHARS)}`
}
