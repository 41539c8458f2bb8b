/** Fetches what earlier tasks of the job saved, for a task that depends on them: into the attempt's own folder, checked by hash. */
import { stat } from 'node:fs/promises'
import type { EarlierResults } from '../../../../../shared/schemas/jobs/content.ts'
import { pause } from '../../../../../shared/async.ts'
import { plural } from '../../../../../shared/text/plural.ts'
import { CouldNotStartError } from '../../../contract/commands.ts'
import { saveVerified } from '../../../link/saveVerified.ts'
import { makeFolderOf, type AttemptFolder } from './attemptFolder.ts'
import type { ResultsApi } from './resultsApi.ts'

type Earlier = EarlierResults['files'][number]

export interface FetchDeps {
  api: Pick<ResultsApi, 'earlierResults' | 'earlierResult'>
  /** Tells what it waits for: a sign of life. */
  say(activity: string): void
  /** Milliseconds of a clock that is never set. */
  elapsed(): number
}

const AT_ONCE = 4
const LOOK_AGAIN_MS = 500
/** Nothing more arrives: the workers that have the files are away. */
const GIVE_UP_MS = 600_000

/**
 * @throws CouldNotStartError when files of earlier tasks do not arrive at the manager, or not here
 */
export async function fetchEarlier(attempt: AttemptFolder, { api, say, elapsed }: FetchDeps, signal: AbortSignal): Promise<void> {
  let after = 0
  let lastChange = elapsed()
  let awaitedBefore = Number.POSITIVE_INFINITY
  for (;;) {
    signal.throwIfAborted()
    const { files, next, more, awaited } = await api.earlierResults(attempt.fence, after, signal)
    if (files.length > 0) {
      say(`fetching ${plural(files.length, 'file')} of earlier tasks`)
      await fetchAll(files, attempt, api, signal)
    }
    after = next
    if (more) continue
    const count = awaited.reduce((sum, each) => sum + each.files, 0)
    if (count === 0) return
    if (count !== awaitedBefore || files.length > 0) lastChange = elapsed()
    awaitedBefore = count
    const what = `${plural(count, 'file')} of earlier tasks that ${awaited.map(({ worker }) => `"${worker}"`).join(', ')} has not sent yet`
    if (elapsed() - lastChange > GIVE_UP_MS) throw new CouldNotStartError(`no longer waiting for ${what}`)
    say(`waiting for ${what}`)
    await pause(LOOK_AGAIN_MS, signal)
  }
}

async function fetchAll(files: readonly Earlier[], attempt: AttemptFolder, api: FetchDeps['api'], signal: AbortSignal): Promise<void> {
  let at = 0
  const lane = async (): Promise<void> => {
    for (let file = files[at++]; file !== undefined; file = files[at++]) await fetchOne(file, attempt, api, signal)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

async function fetchOne(
  { path, sha256, bytes }: Earlier,
  attempt: AttemptFolder,
  api: FetchDeps['api'],
  signal: AbortSignal,
): Promise<void> {
  const place = attempt.placeOf(path)
  if (attempt.pathOf(place) === undefined) throw new CouldNotStartError(`the manager listed a file outside the results: "${path}"`)
  // An attempt that is taken up again has it.
  if ((await stat(place).catch(() => undefined))?.size === bytes && (await attempt.isSettled(path))) return
  await makeFolderOf(place)
  try {
    const source = await api.earlierResult(attempt.fence, path, signal)
    await saveVerified(source, { sha256, place, unfinished: `${place}.framehouse-part` }, signal)
  } catch (error) {
    if (error instanceof CouldNotStartError || signal.aborted) throw error
    throw new CouldNotStartError(`cannot fetch "${path}" from the manager: ${error instanceof Error ? error.message : String(error)}`)
  }
  await attempt.note({ fetched: path, ...(await attempt.markOf(path)) })
}
