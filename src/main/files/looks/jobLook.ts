/**
 * Checks that one of the job's workers sees all of its frames: if each worker saved to its own disk, the job is not
 * complete. A job without shared storage is complete when everything is home. Frames of foreign workers that could not be checked are not requested again.
 */
import { dirname } from 'node:path'
import { stat } from 'node:fs/promises'
import { Value } from 'typebox/value'
import { goPlatform } from '../../../shared/paths/crosspath.ts'
import { plural } from '../../../shared/text/plural.ts'
import { FilesLookResult } from '../../../shared/schemas/jobs/looks.ts'
import { WorkerRequestFailedError } from '../../engine/workers/workerRequests.ts'
import { UnavailableError } from '../../engine/base/errors.ts'
import type { JobLookRequest, LookResult } from '../../engine/base/frameLooks.ts'
import type { WorkerState } from '../../engine/base/model.ts'
import { resultsOfJob } from '../../store/queries/jobs/resultFiles.ts'
import { framesByWorker, savedFiles, workersOfJob, type SavedFile } from '../../store/queries/tasks/frames.ts'
import { pathHere, sharedFile, withVariable } from '../sharedFiles.ts'
import { isSharedFolder } from './folders.ts'
import type { TaskLookOptions } from './taskLook.ts'

/** Files that are asked for in one request. */
const PAGE = 2_000
const READ_MS = 60_000

/** @throws UnavailableError when the manager stops */
export async function lookForJob({ id }: JobLookRequest, options: TaskLookOptions): Promise<LookResult | { again: true }> {
  const sent = await resultsOfJob(options.read, id)
  if (sent !== undefined) return sent.awaited === 0 ? { ok: true } : { again: true }
  const savers = await framesByWorker(options.read, id)
  if (savers.length < 2) return { ok: true }
  const order = await workersOfJob(options.read, id)
  const asked = options.farm.workers
    .all()
    .filter(({ id: worker, adapter, approvedAt }) => order.includes(worker) && adapter === 'native' && approvedAt !== null)
    .sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id))
  for (const worker of asked) {
    const result = await lookFrom(worker, id, options)
    if (result !== undefined) return result
  }
  // No native worker ran any of it, or none answers.
  if (asked.length === 0 || asked.every(({ status }) => status === 'offline' || status === 'error'))
    return lookHere(id, options, asked.length > 0)
  return { again: true }
}

/** Undefined when the worker cannot be reached, or has no answer. */
async function lookFrom(
  worker: WorkerState,
  jobId: number,
  { farm, read, settings, host }: TaskLookOptions,
): Promise<LookResult | undefined> {
  let after = 0
  for (;;) {
    const files = await savedFiles(read, jobId, after, PAGE)
    const last = files.at(-1)
    if (last === undefined) return { ok: true }
    const names = files.map(({ path, platform }) =>
      platform === worker.platform ? path : withVariable(path, platform ?? goPlatform(process.platform), settings(), host()),
    )
    const command = { name: 'look-for-files', parameters: { files: names, waitMs: settings().fileWaitMs }, totalStepCount: 0 }
    try {
      const result = await farm.workers.ask(worker.publicId, { command, maxRunMs: settings().fileWaitMs + READ_MS })
      if (!Value.Check(FilesLookResult, result)) return undefined
      const missing = result.missing.flatMap((index) => files[index] ?? [])
      if (missing.length > 0) return { ok: false, reason: missingReason(`worker "${worker.name}"`, missing) }
    } catch (error) {
      if (error instanceof WorkerRequestFailedError || error instanceof UnavailableError) return undefined
      throw error
    }
    after = last.id
  }
}

/** What the manager itself may check; the rest is accepted, unless a native worker may still answer. */
async function lookHere(
  jobId: number,
  { read, settings, host }: TaskLookOptions,
  mayAskLater: boolean,
): Promise<LookResult | { again: true }> {
  const missing: SavedFile[] = []
  let unseen = false
  for (let after = 0; ;) {
    const files = await savedFiles(read, jobId, after, PAGE)
    for (const file of files) {
      const here = pathHere(file.path, file.platform ?? goPlatform(process.platform), settings(), host())
      if ((await sharedFile(here, settings(), host())) !== undefined) continue
      if (await isSharedFolder(dirname(here), settings(), host())) missing.push(file)
      else if ((await stat(here).catch(() => undefined)) === undefined) unseen = true
    }
    const last = files.at(-1)
    if (last === undefined || files.length < PAGE) break
    after = last.id
  }
  if (missing.length > 0) return { ok: false, reason: missingReason('the manager', missing) }
  return unseen && mayAskLater ? { again: true } : { ok: true }
}

function missingReason(who: string, missing: readonly SavedFile[]): string {
  const [first] = missing
  if (first === undefined) return ''
  const cut = Math.max(first.path.lastIndexOf('/'), first.path.lastIndexOf('\\'))
  const savers = [...new Set(missing.map(({ workerName }) => `"${workerName}"`))].slice(0, 3).join(', ')
  return (
    `${who} does not see ${plural(missing.length, 'frame')} that ${savers} saved in "${first.path.slice(0, cut)}", ` +
    `such as "${first.path.slice(cut + 1)}": is the folder on a disk that all workers share?`
  )
}
