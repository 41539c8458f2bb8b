/**
 * What a worker must know to take up an attempt after it was killed: for work that goes on without it, such as a container.
 * One file an attempt in `<data>/held/`, and one with the log lines that were said, both written before what they tell of
 * can be seen by anybody. Handed to the operating system, not synced: a power failure ends the containers as well.
 */
import { appendFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { Type } from 'typebox'
import { Assignment, type Fence } from '../../shared/schemas/agent.ts'
import type { LogStream } from '../../shared/enums.ts'
import type { Logger } from './logger.ts'

/** Lines of the two streams of a program. */
export interface LineCounts {
  stdout: number
  stderr: number
}

/** What a command may keep, and what an earlier run of the worker kept for it. */
export interface CommandJournal {
  /** Undefined at the first run. `said`: lines of the whole attempt that are in the outbox or with the manager. */
  readonly earlier: { state: unknown; said: LineCounts } | undefined
  /** Lines of the attempt so far. */
  entered(): LineCounts
  /** Kept before it returns; the last one counts. */
  save(state: unknown): void
  /** Resolves when all that was told so far is in the outbox's files. */
  settled(): Promise<void>
}

const Kept = Type.Object({
  assignment: Assignment,
  /** When the attempt began, milliseconds since the epoch: its time limit does not begin anew. */
  startedAt: Type.Number(),
  command: Type.Integer({ minimum: 0 }),
  state: Type.Unknown(),
})
const isKept = Compile(Kept)
/** The file of lines is begun anew beyond this size: only its last entry that counts is needed. */
const COMPACT_BYTES = 64 * 1024

export class AttemptJournal {
  private command = 0
  private state: unknown
  private readonly lines: LineCounts = { stdout: 0, stderr: 0 }
  private readonly said: LineCounts = { stdout: 0, stderr: 0 }
  private linesBytes = 0
  private earlierSaid: LineCounts | undefined

  constructor(
    private readonly path: string,
    readonly assignment: Assignment,
    readonly startedAt: number,
    private readonly log: Logger,
    earlier?: { command: number; state: unknown },
  ) {
    this.command = earlier?.command ?? 0
    this.state = earlier?.state
  }

  /** The command that an earlier run was at; 0 at the first run. */
  get firstCommand(): number {
    return this.command
  }

  get isResumed(): boolean {
    return this.earlierSaid !== undefined
  }

  /** What was said counts up to this entry of the outbox; what came later was lost with the worker. */
  resume(lastSeq: number): void {
    let counts: LineCounts = { stdout: 0, stderr: 0 }
    let seqOfCounts = 0
    for (const line of readText(`${this.path}.lines`).split('\n')) {
      const [seq, stdout, stderr] = line.split(' ').map(Number)
      if (seq === undefined || stdout === undefined || stderr === undefined || Number.isNaN(stderr) || seq > lastSeq) continue
      if (seq >= seqOfCounts) [seqOfCounts, counts] = [seq, { stdout, stderr }]
    }
    Object.assign(this.lines, counts)
    Object.assign(this.said, counts)
    this.earlierSaid = { ...counts }
    this.writeLines(`${seqOfCounts} ${counts.stdout} ${counts.stderr}\n`)
  }

  /** The attempt goes on to this command. */
  at(command: number): void {
    if (command !== this.command || this.state === undefined) this.write(command, null)
  }

  forCommand(index: number, settled: () => Promise<void>): CommandJournal {
    const said = index === this.command && this.state !== null ? this.earlierSaid : undefined
    return {
      earlier: said && { state: this.state, said: { ...said } },
      entered: () => ({ ...this.lines }),
      save: (state) => this.write(index, state),
      settled,
    }
  }

  /** Text that goes into the attempt's log. */
  enter(stream: LogStream, text: string): void {
    if (stream !== 'farm' && text !== '') this.lines[stream] += countLines(text)
  }

  /** Text that is about to be entry `seq` of the outbox. */
  say(seq: number, stream: LogStream, text: string): void {
    if (stream === 'farm') return
    this.said[stream] += countLines(text)
    const entry = `${seq} ${this.said.stdout} ${this.said.stderr}\n`
    this.attempt(() => {
      if (this.linesBytes > COMPACT_BYTES) this.compact()
      appendFileSync(`${this.path}.lines`, entry, { mode: 0o600 })
      this.linesBytes += entry.length
    })
  }

  remove(): void {
    this.attempt(() => {
      rmSync(`${this.path}.json`, { force: true })
      rmSync(`${this.path}.lines`, { force: true })
    })
  }

  private write(command: number, state: unknown): void {
    this.command = command
    this.state = state
    this.attempt(() => {
      // Whole or not at all. What the manager gave for this run only is not kept.
      const { container: _secret, ...assignment } = this.assignment
      writeFileSync(`${this.path}.new`, JSON.stringify({ assignment, startedAt: this.startedAt, command, state }), { mode: 0o600 })
      renameSync(`${this.path}.new`, `${this.path}.json`)
    })
  }

  /** The newest entries are kept: some of them may not be in the outbox's files yet. */
  private compact(): void {
    const entries = readText(`${this.path}.lines`).split('\n')
    this.writeLines(entries.slice(Math.floor(entries.length / 2)).join('\n'))
  }

  private writeLines(text: string): void {
    writeFileSync(`${this.path}.lines`, text, { mode: 0o600 })
    this.linesBytes = text.length
  }

  /** A disk that takes nothing costs the way back after a kill, not the attempt. */
  private attempt(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.log.warn({ err: error }, 'cannot keep what a restarted worker would need to go on')
    }
  }
}

export class Journals {
  private readonly folder: string

  constructor(
    dataDir: string,
    private readonly log: Logger,
  ) {
    this.folder = join(dataDir, 'held')
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
  }

  /** `startedAt`: now, in milliseconds since the epoch. */
  begin(assignment: Assignment, startedAt: number): AttemptJournal {
    return new AttemptJournal(this.pathOf(assignment), assignment, startedAt, this.log)
  }

  /** What an earlier run of this worker left; unreadable files are removed. */
  load(): AttemptJournal[] {
    const found: AttemptJournal[] = []
    for (const name of readdirSync(this.folder).filter((file) => file.endsWith('.json'))) {
      const path = join(this.folder, name)
      const kept = parse(readText(path))
      if (!isKept.Check(kept)) {
        this.log.warn({ path }, 'a file about an attempt cannot be read and is removed')
        rmSync(path, { force: true })
        continue
      }
      found.push(new AttemptJournal(this.pathOf(kept.assignment), kept.assignment, kept.startedAt, this.log, kept))
    }
    return found
  }

  private pathOf({ taskId, attempt }: Fence): string {
    return join(this.folder, `${taskId}-${attempt}`)
  }
}

function countLines(text: string): number {
  let count = text.endsWith('\n') ? 0 : 1
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++
  return count
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
