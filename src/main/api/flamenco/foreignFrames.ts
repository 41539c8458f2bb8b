/**
 * Frames of foreign workers. They do not report what they saved, but Blender's output stands in their logs; where the
 * manager can read the file, it also makes the previews.
 */
import { stat } from 'node:fs/promises'
import { goPlatform } from '../../../shared/crosspath.ts'
import { ConflictError, NotFoundError } from '../../engine/errors.ts'
import type { NewFrame } from '../../engine/farmEngine.ts'
import type { WorkerState } from '../../engine/model.ts'
import { createTextExpander, valuesToVariables, type VariableHost } from '../../engine/variables.ts'
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

/** Makes previews of an image on disk; the farm learns of the result. Returns at once. */
export type PreviewMaker = (frame: { taskId: string; jobId: string; attempt: number; path: string; file: string }) => void

export class ForeignFrames {
  constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'read' | 'settings' | 'paths' | 'log'>,
    private readonly makePreview: PreviewMaker,
  ) {}

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
      await farm.addFrames(taskId, task.attempts, found.map(({ frame }) => frame))
    } catch (error) {
      // The job was deleted meanwhile: nobody wants its frames.
      if (!(error instanceof NotFoundError) && !(error instanceof ConflictError)) throw error
      log.debug({ taskId, error: error.message }, 'frames of a foreign worker were not recorded')
      return
    }
    for (const { frame, file } of found) {
      if (file !== undefined) this.makePreview({ taskId, jobId: task.jobPublicId, attempt: task.attempts, path: frame.path, file })
    }
  }

  /** What is known of a saved file. `file` is its path for the manager, when it can be read here. */
  private async look(worker: WorkerState, path: string): Promise<{ frame: NewFrame; file: string | undefined }> {
    const here = this.pathHere(worker.platform, path)
    const facts = await stat(here).catch(() => undefined)
    const isFile = facts?.isFile() ?? false
    return {
      frame: { path: here, frame: frameNumberOf(path), bytes: isFile && facts ? facts.size : null, width: null, height: null, renderedMs: null },
      file: isFile ? here : undefined,
    }
  }

  /** The path as the manager knows it: through two-way variables from the worker's platform to ours. */
  private pathHere(platform: string, path: string): string {
    const host: VariableHost = { platform: goPlatform(process.platform), storagePath: this.context.paths.storage() }
    const settings = this.context.settings.current()
    const { saved } = valuesToVariables({ saved: path }, settings, platform, host)
    return createTextExpander(settings, 'workers', host.platform, host)(saved ?? path)
  }
}
