/** Follows one run of Blender through its output. */
import { declaredFrames } from './blenderPlan.ts'
import { framesInName, parseBlenderLine, requestedFrames, type Problem } from './blenderOutput.ts'
import type { CommandContext } from '../../contract/commands.ts'
import type { RenderFiles, SavedFile } from './renderFiles.ts'

export class RenderWatcher {
  /** The most serious problem: our own reason before all others, then a fatal problem, then the earliest one. */
  problem: Problem | undefined
  /** Remarks on a successful render. */
  private readonly notes = new Map<string, Problem>()
  #frame: number | undefined
  #traceback: 'no' | 'begins' = 'no'
  /** Saved, but its render time comes on a line of its own. */
  #saved: SavedFile[] = []
  /** The frame at work cannot be right, or lacks a file. */
  #spoiled = false
  readonly #requested: ReturnType<typeof requestedFrames>

  constructor(
    private readonly context: CommandContext,
    args: readonly string[],
    private readonly files: RenderFiles,
  ) {
    const declared = args.map(declaredFrames).find((frames) => frames !== undefined)
    this.#requested = declared?.map((frame) => ({ first: frame, last: frame })) ?? requestedFrames(args)
  }

  /** A line as Blender wrote it. */
  line(line: string): void {
    if (this.#traceback === 'begins' && /^\S/.test(line)) {
      this.#traceback = 'no'
      this.#note({ text: `Python: ${line.slice(0, 500)}`, advice: '', fatal: false, code: 'script-error' })
      return
    }
    const fact = parseBlenderLine(line)
    if (fact === undefined) return
    if (fact.type === 'saved') this.#saved.push({ path: fact.path, plain: fact.plain === true })
    else if (fact.type === 'timed') {
      this.#flush(Math.max(0, fact.totalMs - fact.savingMs))
      this.context.progress(1)
    } else if (fact.type === 'skipped') {
      this.#flush(undefined)
      if (fact.path !== undefined) this.files.skipped(fact.path, this.#frameOf([fact.path]))
      this.context.progress(1)
    } else if (fact.type === 'frame') {
      if (fact.frame !== this.#frame) this.#flush(undefined)
      this.#frame = fact.frame
      this.context.activity(fact.doing === undefined ? `frame ${fact.frame}` : `frame ${fact.frame}, ${fact.doing}`)
    } else if (fact.type === 'traceback') {
      this.#traceback = 'begins'
    } else {
      this.#note({ ...fact.problem, text: this.files.shown(fact.problem.text) })
    }
  }

  /** After the last line. */
  end(): void {
    this.#flush(undefined)
  }

  /**
   * Tells what people should know though the frames count.
   * @param missing paths that they know to be missing: what Blender says of these in its own words is no news
   */
  warn(missing: readonly string[]): void {
    for (const { text, code } of this.notes.values()) {
      if (code === undefined) continue
      const isKnown = code !== 'script-error' && missing.some((path) => text.includes(path))
      if (!isKnown) this.context.warn({ code, text })
    }
  }

  #note(problem: Problem): void {
    if (problem.fatal) this.#spoiled = true
    if (problem.code !== undefined) this.notes.set(problem.text, problem)
    const known = this.problem
    if (known === undefined || problem.ours === true || (problem.fatal && !known.fatal && known.ours !== true)) this.problem = problem
  }

  #flush(renderedMs: number | undefined): void {
    const saved = this.#saved
    if (saved.length === 0) return
    this.#saved = []
    this.files.saved(saved, this.#frameOf(saved.map(({ path }) => path)), renderedMs, this.#spoiled)
    this.#spoiled = false
  }

  /**
   * The frame that Blender reports to work on; when it reports none (Workbench), the only number in the files' names that was
   * asked for. A name may carry other numbers (`tile-03.png`, `shot_0012_v003.png`).
   */
  #frameOf(paths: readonly string[]): number | undefined {
    if (this.#frame !== undefined) return this.#frame
    const asked = this.#requested
    if (asked === undefined) return undefined
    for (const path of paths) {
      const named = framesInName(path).find((number) => asked.some(({ first, last }) => number >= first && number <= last))
      if (named !== undefined) return named
    }
    return undefined
  }
}
