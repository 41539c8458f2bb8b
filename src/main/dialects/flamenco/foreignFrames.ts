/**
 * Frames of foreign workers. They do not report what they saved, but Blender's output is in their logs; where the
 * manager can read the file, it also creates the previews. For other files, files/missingPreviews.ts has one of our
 * workers create them.
 */
import { stat } from 'node:fs/promises'
import { goPlatform } from '../../../shared/paths/crosspath.ts'
import { parseTaskId } from '../../../shared/ids.ts'
import { promisedFrames, type PromisedFrame } from '../../../shared/frames/blenderOutputs.ts'
import { pictureKind } from '../../../shared/pictures/pictures.ts'
import { ConflictError, NotFoundError } from '../../engine/base/errors.ts'
import type { ForeignTask } from '../../engine/base/foreignTask.ts'
import type { NewFrame } from '../../engine/base/farmRecords.ts'
import type { WorkerState } from '../../engine/base/model.ts'
import { FrameFolders } from '../../files/looks/folders.ts'
import { setFramesAside } from '../../files/looks/setFramesAside.ts'
import { PreviewMaker } from '../../files/previewMaker.ts'
import { Previews } from '../../files/previews.ts'
import { pathHere, sharedFile, type FileHost } from '../../files/sharedFiles.ts'
import { outputsOfTask, type JobOutputs } from '../../store/queries/jobs/outputs.ts'
import { taskFacts } from './store/queries.ts'
import type { ApiContext } from '../../http/context.ts'

/**
 * Blender's line, optionally after the worker's `pid=… > ` and Blender 5's log prefix. Output nodes of Blender before 4
 * omit the quotes.
 */
