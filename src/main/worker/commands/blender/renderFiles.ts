/**
 * The files of one run of Blender: which ones are expected, where they are rendered, which are kept, and the result of checking
 * each of them. A frame is rendered into a hidden folder of its own directory and gets its name when it is complete, so no partial file
 * ever has the name of a frame. Unexpected files (output nodes, stills of scripts) are checked in place.
 */
import { readdir, writeFile } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { Inputs } from '../../../../shared/schemas/jobs/existing.ts'
import { comparedWithBefore, fileFacts, publishFile, removeUnfinished, setAside, unfinishedFolder } from '../../attempt/existing/index.ts'
import type { Verdict } from '../../../pictures/checkPicture.ts'
import type { CommandContext, OutputFile } from '../../contract/commands.ts'
import type { RenderRequest } from './arguments.ts'
import { framesToKeep } from './existingFrames.ts'
import type { RenderAnswer, RenderPlan } from './blenderFacts.ts'
import { judgeFile, type ExpectedSize } from './judgeFile.ts'
import { hashFile } from '../../../system/hashFile.ts'

export interface PromisedFile {
  frame: number
  view: string
  path: string
}

/** A file that Blender reported as saved. `plain`: without quotes, as only output nodes of Blender before 4 do. */
export interface SavedFile {
  path: string
  plain: boolean
}

/** What one attempt has made, in an open Blender and in a fresh one after it. */
export interface AttemptFiles {
  /** Final paths of frames. */
  readonly done: Set<string>
  /** What its files are made from; empty until the scene is open. */
  inputs: Inputs
}

interface Job {
  /** Where it is now. */
  from: string
  /** Where it belongs. */
  to: string
  frame: number | undefined
  view: string
  side: boolean
  renderedMs: number | undefined
  size: ExpectedSize | undefined
  /** It was there, and Blender passed over it. */
  kept?: boolean
  /** Of a movie: how many pictures it must have. */
  pictures?: number
}

/** What the files of one frame have in common. */
interface FrameGroup {
  /** The frame must not count. */
  spoiled: boolean
}

interface Hidden {
  folder: string
  /** The directory that it is in. */
  home: string
  plan: RenderPlan
}

export class RenderFiles {
  /** Saved, and no pictures. */
  readonly damaged: { path: string; reason: string }[] = []
  /** Could not be read, or get its name. */
  readonly unusable: { path: string; reason: string }[] = []
  readonly unchecked = new Map<string, number[]>()
  readonly kept: number[] = []
  /** Files that were saved or kept. */
  count = 0
  private readonly promised = new Map<string, PromisedFile>()
  private readonly met = new Set<string>()
  private readonly framesSaved = new Set<number>()
  /** Frames whose file a script of the scene sent elsewhere. */
  private readonly strays: number[] = []
  private readonly hidden: Hidden[] = []
  private readonly inPlace: RenderPlan[] = []
  private work: Promise<void> = Promise.resolve()

  constructor(
    private readonly context: CommandContext,
    private readonly cwd: string,
    private readonly attempt: AttemptFiles,
  ) {}

  /** Number of renders that announced their files. 0: no name is known. */
  get planned(): number {
    return this.hidden.length + this.inPlace.length
  }

  /**
   * Before a render: puts old files aside, keeps those that may be kept, makes the hidden folder. @throws Error with a reason for
   * people when nothing can be written there
   */
  async prepare(plan: RenderPlan): Promise<RenderAnswer> {
    for (const file of plan.files) this.promised.set(file.path, file)
    const homes = [...new Set(plan.files.map(({ path }) => dirname(path)))]
    const [home] = homes
    if (plan.movie) for (const { path } of plan.files) await setAside(path)
    const keep = plan.movie ? new Set<number>() : await this.decide(plan)
    if (home === undefined || homes.length > 1) {
      this.inPlace.push(plan)
      return { passOver: keep.size > 0 }
    }
    const folder = await this.hiddenFolder(home, plan).catch((error: unknown) => {
      const path = plan.files[0]?.path ?? home
      throw new Error(`cannot save "${path}": ${reasonOf(error)} (can this worker write to the output folder, and is there space?)`)
    })
    for (const path of firstFiles(plan, keep)) await writeFile(join(folder, basename(path)), '')
    return { filepath: `${folder}${sep}${plan.basename}`, passOver: keep.size > 0 }
  }

  /** A line of Blender's with the names that files have in the end. */
  shown(line: string): string {
    let shown = line
    for (const { folder } of this.hidden) {
      const name = basename(folder)
      if (shown.includes(name)) shown = shown.replaceAll(`${name}/`, '').replaceAll(`${name}\\`, '')
    }
    return shown
  }

