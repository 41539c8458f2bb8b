/**
 * Running one program of a task: without a shell, in a process group of its own, its output streamed into the log line
 * by line, its whole tree ended when the task is stopped.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { constants as os, setPriority } from 'node:os'
import type { Readable } from 'node:stream'
import type { CommandContext, ExecLimits } from '../commands/types.ts'
import { CouldNotStartError, ExitCodeError } from '../commands/types.ts'
import { jobEnvironment } from './environment.ts'
import { LineSplitter } from './lines.ts'
import { COOKIE, killTree } from './processTree.ts'
import { shellJoin } from './shellWords.ts'
import { measureUsage } from './usage.ts'

export interface ProgramRequest {
  /** Absolute path, or a name that the system finds by itself. */
  exe: string
  args: readonly string[]
  /** Called with every line of both streams, in the order they arrive. Must not throw. */
  onLine?: (line: string, stream: OutputStream) => void
  /** Folder to run in; the attempt's own when missing. */
  cwd?: string
  /** On top of the job environment. */
  env?: Readonly<Record<string, string>>
}

export type OutputStream = 'stdout' | 'stderr'

/** How a program ended: one of the two is null. */
export interface ProgramEnd {
  code: number | null
  signal: string | null
}

/** After a polite signal the program has this long to end by itself (to flush a file, to give a licence back). */
const STOP_GRACE_MS = 3_000
/** Once the program has ended, children that still hold its pipes get this long; then we stop listening to them. */
const DRAIN_MS = 2_000

/**
 * Runs the program and answers how it ended, whatever its exit code.
 * @throws CouldNotStartError when there is no such program; the signal's reason (a CommandError) when the task was stopped
 */
export async function runProgram(context: CommandContext, request: ProgramRequest): Promise<ProgramEnd> {
  context.signal.throwIfAborted()
  const cwd = request.cwd ?? (await context.workDir())
  context.log('farm', `going to run:\n\n    ${shellJoin([request.exe, ...request.args])}\n`)
  const cookie = randomUUID()
  const child = spawn(request.exe, request.args, {
    cwd,
    env: jobEnvironment(process.env, { ...context.env, ...request.env, [COOKIE]: cookie }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: process.platform !== 'win32',
    windowsHide: true,
  })
  const { pid } = child
  if (pid === undefined) throw await startFailure(child, request, cwd)
  context.processes.started(pid)
  applyLimits(pid, context.limits)
  const usage = measureUsage(pid)
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]> // Node's typings do not know the event.
  const drained = Promise.all([pump(child.stdout, 'stdout', pid, context, request), pump(child.stderr, 'stderr', pid, context, request)])

  const stop = new AbortController()
  const stopped = onAbort(context.signal, stop.signal).then(() => killTree(pid, { graceMs: STOP_GRACE_MS, cookie }))
  try {
    const [code, signal] = await Promise.race([ended, stopped.then(() => ended)])
    if (context.signal.aborted) {
      await stopped
      throw context.signal.reason
    }
    await drain(child, drained, pid)
    return { code, signal }
  } finally {
    stop.abort()
    child.stdout.destroy()
    child.stderr.destroy()
    const used = await usage.stop()
    if (used !== undefined) {
      context.metrics.add('cpuSeconds', used.cpuSeconds)
      context.metrics.max('peakMemoryBytes', used.peakMemoryBytes)
    }
    context.processes.ended(pid)
  }
}

/** As runProgram, for programs whose exit code 0 means success. @throws ExitCodeError on any other end */
export async function runToSuccess(context: CommandContext, request: ProgramRequest): Promise<void> {
  const { code, signal } = await runProgram(context, request)
  if (code !== 0) throw new ExitCodeError(code, signal)
}

async function startFailure(child: ChildProcess, request: ProgramRequest, cwd: string): Promise<CouldNotStartError> {
  const [error] = (await once(child, 'error')) as [NodeJS.ErrnoException] // The event carries what spawn failed with.
  const why: Record<string, string> = {
    ENOENT: `no such program on this machine (or no such folder to run it in: "${cwd}")`,
    EACCES: 'the file is not executable for this worker',
    E2BIG: 'its arguments are longer than this system allows',
  }
  return new CouldNotStartError(`could not start "${request.exe}": ${why[error.code ?? ''] ?? error.message}`)
}

/** Lower priority, and first to go when memory runs out: a workstation stays usable while it renders. */
function applyLimits(pid: number, limits: ExecLimits): void {
  try {
    if (limits.nice > 0) setPriority(pid, process.platform === 'win32' ? os.priority.PRIORITY_BELOW_NORMAL : limits.nice)
  } catch {
    // It may have ended already; a priority is no reason to fail a task.
  }
  if (limits.oomScoreAdjust !== null && process.platform === 'linux') {
    void writeFile(`/proc/${pid}/oom_score_adj`, String(limits.oomScoreAdjust)).catch(() => undefined)
  }
}

/** Moves a stream into the log, a chunk of lines at a time, and no faster than the log takes it. */
async function pump(stream: Readable, name: OutputStream, pid: number, context: CommandContext, request: ProgramRequest): Promise<void> {
  const splitter = new LineSplitter()
  const prefix = `pid=${pid} > `
  const deliver = (lines: readonly string[]): void => {
    if (lines.length === 0) return
    context.log(name, `${prefix}${lines.join(`\n${prefix}`)}\n`)
    if (request.onLine !== undefined) for (const line of lines) request.onLine(line, name)
  }
  try {
    for await (const chunk of stream) {
      deliver(splitter.push(chunk as Buffer)) // No encoding is set, so chunks are Buffers.
      const room = context.congested()
      if (room !== undefined) await room
    }
  } catch {
    // The pipe was closed because the program is being ended.
  }
  deliver(splitter.flush())
}

/**
 * Waits until everything was read. What the program left running in the background is ended, except for services that
 * made a session of their own and closed our pipes (a licence helper that others share).
 */
async function drain(child: ChildProcess, drained: Promise<unknown>, pid: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), DRAIN_MS)
  })
  const first = await Promise.race([drained, late])
  clearTimeout(timer)
  if (process.platform !== 'win32' && groupLives(pid)) await killTree(pid, { groupOnly: true })
  if (first === 'late') {
    child.stdout?.destroy()
    child.stderr?.destroy()
    await drained
  }
}

function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0)
    return true
  } catch {
    return false
  }
}

/** Resolves when `signal` aborts; never when `until` comes first. */
function onAbort(signal: AbortSignal, until: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true, signal: until })
  })
}