const SAVED = /^(?:pid=\d+ > )?(?:.*\brender\s+\|\s+)?Saved: (?:'(.+)'|([^'"].*?))\s*(?:Time:.*)?$/
const SKIPPED = /^(?:pid=\d+ > )?(?:.*\brender\s+\|\s+)?skipping existing frame ["'](.+)["']$/i

/** A file that Blender's output names. */
export interface NamedFile {
  path: string
  /** It existed before, and Blender did not overwrite it. */
  kept: boolean
  /** An output node wrote it. */
  side: boolean
}

/** Images that Blender reports as saved or found in place. Pure. */
export function namedFiles(log: string): NamedFile[] {
  if (!log.includes('Saved: ') && !log.includes('xisting frame')) return []
  const files = new Map<string, NamedFile>()
  for (const line of log.split('\n')) {
    const text = line.trimEnd()
    const skipped = SKIPPED.exec(text)?.[1]
    const [, quoted, plain] = SAVED.exec(text) ?? []
    const path = skipped ?? quoted ?? plain
    if (path !== undefined) files.set(path, { path, kept: skipped !== undefined, side: plain !== undefined && skipped === undefined })
  }
  return [...files.values()]
}

/** Paths of images that Blender reports as saved. Pure. */
export function savedPaths(log: string): string[] {
  return namedFiles(log).flatMap(({ path, kept }) => (kept ? [] : [path]))
}

/** The frame's number: the last digits of the file's name. Null when there are none. Pure. */
export function frameNumberOf(path: string): number | null {
  const digits = /(-?\d+)(?:\.[A-Za-z0-9]+)?$/.exec(path.split(/[/\\]/).pop() ?? '')?.[1]
  if (digits === undefined) return null
  // A dash before the digits separates them from the name (`shot-0012`); a file named `-5.png` is frame −5.
  const name = path.split(/[/\\]/).pop() ?? ''
  const number = Number.parseInt(digits.startsWith('-') && name.startsWith('-') ? digits : digits.replace(/^-/, ''), 10)
  return Number.isSafeInteger(number) ? number : null
}

/** An unresponsive disk must not keep a worker from its task. */
const PREPARE_PATIENCE_MS = 10_000

export class ForeignFrames {
  private readonly previews: PreviewMaker

  private readonly folders: FrameFolders

  constructor(private readonly context: Pick<ApiContext, 'farm' | 'read' | 'settings' | 'paths' | 'log'>) {
    this.folders = new FrameFolders(
      () => context.settings.current(),
      () => this.host(),
    )
    this.previews = new PreviewMaker({
      previews: new Previews(context.paths.previews),
      log: context.log,
      onResult: ({ taskId, path }, preview, details) => context.farm.results.setFramePreview(taskId, path, preview, details),
    })
  }

  /** Drops waiting previews. */
  stop(): Promise<void> {
    return this.previews.stop()
  }

  /** The files that a log names; undefined when there are none, at almost no cost. */
  read(log: string): NamedFile[] | undefined {
    const files = namedFiles(log)
    return files.length === 0 ? undefined : files
  }

  /**
   * Before a foreign worker gets a task: moves existing files with the names that it will write out of the way, because
   * Blender does not overwrite them. Complete files stay if the job keeps them. Only where the manager may look; never
   * delays the worker for long. Undefined: there is nothing to do.
   */
  prepare(worker: WorkerState, task: Pick<ForeignTask, 'assignment' | 'again'>): Promise<void> | undefined {
    const promised = promisedFrames(task.assignment.commands)
    if (promised.length === 0 || this.folders.areOutside(promised, worker.platform)) return undefined
    return this.setAside(worker, task, promised)
  }

  private async setAside(
    worker: WorkerState,
    { assignment, again }: Pick<ForeignTask, 'assignment' | 'again'>,
    promised: readonly PromisedFrame[],
  ): Promise<void> {
    // Files that this attempt has already written are its own.
    const keeping = again ? 'undamaged' : assignment.existing?.mode === 'keep-whole' ? 'whole' : 'nothing'
    const work = (async () => {
      for (const [folder, frames] of this.folders.of(promised, worker.platform)) {
        if (!(await this.folders.isShared(folder))) continue
        for (const path of await setFramesAside(folder, frames, keeping)) {
          await this.context.farm.results.appendFarmLog(assignment.taskId, `set aside "${path}": it already existed`)
        }
      }
    })().catch((error: unknown) => this.context.log.warn({ error, taskId: assignment.taskId }, 'cannot set old frames aside'))
    let timer: NodeJS.Timeout | undefined
    await Promise.race([work, new Promise((resolve) => (timer = setTimeout(resolve, PREPARE_PATIENCE_MS)))]).finally(() =>
      clearTimeout(timer),
    )
  }

  /** Records frames that a worker's log reported; they are on disk when this returns. */
  async add(worker: WorkerState, taskId: string, saved: readonly NamedFile[]): Promise<void> {
    const { farm, read, log } = this.context
    const task = await taskFacts(read, taskId)
    if (!task || task.attempts === 0) return
    const outputs = await outputsOfTask(read, task.jobPublicId, parseTaskId(taskId)?.index ?? 0)
    const found = await Promise.all(saved.map((named) => this.look(worker, named, outputs)))
    try {
      await farm.results.addFrames(
        taskId,
        task.attempts,
        found.map(({ frame }) => frame),
      )
    } catch (error) {
      // The job was deleted in the meantime, so its frames are not needed.
      if (!(error instanceof NotFoundError) && !(error instanceof ConflictError)) throw error
      log.debug({ taskId, error: error.message }, 'cannot record frames of a foreign worker')
      return
    }
    for (const { frame, file } of found) {
      if (file !== undefined && pictureKind(file) === 'direct')
        this.previews.add({ taskId, jobId: task.jobPublicId, path: frame.path, file })
    }
  }

  /** What is known of a saved file. `file` is its path on the manager, if the manager can and may read it. */
  private async look(
    worker: WorkerState,
    { path, kept, side }: NamedFile,
    outputs: JobOutputs | undefined,
  ): Promise<{ frame: NewFrame; file: string | undefined }> {
    const settings = this.context.settings.current()
    const host = this.host()
    const here = pathHere(path, worker.platform, settings, host)
    const file = await sharedFile(here, settings, host, outputs)
    const facts = file === undefined ? undefined : await stat(file).catch(() => undefined)
    return {
      frame: {
        path: here,
        frame: frameNumberOf(path),
        bytes: facts?.size ?? null,
        width: null,
        height: null,
        renderedMs: null,
        kept,
        side,
      },
      file: facts?.isFile() ? file : undefined,
    }
  }

  private host(): FileHost {
    const { data, storage } = this.context.paths
    return { platform: goPlatform(process.platform), storagePath: storage(), dataFolder: data }
  }
}