  /**
   * Files of one frame that Blender reported as saved, in that order. `frame`: the one it worked on, when that is known. `spoiled`: it
   * also reported that the frame cannot be right, or that a file of it could not be saved.
   */
  saved(files: readonly SavedFile[], frame: number | undefined, renderedMs: number | undefined, spoiled = false): void {
    const jobs = files.map((file) => this.jobOf(file, frame, renderedMs))
    const main = jobs.find(({ job, promised }) => promised && job.frame !== undefined)
    if (main === undefined && this.planned > 0) this.adoptStray(jobs, frame)
    const ofFrame: FrameGroup = { spoiled }
    for (const { job } of jobs) {
      if (job.side && main?.job.frame !== undefined) job.frame = main.job.frame
      // What is beside the picture first: without it the picture must not count, or a retry would keep it.
      if (job.side) this.enqueue(job, ofFrame)
    }
    for (const { job } of jobs) if (!job.side) this.enqueue(job, ofFrame)
  }

  /** A frame that Blender skipped because its file existed, which we did not put there. */
  skipped(path: string, frame: number | undefined): void {
    if (this.planned > 0) return
    const at = isAbsolute(path) ? path : resolve(this.cwd, path)
    this.enqueue({ from: at, to: at, frame, view: '', side: false, renderedMs: undefined, size: undefined, kept: true })
  }

  /** What is still to do when Blender has ended. `well`: what it left in the hidden folders are results. Call once. */
  async finish(well: boolean): Promise<void> {
    try {
      await this.work
      if (well) for (const hidden of this.hidden) await this.publishRest(hidden)
      await this.work
    } finally {
      for (const { home } of this.hidden) await removeUnfinished(home, this.context.task)
    }
    this.context.signal.throwIfAborted()
    if (well) this.warn()
  }

  /** Whether a file of this name was saved, and counts. */
  hasSaved(path: string): boolean {
    return this.met.has(resolve(path))
  }

  /** What was asked for and is not there: names for people, and how many frames they are. */
  missing(requests: readonly RenderRequest[]): { names: string[]; frames: number } {
    if (this.planned === 0) {
      const frames = requests.flatMap(plainFrames).filter((frame) => !this.framesSaved.has(frame))
      return { names: frames.map((frame) => `frame ${frame}`), frames: frames.length }
    }
    const files = this.unmet()
    return { names: files.map(({ path }) => path), frames: new Set(files.map(({ frame }) => frame)).size }
  }

  private unmet(): PromisedFile[] {
    const strays = [...this.strays]
    return [...this.promised.values()].filter((file) => {
      if (this.met.has(file.path) || this.damaged.some(({ path }) => path === file.path)) return false
      const stray = strays.indexOf(file.frame)
      if (stray >= 0) strays.splice(stray, 1)
      return stray < 0
    })
  }

  private async hiddenFolder(home: string, plan: RenderPlan): Promise<string> {
    // What killed attempts left there goes away; another render of this command may have its files there, too.
    if (!this.hidden.some((hidden) => hidden.home === home)) await removeUnfinished(home, this.context.task)
    const folder = await unfinishedFolder(home, this.context.task)
    this.hidden.push({ folder, home, plan })
    return folder
  }

  /** Numbers of the frames that need not be rendered; what is in the way of the others is set aside. */
  private async decide(plan: RenderPlan): Promise<Set<number>> {
    const isDone = (frame: number) => plan.files.every((file) => file.frame !== frame || this.attempt.done.has(file.path))
    const keep = new Set(plan.frames.filter(isDone))
    for (const { frame, path } of plan.files) if (keep.has(frame)) this.met.add(path)
    const open = plan.files.filter(({ frame }) => !keep.has(frame))
    for (const [frame, files] of await framesToKeep(open, sizeOf(plan), this.attempt.inputs, this.context)) {
      keep.add(frame)
      this.kept.push(frame)
      for (const file of files) this.report(file)
    }
    if (keep.size > 0) this.count++
    return keep
  }

  private jobOf({ path, plain }: SavedFile, frame: number | undefined, renderedMs: number | undefined): { job: Job; promised: boolean } {
    const at = isAbsolute(path) ? resolve(path) : resolve(this.cwd, path)
    const inside = this.hidden.filter(({ folder }) => at.startsWith(folder + sep))
    // Several renders into one directory share the folder.
    const hidden =
      inside.find(({ folder, home, plan }) => plan.files.some((file) => file.path === join(home, relative(folder, at)))) ?? inside[0]
    const to = hidden === undefined ? at : join(hidden.home, relative(hidden.folder, at))
    const promised = this.promised.get(to)
    const plan = hidden?.plan ?? this.inPlace.find(({ files }) => files.some((file) => file.path === to))
    if (promised === undefined || plan === undefined || (hidden === undefined && !this.inPlace.includes(plan))) {
      return {
        job: {
          from: at,
          to,
          frame,
          view: '',
          side: plain || this.planned > 0,
          renderedMs: plain ? undefined : renderedMs,
          size: undefined,
        },
        promised: false,
      }
    }
    const size = sizeOf(plan)
    return { job: { from: at, to, frame: promised.frame, view: promised.view, side: false, renderedMs, size }, promised: true }
  }

  /** A script of the scene changed the output path while it rendered: the last file of the frame is the picture. */
  private adoptStray(jobs: { job: Job; promised: boolean }[], frame: number | undefined): void {
    const last = jobs.at(-1)?.job
    if (last === undefined) return
    const next = frame ?? this.unmet()[0]?.frame
    if (next === undefined) return
    last.side = false
    last.frame = next
    this.strays.push(next)
  }

