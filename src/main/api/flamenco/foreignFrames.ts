/**
 * Frames of foreign workers. They do not report what they saved, but Blender's output stands in their logs; where the
 * manager can read the file, it also makes the previews.
 */
import { realpath, stat } from 'node:fs/promises'
import { sep } from 'node:path'
import { goPlatform } from '../../../shared/crosspath.ts'
import { ConflictError, NotFoundError } from '../../engine/errors.ts'
import type { NewFrame } from '../../engine/farmEngine.ts'
import type { WorkerState } from '../../engine/model.ts'
import { createTextExpander, valuesToVariables, variablesFor, type VariableHost, type VariableSettings } from '../../engine/variables.ts'
import { PreviewMaker } from '../../files/previewMaker.ts'
import { Previews } from '../../files/previews.ts'
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

/** Formats that sharp cannot decode; they stay without preview instead of with a failed one. */
const UNREADABLE = /\.(exr|hdr|cin|dpx|mp4|mkv|mov|avi)$/i

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
      if (file !== undefined && !UNREADABLE.test(file)) this.previews.add({ taskId, jobId: task.jobPublicId, path: frame.path, file })
    }
  }

  /** What is known of a saved file. `file` is its path for the manager, when it can and may be read here. */
  private async look(worker: WorkerState, path: string): Promise<{ frame: NewFrame; file: string | undefined }> {
    const settings = this.context.settings.current()
    const host: VariableHost = { platform: goPlatform(process.platform), storagePath: this.context.paths.storage() }
    const here = pathHere(path, worker.platform, settings, host)
    const file = await readableFile(here, rootsOf(settings, host))
    const facts = file === undefined ? undefined : await stat(file).catch(() => undefined)
    return {
      frame: { path: here, frame: frameNumberOf(path), bytes: facts?.size ?? null, width: null, height: null, renderedMs: null },
      file: facts?.isFile() ? file : undefined,
    }
  }
}

/** The path as the manager knows it: through two-way variables from the worker's platform to ours. */
function pathHere(path: string, platform: string, settings: VariableSettings, host: VariableHost): string {
  const { saved } = valuesToVariables({ saved: path }, settings, platform, host)
  return createTextExpander(settings, 'workers', host.platform, host)(saved ?? path)
}

/**
 * Folders that a log may make the manager look into: the shared storage and what two-way variables name. A job can print
 * any path, and must not thereby get to see what only the manager may read.
 */
function rootsOf(settings: VariableSettings, host: VariableHost): string[] {
  const shared = [...variablesFor(settings, 'workers', host.platform, host).values()].filter(({ isTwoWay }) => isTwoWay)
  return [host.storagePath, ...shared.map(({ value }) => value)]
}

/** The real path of a file, if it lies in one of the folders. */
async function readableFile(path: string, roots: readonly string[]): Promise<string | undefined> {
  const file = await realpath(path).catch(() => undefined)
  if (file === undefined) return undefined
  for (const root of roots) {
    const folder = root === '' ? undefined : await realpath(root).catch(() => undefined)
    if (folder !== undefined && file.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return file
  }
  return undefined
}
