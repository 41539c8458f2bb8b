/**
 * Checks the files of a foreign worker's task before the task counts: by the manager where it may, otherwise by a
 * native worker that sees the folder. Where neither can, the worker's report is accepted, and its frames are marked
 * unchecked.
 */
import { basename, dirname, join } from 'node:path'
import { goPlatform } from '../../../shared/paths/crosspath.ts'
import { promisedFrames, type PromisedFrame } from '../../../shared/frames/blenderOutputs.ts'
import { FramesLookResult } from '../../../shared/schemas/jobs/looks.ts'
import { Value } from 'typebox/value'
import { WorkerRequestFailedError } from '../../engine/workers/workerRequests.ts'
import { UnavailableError } from '../../engine/base/errors.ts'
import type { FarmEngine } from '../../engine/base/farmEngine.ts'
import type { NewFrame } from '../../engine/base/farmRecords.ts'
import type { TaskFound, TaskLookRequest } from '../../engine/base/frameLooks.ts'
import type { NewWarning } from '../../../shared/schemas/jobs/warning.ts'
import type { Logger } from '../../../shared/logger.ts'
import type { VariableSettings } from '../../engine/compile/variables.ts'
import { lookForFrames, type FramesLook } from '../../pictures/lookForFrames.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import { framesOfAttempt } from '../../store/queries/tasks/frames.ts'
import { isSamePicture } from '../../pictures/samePicture.ts'
import { REPLACED_FOLDER, setAside } from '../../system/setAside.ts'
import { mayBeAsked, whomToAsk } from '../missingPreviews.ts'
import { pathHere, withVariable, type FileHost } from '../sharedFiles.ts'
import { inFolders, isSharedFolder, type FrameFolders } from './folders.ts'

/** Workers that are asked before concluding that none of them sees the folder. */
const MAX_ASKED = 3
/** If the disk takes longer to find a folder, the check runs while the worker continues. */
const BELIEF_MS = 250
/** Beyond the wait for files that come late: reading them. */
const READ_MS = 120_000

export interface TaskLookOptions {
  farm: FarmEngine
  settings(): VariableSettings & { fileWaitMs: number }
  host(): FileHost
  read: ReadDatabase
  log: Logger
}

/** The accepted result where no worker sees the folders; undefined where one may, and when the disk does not answer quickly. */
export async function believedOfTask(
  request: TaskLookRequest,
  options: TaskLookOptions,
  shared: FrameFolders,
): Promise<TaskFound | undefined> {
  if (options.farm.workers.all().some(mayBeAsked)) return undefined
  const folders = shared.of(promisedFrames(request.commands), request.worker.platform)
  if (!shared.allOutside(folders.keys()) && (await mayBeSeen(folders.keys(), shared))) return undefined
  const listed = request.named ? await listedFrames(request, options) : []
  const frames = [...folders.values()].flatMap((wanted) => unchecked(wanted, listed))
  return { problem: undefined, frames, warnings: warningsOf(frames) }
}

/** Whether one of the folders is shared; true, too, when the disk does not answer quickly. */
async function mayBeSeen(folders: Iterable<string>, shared: FrameFolders): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const seen = Promise.all([...folders].map((folder) => shared.isShared(folder)))
  const late = new Promise<true[]>((resolve) => {
    timer = setTimeout(() => resolve([true]), BELIEF_MS)
  })
  return (await Promise.race([seen, late]).finally(() => clearTimeout(timer))).includes(true)
}

/** @throws UnavailableError when the manager stops */
export async function lookAtTask(request: TaskLookRequest, options: TaskLookOptions): Promise<TaskFound> {
  const { settings, host, log } = options
  const { worker, compare } = request
  const folders = foldersOf(request, options)
  const listed = await listedFrames(request, options)
  const keptPaths = new Set(listed.flatMap(({ path, kept }) => (kept ? [path] : [])))
  const frames: NewFrame[] = []
  const problems: string[] = []
  for (const [folder, wanted] of folders) {
    const isHere = await isSharedFolder(folder, settings(), host())
    const look = isHere ? await lookForFrames(wanted, { waitMs: settings().fileWaitMs }) : await lookByWorkers(wanted, request, options)
    if (look === undefined) {
      frames.push(...unchecked(wanted, listed))
      continue
    }
    for (const file of look.found) {
      const path = isHere ? file.path : pathHere(file.path, worker.platform, settings(), host())
      frames.push({
        path,
        kept: keptPaths.has(path),
        frame: file.frame,
        bytes: file.bytes,
        width: file.width,
        height: file.height,
        renderedMs: null,
        check: file.check,
        checkReason: file.reason,
        view: file.view,
        modifiedAt: file.modifiedAt,
        ...(file.facts && { facts: file.facts }),
        ...(isHere && compare && (await comparedWithBefore(file.path))),
      })
      if (file.check !== 'damaged') continue
      problems.push(`frame ${file.frame} is damaged: "${file.path}" ${file.reason}`)
      if (isHere)
        await setAside(file.path, { damaged: true }).catch((error: unknown) =>
          log.warn({ error, file: file.path }, 'cannot set a damaged frame aside'),
        )
    }
    for (const { frame, stem } of look.missing) problems.push(`frame ${frame} was not saved: "${folder}" has no "${stem}"`)
  }
  const problem = problems.length === 0 ? undefined : problems.slice(0, 3).join('; ')
  const more = problems.length > 3 ? ` (and ${problems.length - 3} more)` : ''
  return { problem: problem && problem + more, frames, warnings: warningsOf(frames) }
}