  private enqueue(job: Job, group: FrameGroup = { spoiled: false }): void {
    this.count++
    this.work = this.work
      .then(() => this.settle(job, group))
      .catch((error: unknown) => {
        if (this.context.signal.aborted) return
        // Blender reported it, and it does not exist: the verdict counts it as missing.
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') this.count--
        else this.unusable.push({ path: job.to, reason: reasonOf(error) })
      })
  }

  /** Looks at a file, gives it its name when it counts, and reports it. */
  private async settle(job: Job, group: FrameGroup): Promise<void> {
    const { context } = this
    if (group.spoiled && !job.side) {
      if (job.from === job.to) await setAside(job.to, { damaged: true })
      return
    }
    const found = await judgeFile(job.from, job.size, context)
    const verdict = judgePictures(found, job.pictures)
    if (verdict.state === 'damaged') {
      this.damaged.push({ path: job.to, reason: verdict.reason })
      group.spoiled = true
      if (job.from === job.to) await setAside(job.to, { damaged: true })
      return
    }
    if (verdict.state === 'unchecked') {
      const frames = this.unchecked.get(verdict.reason) ?? []
      if (job.frame !== undefined) frames.push(job.frame)
      this.unchecked.set(verdict.reason, frames)
    }
    const sha256 = await hashFile(job.from, context.signal)
    if (job.from !== job.to) await publishFile(job.from, job.to)
    const facts = await fileFacts(job.to)
    if (facts === undefined) throw new Error(`"${job.to}" is gone right after it was saved`)
    this.report({
      path: job.to,
      ...(job.frame !== undefined && { frame: job.frame }),
      ...facts,
      ...(verdict.state === 'whole' ? { width: verdict.width, height: verdict.height } : { checkReason: verdict.reason }),
      check: verdict.state,
      ...(verdict.state === 'whole' && verdict.facts !== undefined && { facts: verdict.facts }),
      sha256,
      ...(job.renderedMs !== undefined && { renderedMs: job.renderedMs }),
      ...(job.side && { side: true }),
      ...(job.view !== '' && { view: job.view }),
      ...(job.kept === true ? { kept: true } : await comparedWithBefore(job.to, context)),
    })
  }

  private report(file: OutputFile): void {
    this.met.add(file.path)
    if (file.frame !== undefined) this.framesSaved.add(file.frame)
    if (file.side !== true) this.attempt.done.add(file.path)
    this.context.output(file)
  }

  /** Movies, which Blender does not report as saved, and files that scripts put beside the frames. */
  private async publishRest({ folder, home, plan }: Hidden): Promise<void> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
    const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    for (const from of paths) {
      const to = join(home, relative(folder, from))
      // The placeholder of a kept frame is empty and has its name.
      if (this.met.has(to) || this.damaged.some(({ path }) => path === to)) continue
      const job = { from, to, frame: undefined, view: '', renderedMs: undefined }
      if (plan.movie) {
        for (const { path } of plan.files) this.promised.delete(path)
        await setAside(to)
        const whole = paths.length <= plan.files.length
        this.enqueue({ ...job, side: false, size: whole ? sizeOf(plan) : undefined, ...(whole && { pictures: plan.frames.length }) })
      } else if (!this.promised.has(to)) {
        this.enqueue({ ...job, side: true, size: undefined })
      }
    }
  }

  private warn(): void {
    const { context } = this
    for (const [reason, frames] of this.unchecked) {
      const text = `the saved files could not be checked: ${reason}`
      context.warn({ code: 'frames-unchecked', text, count: Math.max(1, frames.length), frames })
    }
    if (this.kept.length > 0) {
      context.warn({ code: 'frames-kept', text: 'existing frames were kept', count: this.kept.length, frames: this.kept })
    }
  }
}

/** The first file of each frame that is kept: one in the way is enough for Blender to pass over the frame. */
function firstFiles(plan: RenderPlan, keep: ReadonlySet<number>): Iterable<string> {
  const first = new Map<number, string>()
  for (const { frame, path } of plan.files) if (keep.has(frame) && !first.has(frame)) first.set(frame, path)
  return first.values()
}

function sizeOf({ width, height, tolerance }: RenderPlan): ExpectedSize | undefined {
  return width === 0 ? undefined : { width, height, tolerance }
}

/** A movie that has fewer pictures than frames were rendered is cut. */
function judgePictures(verdict: Verdict, pictures: number | undefined): Verdict {
  if (verdict.state !== 'whole' || verdict.frames === undefined || pictures === undefined || verdict.frames >= pictures) return verdict
  return { state: 'damaged', reason: `has ${verdict.frames} of ${pictures} pictures` }
}

/** The frames of a render that are known without the scene. */
function plainFrames({ ranges, frames }: RenderRequest): number[] {
  if (frames !== undefined) return frames
  if (ranges === undefined || !/^\d+(\.\.\d+)?(,\d+(\.\.\d+)?)*$/.test(ranges)) return []
  return ranges.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('..').map(Number)
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
  })
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
