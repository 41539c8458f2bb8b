/**
 * Running one program of a task: without a shell, in a process group of its own, its output streamed into the log line
 * by line, its whole tree ended when the task is stopped.
 */
import { spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import type { CommandContext } from '../../contract/commands.ts'
import { CouldNotStartError, ExitCodeError } from '../../contract/commands.ts'
import { jobEnvironment } from './environment.ts'
import { applyLimits } from './limits.ts'
import { LineSplitter, OutputText } from './lines.ts'
import { COOKIE, killTree } from './processTree.ts'
import { shellJoin } from '../../../../shared/text/shellWords.ts'
import { StreamLog } from './streamLog.ts'
import { measureUsage } from './usage.ts'

export interface ProgramRequest {
  /** Absolute path, or a name that the system finds by itself. */
  exe: string
  args: readonly string[]
  /** What the log shows of `args`, where we added arguments of our own. */
  shownArgs?: readonly string[]
  /** A line as the log shows it; by default as it is. */
  shown?: (line: string) => string
  /** Called with every line of both streams as the program wrote it, in the order they arrive. Must not throw. */
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

/** Grace period after a polite signal (to flush a file, to return a license). */
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
  context.log('farm', `going to run:\n\n    ${shellJoin([request.exe, ...(request.shownArgs ?? request.args)])}\n`)
  const cookie = randomUUID()
  context.processes.starting(cookie)
  const child = await start(request, cwd, jobEnvironment(process.env, { ...context.env, ...request.env, [COOKIE]: cookie })).catch(
    (error: unknown) => {
      context.processes.ended(cookie)
      throw error
    },
  )
  const { pid } = child
  context.processes.started(cookie, pid)
  void applyLimits(pid, context.limits)
  const usage = measureUsage(pid)
  const ended = new Promise<ProgramEnd>((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })))
  const drained = Promise.all([pump(child.stdout, 'stdout', pid, context, request), pump(child.stderr, 'stderr', pid, context, request)])

  const stop = new AbortController()
  const stopped = onAbort(context.signal, stop.signal).then(() => killTree(pid, { graceMs: STOP_GRACE_MS, cookie }))
  try {
    const end = await Promise.race([ended, stopped.then(() => ended)])
    if (context.signal.aborted) {
      await stopped
      throw context.signal.reason
    }
    await drain(child, drained, pid)
    return end
  } finally {
    stop.abort()
    child.stdout.destroy()
    child.stderr.destroy()
    const used = await usage.stop()
    if (used !== undefined) {
      context.metrics.add('cpuSeconds', used.cpuSeconds)
      context.metrics.max('peakMemoryBytes', used.peakMemoryBytes)
    }
    context.processes.ended(cookie)
  }
}

/** As runProgram, for programs whose exit code 0 means success. @throws ExitCodeError on any other end */
export async function runToSuccess(context: CommandContext, request: ProgramRequest): Promise<void> {
  const { code, signal } = await runProgram(context, request)
  if (code !== 0) throw new ExitCodeError(code, signal)
}

type Child = ChildProcessByStdio<null, Readable, Readable> & { readonly pid: number }

/** Resolves when the program runs. @throws CouldNotStartError */
async function start({ exe, args }: ProgramRequest, cwd: string, env: Record<string, string>): Promise<Child> {
  const child = await spawnProgram(exe, cwd, () => spawn(exe, args, { ...spawnOptions(cwd, env), stdio: ['ignore', 'pipe', 'pipe'] }))
  if (!hasPid(child)) throw new CouldNotStartError(`could not start "${exe}": it has no process id`)
  return child
}

/** In a process group of its own, so that it can be ended with all it starts. */
export function spawnOptions(cwd: string, env: Record<string, string>) {
  return { cwd, env, detached: process.platform !== 'win32', windowsHide: true }
}

/** Resolves with what `begin` spawned when it runs. @throws CouldNotStartError */
export async function spawnProgram<C extends ChildProcess>(exe: string, cwd: string, begin: () => C): Promise<C> {
  try {
    const child = begin()
    // Some failures come as an exception, the others as this event.
    await once(child, 'spawn')
    // Later errors (a signal that cannot be sent) are no reason to end the worker.
    child.on('error', () => undefined)
    return child
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    throw new CouldNotStartError(`could not start "${exe}": ${startProblem(code, cwd) ?? String(error)}`)
  }
}

function hasPid(child: ChildProcessByStdio<null, Readable, Readable>): child is Child {
  return child.pid !== undefined
}

function startProblem(code: string, cwd: string): string | undefined {
  const problems: Record<string, string> = {
    ENOENT: `no such program on this machine (or no such folder to run it in: "${cwd}")`,
    EACCES: 'the file is not executable for this worker',
    E2BIG: 'its arguments are longer than this system allows',
    EINVAL: 'it is no program (batch files need a shell: run cmd.exe with /c)',
    ERR_INVALID_ARG_VALUE: 'its arguments hold a character that no program can be given',
  }
  return problems[code]
}

/** Moves a stream into the log as it is, each line behind the process id, and no faster than the log takes it. */
async function pump(stream: Readable, name: OutputStream, pid: number, context: CommandContext, request: ProgramRequest): Promise<void> {
  const { onLine } = request
  const output = new OutputText()
  const log = new StreamLog(context, name, pid, request.shown)
  const splitter = onLine === undefined ? undefined : new LineSplitter()
  const tell = (lines: readonly string[] = []): void => {
    if (onLine !== undefined) for (const line of lines) onLine(line, name)
  }
  try {
    for await (const chunk of stream) {
      // No encoding is set, so chunks are Buffers.
      log.write(output.push(chunk as Buffer))
      tell(splitter?.push(chunk as Buffer))
      const room = context.congested()
      if (room !== undefined) await room
    }
  } catch {
    // The pipe was closed because the program is being ended.
  }
  log.write(output.flush())
  log.end()
  tell(splitter?.flush())
}

/**
 * Waits until everything was read. What the program left running in the background is ended, except for services that
 * made a session of their own and closed our pipes (a licence helper that others share).
 */
async function drain(child: Child, drained: Promise<unknown>, pid: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), DRAIN_MS)
  })
  const first = await Promise.race([drained, late])
  clearTimeout(timer)
  if (process.platform !== 'win32' && groupLives(pid)) await killTree(pid, { groupOnly: true })
  if (first === 'late') {
    child.stdout.destroy()
    child.stderr.destroy()
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
