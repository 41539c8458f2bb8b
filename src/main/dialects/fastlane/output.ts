/**
 * The output of an execution, stdout and stderr separately. The farm's own log lines are not the container's, so they
 * are omitted.
 */
import type { LogReader } from '../../logs/logReader.ts'
import type { ExecutionRow } from './store/queries.ts'
import { taskPublicId } from '../../../shared/ids.ts'

export type OutputStream = 'stdout' | 'stderr'
/** Separates the two where both are shown (protocol 2.12). */
export const SEPARATOR = '\n-=-\n'

/** The most output in JSON objects; a longer one loses its beginning. The output routes return everything. */
const MAX_TEXT_BYTES = 1_048_576

type Run = Pick<ExecutionRow, 'jobPublicId' | 'index' | 'attempt'>
export type OutputLogs = Pick<LogReader, 'streams' | 'streamTail'>

export function executionId({ jobPublicId, index }: Pick<ExecutionRow, 'jobPublicId' | 'index'>): string {
  return taskPublicId(jobPublicId, index)
}

/** The bytes of one stream, in chunks. */
export async function* outputOf(logs: Pick<LogReader, 'streams'>, run: Run, stream: OutputStream): AsyncGenerator<Buffer> {
  if (run.attempt === null) return
  for await (const { bytes } of logs.streams(executionId(run), run.attempt, [stream])) if (bytes.length > 0) yield bytes
}

/** The end of one stream as a text. */
export async function outputText(logs: Pick<LogReader, 'streamTail'>, run: Run, stream: OutputStream): Promise<string> {
  if (run.attempt === null) return ''
  const { bytes, isCut } = await logs.streamTail(executionId(run), run.attempt, stream, MAX_TEXT_BYTES)
  const text = bytes.toString('utf8')
  return isCut ? `… (the beginning is left out here)\n${text}` : text
}
