/** Sees which of the expected files a program has written, while it runs and at its end. */
import { stat } from 'node:fs/promises'
import type { OutputFile } from '../contract/commands.ts'

export interface ExpectedFile {
  /** Absolute. */
  path: string
  frame: number | undefined
}

const LOOK_EVERY_MS = 1_000

interface State extends ExpectedFile {
  /** Size and change time before the program started; empty when there was no such file. */
  before: string
  /** The same at the last look: a file that did not change between two looks is taken as complete. */
  last: string
  reported: boolean
}

/** Size, change time and file number: differs when a program wrote the file again, also within a second. */
async function markOf(path: string): Promise<{ mark: string; bytes: number; changedAt: number }> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found?.isFile() !== true) return { mark: '', bytes: 0, changedAt: 0 }
  return { mark: `${found.size} ${found.mtimeNs} ${found.ino}`, bytes: Number(found.size), changedAt: Number(found.mtimeMs) }
}

export class OutputWatch {
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()

  private constructor(
    private readonly states: State[],
    private readonly onFile: (file: OutputFile) => void,
  ) {}

  /**
   * Begins to watch; to be called before the program starts. `onFile` gets each file once. `startedAt`: the program runs
   * since then (milliseconds since the epoch), and what changed after that is its work.
   */
  static async start(files: readonly ExpectedFile[], onFile: (file: OutputFile) => void, startedAt?: number): Promise<OutputWatch> {
    const states = await Promise.all(
      files.map(async (file) => {
        const { mark, changedAt } = await markOf(file.path)
        const isNew = startedAt !== undefined && changedAt >= startedAt
        return { ...file, before: isNew ? '' : mark, last: mark, reported: false }
      }),
    )
    const watch = new OutputWatch(states, onFile)
    // One file is looked for at the end only; several may come one by one.
    if (states.length > 1) watch.#again()
    return watch
  }

  /** Ends the watch after the program has ended: reports what is left. Answers the paths of files that were not written. */
  async finish(): Promise<string[]> {
    this.stop()
    await this.#looking
    const missing: string[] = []
    for (const state of this.states.filter(({ reported }) => !reported)) {
      const { mark, bytes } = await markOf(state.path)
      if (mark === '' || mark === state.before) missing.push(state.path)
      else this.#report(state, bytes)
    }
    return missing
  }

  /** Ends the watch without a last look. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #again(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look()
      void this.#looking.then(() => {
        if (this.#timer !== undefined) this.#again()
      })
    }, LOOK_EVERY_MS)
  }

  async #look(): Promise<void> {
    // Frames come in order: the first two that are not there yet say enough, however long the range is.
    for (const state of this.states.filter(({ reported }) => !reported).slice(0, 2)) {
      const { mark, bytes } = await markOf(state.path)
      if (mark !== '' && mark !== state.before && mark === state.last) this.#report(state, bytes)
      state.last = mark
    }
  }

  #report(state: State, bytes: number): void {
    state.reported = true
    this.onFile({ path: state.path, bytes, ...(state.frame !== undefined && { frame: state.frame }) })
  }
}
