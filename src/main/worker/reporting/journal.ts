/**
 * What a worker needs to resume an attempt after it was killed: for work that continues without it, such as a container.
 * One file per attempt in `<data>/held/`, and one with the amount of log sent, both written before their effects become
 * visible. Handed to the operating system, not synced: a power failure ends the containers as well.
 */
import { appendFileSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { Type } from 'typebox'
import { Assignment, type Fence } from '../../../shared/schemas/agent.ts'
import type { LogStream } from '../../../shared/enums.ts'
import { rawByteLength } from '../../system/rawText.ts'
import type { Logger } from '../../../shared/logger.ts'

/** Bytes of the two streams of a program. */
export interface ByteCounts {
  stdout: number
  stderr: number
}

/** What a command may keep, and what an earlier run of the worker kept for it. */
export interface CommandJournal {
  /** Undefined at the first run. `logged`: bytes of the whole attempt that are in the report log or with the manager. */
  readonly earlier: { state: unknown; logged: ByteCounts } | undefined
  /** Bytes of the attempt so far. */
  entered(): ByteCounts
  /** Kept before it returns; the last one counts. */
  save(state: unknown): void
  /** Resolves when everything reported so far is in the files of the report log. */
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
/** The file of positions is begun anew beyond this size: only its last entry that counts is needed. */
const COMPACT_BYTES = 64 * 1024

export class AttemptJournal {
  private command = 0
  private state: unknown
  private readonly enteredBytes: ByteCounts = { stdout: 0, stderr: 0 }
  private readonly logged: ByteCounts = { stdout: 0, stderr: 0 }
  private positionsBytes = 0
  private earlierLogged: ByteCounts | undefined

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
    return this.earlierLogged !== undefined
  }

  /** Bytes of the log that an earlier run wrote; 0 at the first run. */
  get enteredBefore(): number {
    return this.earlierLogged === undefined ? 0 : this.earlierLogged.stdout + this.earlierLogged.stderr
  }

  /** Bytes count up to this entry of the report log; later entries were lost with the worker. */
  resume(lastSeq: number): void {
    let counts: ByteCounts = { stdout: 0, stderr: 0 }
    let seqOfCounts = 0
    for (const line of readText(`${this.path}.bytes`).split('\n')) {
      const [seq, stdout, stderr] = line.split(' ').map(Number)
      if (seq === undefined || stdout === undefined || stderr === undefined || Number.isNaN(stderr) || seq > lastSeq) continue
      if (seq >= seqOfCounts) [seqOfCounts, counts] = [seq, { stdout, stderr }]
    }
    Object.assign(this.enteredBytes, counts)
    Object.assign(this.logged, counts)
    this.earlierLogged = { ...counts }
    this.writePositions(`${seqOfCounts} ${counts.stdout} ${counts.stderr}\n`)
  }

  /** The attempt goes on to this command. */
  at(command: number): void {
    if (command !== this.command || this.state === undefined) this.write(command, null)
  }

  forCommand(index: number, settled: () => Promise<void>): CommandJournal {
    const logged = index === this.command && this.state !== null ? this.earlierLogged : undefined
    return {
      earlier: logged && { state: this.state, logged: { ...logged } },
      entered: () => ({ ...this.enteredBytes }),
      save: (state) => this.write(index, state),
      settled,
    }
  }

  /** Text that goes into the attempt's log. */
  enter(stream: LogStream, text: string): void {
    if (stream !== 'farm' && text !== '') this.enteredBytes[stream] += rawByteLength(text)
  }

  /** Text that is about to become entry `seq` of the report log. */
  say(seq: number, stream: LogStream, text: string): void {
    if (stream === 'farm') return
    this.logged[stream] += rawByteLength(text)
    const entry = `${seq} ${this.logged.stdout} ${this.logged.stderr}\n`
    this.attempt(() => {
      if (this.positionsBytes > COMPACT_BYTES) this.compact()
      appendFileSync(`${this.path}.bytes`, entry, { mode: 0o600 })
      this.positionsBytes += entry.length
    })
  }

  remove(): void {
    this.attempt(() => {
      rmSync(`${this.path}.json`, { force: true })
      rmSync(`${this.path}.bytes`, { force: true })
    })
  }

  private write(command: number, state: unknown): void {
    this.command = command
    this.state = state
    this.attempt(() => {
      // Whole or not at all. What the manager gave for this run only is not kept.
      const { container: _secret, actor: _grant, ...assignment } = this.assignment
      writeFileSync(`${this.path}.new`, JSON.stringify({ assignment, startedAt: this.startedAt, command, state }), { mode: 0o600 })
      renameSync(`${this.path}.new`, `${this.path}.json`)
    })
  }

  /** The newest entries are kept: some of them may not be in the report log's files yet. */
  private compact(): void {
    const entries = readText(`${this.path}.bytes`).split('\n')
    this.writePositions(entries.slice(Math.floor(entries.length / 2)).join('\n'))
  }

  private writePositions(text: string): void {
    writeFileSync(`${this.path}.bytes`, text, { mode: 0o600 })
    this.positionsBytes = text.length
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
