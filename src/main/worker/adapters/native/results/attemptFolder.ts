/**
 * What an attempt of a job without shared storage saves: a folder of its own on this machine, and beside it what is known of its files,
 * on disk, so that a worker that was killed goes on sending where it stopped.
 *
 *   <data>/results/TASK-ATTEMPT/attempt.json   whose files these are
 *                               files/…        laid out as below the job's root
 *                               notes.jsonl    which are whole, and which were sent
 */
import { appendFile, readdir, readFile, rm, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { Fence } from '../../../../../shared/schemas/agent.ts'
import { ensureDir } from '../../../../system/ensureDir.ts'
import { readJsonFile, writeJsonFile } from '../../../data/jsonFile.ts'

const AttemptFile = Type.Object({ fence: Fence, root: Type.String() })

const Note = Type.Union([
  /** It is whole: its command reported it. */
  Type.Object({ saved: Type.String() }),
  /** It came from the manager, as it is now. */
  Type.Object({ fetched: Type.String(), bytes: Type.Number(), modifiedAt: Type.Number() }),
  /** The manager has it, or does not want it. */
  Type.Object({ sent: Type.String(), bytes: Type.Number(), modifiedAt: Type.Number() }),
  Type.Object({ ended: Type.Boolean() }),
])
type Note = Static<typeof Note>

interface Mark {
  bytes: number
  modifiedAt: number
}

/** Files and folders of ours beside results: unfinished and replaced ones. */
const OURS = '.framehouse-'

export class AttemptFolder {
  /** Whole files, by path below the root. */
  private readonly saved = new Set<string>()
  /** Files as they were when they came or went. */
  private readonly settled = new Map<string, Mark>()
  private hasEnded = false
  private writing: Promise<void> = Promise.resolve()

  private constructor(
    private readonly folder: string,
    readonly fence: Fence,
    /** The root in the notation of this worker's commands. */
    readonly root: string,
  ) {}

  /** Makes the folder, or opens the one that an earlier run of the worker made. @throws NodeJS errors */
  static async begin(parent: string, fence: Fence, root: string): Promise<AttemptFolder> {
    const folder = join(parent, `${fence.taskId}-${fence.attempt}`)
    const attempt = new AttemptFolder(folder, fence, root)
    await ensureDir(attempt.files, 0o700)
    await writeJsonFile(join(folder, 'attempt.json'), { fence, root })
    await attempt.load()
    attempt.hasEnded = false
    return attempt
  }

  /** Those of earlier runs of the worker. What cannot be read is left alone, and reported. */
  static async all(parent: string, onProblem: (name: string, error: unknown) => void): Promise<AttemptFolder[]> {
    const found: AttemptFolder[] = []
    for (const name of await readdir(parent).catch(() => [])) {
      try {
        const about = await readJsonFile(AttemptFile, join(parent, name, 'attempt.json'))
        if (about === undefined) continue
        const attempt = new AttemptFolder(join(parent, name), about.fence, about.root)
        await attempt.load()
        found.push(attempt)
      } catch (error) {
        onProblem(name, error)
      }
    }
    return found
  }

  /** Where its commands write: stands for the job's root. */
  get files(): string {
    return join(this.folder, 'files')
  }

  /** True when its commands are over: nothing is added to it any more. */
  get ended(): boolean {
    return this.hasEnded
  }

  placeOf(path: string): string {
    return join(this.files, ...path.split('/'))
  }

  /** The path below the root, with slashes; undefined for a file elsewhere. */
  pathOf(file: string): string | undefined {
    const inside = relative(this.files, file)
    if (inside === '' || isAbsolute(inside) || inside.split(sep)[0] === '..') return undefined
    return inside.split(sep).join('/')
  }

  /** The file in the notation of the job's commands, as the manager knows it; a file elsewhere as it is. */
  shownPath(file: string): string {
    const path = this.pathOf(file)
    if (path === undefined) return file
    const separator = this.root.includes('/') || !this.root.includes('\\') ? '/' : '\\'
    return `${this.root.replace(/[\\/]+$/, '')}${separator}${path.split('/').join(separator)}`
  }

  note(note: Note): Promise<void> {
    this.take(note)
    const line = `${JSON.stringify(note)}\n`
    this.writing = this.writing.catch(() => undefined).then(() => appendFile(join(this.folder, 'notes.jsonl'), line, { mode: 0o600 }))
    return this.writing
  }

  /** The size and time of a file now. @throws NodeJS errors */
  async markOf(path: string): Promise<Mark> {
    const { size, mtimeMs } = await stat(this.placeOf(path))
    return { bytes: size, modifiedAt: mtimeMs }
  }

  /** Whether the manager has the file as it is now. */
  async isSettled(path: string): Promise<boolean> {
    const settled = this.settled.get(path)
    const now = await this.markOf(path).catch(() => undefined)
    return settled !== undefined && now !== undefined && settled.bytes === now.bytes && settled.modifiedAt === now.modifiedAt
  }

  /** Whole files that the manager does not have. */
  async open(): Promise<string[]> {
    const open: string[] = []
    for (const path of this.saved) if (!(await this.isSettled(path)) && (await this.isThere(path))) open.push(path)
    return open
  }

  /** Everything that its commands saved, with sizes: after them, and where they succeeded, all of it is whole. */
  async everything(): Promise<{ path: string; bytes: number }[]> {
    const all: { path: string; bytes: number }[] = []
    for await (const file of filesIn(this.files)) {
      const path = this.pathOf(file)
      if (path === undefined) continue
      const mark = await this.markOf(path)
      const settled = this.settled.get(path)
      const isFetched =
        settled !== undefined && !this.saved.has(path) && settled.bytes === mark.bytes && settled.modifiedAt === mark.modifiedAt
      if (!isFetched) all.push({ path, bytes: mark.bytes })
    }
    return all
  }

  /** The whole ones of these, with sizes. */
  async whole(): Promise<{ path: string; bytes: number }[]> {
    const whole: { path: string; bytes: number }[] = []
    for (const path of this.saved) {
      const mark = await this.markOf(path).catch(() => undefined)
      if (mark) whole.push({ path, bytes: mark.bytes })
    }
    return whole
  }

  async remove(): Promise<void> {
    await this.writing.catch(() => undefined)
    await rm(this.folder, { recursive: true, force: true, maxRetries: 3 })
  }

  private async isThere(path: string): Promise<boolean> {
    return (await stat(this.placeOf(path)).catch(() => undefined))?.isFile() === true
  }

  private async load(): Promise<void> {
    const text = await readFile(join(this.folder, 'notes.jsonl'), 'utf8').catch(() => '')
    for (const line of text.split('\n')) {
      if (line === '') continue
      // The last line of a killed worker may be cut.
      const note = parsed(line)
      if (note !== undefined) this.take(note)
    }
  }

  private take(note: Note): void {
    if ('saved' in note) this.saved.add(note.saved)
    else if ('ended' in note) this.hasEnded = note.ended
    else {
      const { bytes, modifiedAt } = note
      this.settled.set('sent' in note ? note.sent : note.fetched, { bytes, modifiedAt })
    }
  }
}

function parsed(line: string): Note | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return Value.Check(Note, value) ? value : undefined
  } catch {
    return undefined
  }
}

async function* filesIn(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    if (entry.name.startsWith(OURS)) continue
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* filesIn(path)
    else if (entry.isFile()) yield path
  }
}

/** The folder that a result lies in, made. */
export async function makeFolderOf(file: string): Promise<void> {
  await ensureDir(dirname(file), 0o700)
}
