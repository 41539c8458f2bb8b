/**
 * Frames of foreign workers. They do not report what they saved, but Blender's output stands in their logs; where the
 * manager can read the file, it also makes the previews. Of what it cannot, files/missingPreviews.ts has a worker of ours make them.
 */
import { stat } from 'node:fs/promises'
import { goPlatform } from '../../../shared/crosspath.ts'
import { pictureKind } from '../../../shared/pictures.ts'
import { ConflictError, NotFoundError } from '../../engine/errors.ts'
import type { NewFrame } from '../../engine/farmEngine.ts'
import type { WorkerState } from '../../engine/model.ts'
import type { VariableHost } from '../../engine/variables.ts'
import { PreviewMaker } from '../../files/previewMaker.ts'
import { Previews } from '../../files/previews.ts'
import { pathHere, sharedFile } from '../../files/sharedFiles.ts'
import { taskFacts } from '../../store/queries/flamenco.ts'
import type { ApiContext } from '../context.ts'

/** Blender's line, perhaps after the worker's `pid=… > ` and Blender 5's log prefix. */
const SAVED = /^(?:pid=\d+ > )?(?:.*\brender\s+\|\s+)?Saved: '(.+)'\s*(?:Time:.*)?$/

/** Paths of images that Blender says it saved. Pure. */
export function savedPaths(log: string): string[] {
  if (!log.includes("Saved: '")) return []
  const paths = log.split('\n').flatMap((line) => {
    const path = SAVED.exec(line.trimEnd())?.[1]
    return path === undefined ? [] : [path]
  })
  return [...new Set(paths)]
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

export class ForeignFrames {
  private readonly previews: PreviewMaker

  constructor(private readonly context: Pick<ApiContext, 'farm' | 'read' | 'settings' | 'paths' | 'log'>) {
    this.previews = new PreviewMaker({
      previews: new Previews(context.paths.previews),
      log: context.log,
      onResult: ({ taskId, path }, preview, size) => context.farm.setFramePreview(taskId, path, preview, size),
    })
  }

  /** Forgets previews that wait. */
  stop(): Promise<void> {
    return this.previews.stop()
  }

  /** The saved paths of a log; undefined when there are none, at hardly any cost. */
  read(log: string): string[] | undefined {
    const paths = savedPaths(log)
    return paths.length === 0 ? undefined : paths
  }

  /** Records frames that a worker's log told of; they are on disk when this returns. */
  async add(worker: WorkerState, taskId: string, saved: readonly string[]): Promise<void> {
    const { farm, read, log } = this.context
    const task = await taskFacts(read, taskId)
    if (!task || task.attempts === 0) return
    const found = await Promise.all(saved.map((path) => this.look(worker, path)))
    try {
      await farm.addFrames(
        taskId,
        task.attempts,
        found.map(({ frame }) => frame),
      )
    } catch (error) {
      // The job was deleted meanwhile: nobody wants its frames.
      if (!(error instanceof NotFoundError) && !(error instanceof ConflictError)) throw error
      log.debug({ taskId, error: error.message }, 'frames of a foreign worker were not recorded')
      return
    }
    for (const { frame, file } of found) {
      if (file !== undefined && pictureKind(file) === 'direct')
        this.previews.add({ taskId, jobId: task.jobPublicId, path: frame.path, file })
    }
  }

  /** What is known of a saved file. `file` is its path for the manager, when it can and may be read here. */
  private async look(worker: WorkerState, path: string): Promise<{ frame: NewFrame; file: string | undefined }> {
    const settings = this.context.settings.current()
    const host: VariableHost = { platform: goPlatform(process.platform), storagePath: this.context.paths.storage() }
    const here = pathHere(path, worker.platform, settings, host)
    const file = await sharedFile(here, settings, host)
    const facts = file === undefined ? undefined : await stat(file).catch(() => undefined)
    return {
      frame: { path: here, frame: frameNumberOf(path), bytes: facts?.size ?? null, width: null, height: null, renderedMs: null },
      file: facts?.isFile() ? file : undefined,
    }
  }
}