function foldersOf({ worker, commands }: TaskLookRequest, { settings, host }: TaskLookOptions): Map<string, PromisedFrame[]> {
  return inFolders(promisedFrames(commands), (folder) => pathHere(folder, worker.platform, settings(), host()))
}

/** The frames that the attempt's log named. */
async function listedFrames({ taskId, attempt, named }: TaskLookRequest, { read }: TaskLookOptions) {
  return named ? framesOfAttempt(read, taskId, attempt) : []
}

/** The previous file is in the hidden folder beside the file. */
async function comparedWithBefore(path: string): Promise<{ sameAsBefore?: boolean }> {
  const sameAsBefore = await isSamePicture(path, join(dirname(path), REPLACED_FOLDER, basename(path)))
  return sameAsBefore === undefined ? {} : { sameAsBefore }
}

function warningsOf(files: readonly NewFrame[]): NewWarning[] {
  const byReason = new Map<string, number[]>()
  for (const { check, checkReason = '', frame } of files) {
    if (check === 'unchecked' && frame !== null) byReason.set(checkReason, [...(byReason.get(checkReason) ?? []), frame])
  }
  return [...byReason].map(([reason, frames]) => ({
    code: 'frames-unchecked',
    text: `Frames could not be checked: ${reason}`,
    count: frames.length,
    frames,
  }))
}

/** Undefined when no native worker sees the folder. */
async function lookByWorkers(
  wanted: readonly PromisedFrame[],
  { worker }: TaskLookRequest,
  { farm, settings, host }: TaskLookOptions,
): Promise<FramesLook | undefined> {
  const [first] = wanted
  if (first === undefined) return undefined
  const here = goPlatform(process.platform)
  const folder = withVariable(first.folder, here, settings(), host())
  const parameters = {
    folders: [folder],
    frames: wanted.map(({ frame, stem }) => ({ frame, folder: 0, stem })),
    waitMs: settings().fileWaitMs,
  }
  for (const asked of whomToAsk(farm.workers.all(), { workerId: worker.id, platform: worker.platform }).slice(0, MAX_ASKED)) {
    try {
      const command = { name: 'look-for-frames', parameters, totalStepCount: 0 }
      const result = await farm.workers.ask(asked.publicId, { command, maxRunMs: settings().fileWaitMs + READ_MS })
      if (Value.Check(FramesLookResult, result) && result.unseen.length === 0) return result
    } catch (error) {
      // It is busy, outdated, or gone: another one may be able to answer.
      if (!(error instanceof WorkerRequestFailedError) && !(error instanceof UnavailableError)) throw error
    }
  }
  return undefined
}

/** For frames that cannot be checked there is only the worker's report: from its log, otherwise from its command. */
function unchecked(wanted: readonly PromisedFrame[], listed: readonly { path: string; frame: number | null; kept: boolean }[]): NewFrame[] {
  const named = new Set(listed.map(({ frame }) => frame))
  const paths = [
    ...listed.filter(({ frame }) => wanted.some((promised) => promised.frame === frame)),
    ...wanted.flatMap(({ frame, folder, stem, ending }) =>
      named.has(frame) || ending === undefined
        ? []
        : [{ frame, kept: false, path: `${folder}${folder.includes('\\') ? '\\' : '/'}${stem}${ending}` }],
    ),
  ]
  return paths.map(({ path, frame, kept }) => ({
    path,
    frame,
    kept,
    bytes: null,
    width: null,
    height: null,
    renderedMs: null,
    check: 'unchecked',
    checkReason: 'neither the manager nor a worker of its own sees the folder',
  }))
}
