/**
 * Ending a program and everything it started. Three marks find what belongs to it, because a child can shed each one:
 * its process group, its line of parents, and a cookie in its environment, which survives a double fork with a new
 * session (Linux lets us read it). Windows has `taskkill /T`.
 */
import { execFile } from 'node:child_process'
import { uptime } from 'node:os'
import { promisify } from 'node:util'
import { setTimeout as wait } from 'node:timers/promises'
import type { ProcessFacts } from './procfs.ts'
import { hasEnvironment, listProcesses, readEnvironment, readProcess, withDescendants } from './procfs.ts'

const run = promisify(execFile)

/** Name of the environment variable that marks all processes of one program run by us; its value is unique to the run. */
export const COOKIE = 'FRAMEHOUSE_PROCESS_COOKIE'

const POLL_MS = 30
/** Processes that the kernel holds (broken network disks) cannot be ended; do not wait for them for ever. */
const GIVE_UP_MS = 10_000

/** A text that differs between two processes that had the same pid; undefined when there is no such process. */
export async function startMark(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const facts = await readProcess(pid)
    return facts === undefined || facts.state === 'Z' ? undefined : facts.startTicks
  }
  try {
    if (process.platform === 'win32') {
      const query = `(Get-Process -Id ${pid} -ErrorAction Stop).StartTime.ToFileTimeUtc()`
      return (await run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', query])).stdout.trim() || undefined
    }
    return (await run('ps', ['-o', 'lstart=', '-p', String(pid)], { env: { ...process.env, LC_ALL: 'C' } })).stdout.trim() || undefined
  } catch {
    return undefined
  }
}

export interface EndOptions {
  /** How long the processes get to end by themselves after a first, polite signal; 0: none. POSIX only. */
  graceMs?: number
  /** Also leave this alone: only what is in the process group, not what made a session of its own. */
  groupOnly?: boolean
  /** The run's cookie, when known; else it is read from the process while that lives. */
  cookie?: string
}

/**
 * Ends the process and all it started; `pid` led its own process group (POSIX) or is the root of a tree (Windows), and
 * may be gone already. Resolves when they are gone (or when the kernel will not let them go within 10 s).
 */
export async function killTree(pid: number, options: EndOptions = {}): Promise<void> {
  if (pid <= 1 || pid === process.pid) return
  if (process.platform === 'win32') return killWindowsTree(pid)
  const cookie = options.groupOnly === true ? undefined : (options.cookie ?? (await readEnvironment(pid, COOKIE)))
  const grace = options.graceMs ?? 0
  if (grace > 0) {
    const deadline = performance.now() + grace
    const signalled = new Set<number>()
    for (let living = await members(pid, cookie, options); living.length > 0 && performance.now() < deadline;) {
      signal(
        living.filter((member) => !signalled.has(member)),
        'SIGTERM',
      )
      for (const member of living) signalled.add(member)
      await wait(POLL_MS)
      living = await members(pid, cookie, options)
    }
  }
  // Repeat until none is left: a process may have started another one between our look and our signal.
  const deadline = performance.now() + GIVE_UP_MS
  for (let living = await members(pid, cookie, options); living.length > 0 && performance.now() < deadline;) {
    signal(living, 'SIGKILL')
    await wait(POLL_MS)
    living = await members(pid, cookie, options)
  }
}

/**
 * Ends what a run left behind when its root is gone, or was never known: all that carries the run's cookie (Linux; elsewhere nothing
 * is found). Resolves with whether there was any, when all of it is gone.
 */
export async function killMarked(cookie: string): Promise<boolean> {
  if (process.platform !== 'linux') return false
  const deadline = performance.now() + GIVE_UP_MS
  let found = false
  for (let living = await members(undefined, cookie, {}); living.length > 0 && performance.now() < deadline;) {
    found = true
    signal(living, 'SIGKILL')
    await wait(POLL_MS)
    living = await members(undefined, cookie, {})
  }
  return found
}

/** Start times by `ps` are whole seconds, and the time since the machine's start is not exact either. */
const ROUNDING_MS = 10_000

/**
 * Ends what is left of the process group that `pid` led when `pid` itself is gone: for systems that do not let us read cookies (macOS;
 * Linux has `killMarked`, Windows no groups). No new process gets the number of a group that lives, so the group is still the old one,
 * unless the machine was started since. Resolves with whether there was any, when all of it is gone.
 * @param mark when `pid` started, from `startMark`
 */
export async function killGroupOf(pid: number, mark: string, platform: NodeJS.Platform = process.platform): Promise<boolean> {
  if (pid <= 1 || platform === 'linux' || platform === 'win32') return false
  // NaN, too, is no time since then.
  if (!(Date.parse(mark) > Date.now() - uptime() * 1000 - ROUNDING_MS)) return false
  const living = (await listByPs()).filter(({ state }) => state !== 'Z')
  if (living.some((facts) => facts.pid === pid) || !living.some(({ group }) => group === pid)) return false
  await killTree(pid)
  return true
}

function signal(pids: readonly number[], name: 'SIGTERM' | 'SIGKILL'): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name)
    } catch {
      // Gone already, or no longer ours: the next iteration finds out.
    }
  }
}

/** Living processes that belong to the run. */
async function members(pid: number | undefined, cookie: string | undefined, { groupOnly }: EndOptions): Promise<number[]> {
  const all = process.platform === 'linux' ? await listProcesses() : await listByPs()
  const living = all.filter((facts) => facts.state !== 'Z' && facts.pid !== process.pid)
  const inGroup = living.filter((facts) => facts.group === pid || facts.pid === pid).map((facts) => facts.pid)
  if (groupOnly === true) return inGroup
  const marked = cookie === undefined ? [] : await markedWith(`${COOKIE}=${cookie}`, living)
  const tree = withDescendants([...(pid === undefined ? [] : [pid]), ...inGroup, ...marked], living)
  return living.filter((facts) => tree.has(facts.pid)).map((facts) => facts.pid)
}

async function markedWith(entry: string, living: readonly ProcessFacts[]): Promise<number[]> {
  const found = await Promise.all(living.map(async ({ pid }) => ((await hasEnvironment(pid, entry)) ? pid : 0)))
  return found.filter((pid) => pid !== 0)
}

/** macOS and the BSDs: `ps` reports parents and groups (environments are not readable there). */
export async function listByPs(): Promise<ProcessFacts[]> {
  const { stdout } = await run('ps', ['-axo', 'pid=,ppid=,pgid=,state='], { maxBuffer: 16 * 1024 * 1024 }).catch(() => ({ stdout: '' }))
  return stdout.split('\n').flatMap((line) => {
    const [pid, parent, group, state] = line.trim().split(/\s+/)
    if (pid === undefined || state === undefined) return []
    const facts = { pid: Number(pid), parent: Number(parent), group: Number(group), state: state.charAt(0) }
    return [{ ...facts, startTicks: '', cpuTicks: 0, residentPages: 0 }]
  })
}

async function killWindowsTree(pid: number): Promise<void> {
  // Fails when the process is gone, which is what we want.
  await run('taskkill', ['/PID', String(pid), '/T', '/F'], { windowsHide: true }).catch(() => undefined)
  const deadline = performance.now() + GIVE_UP_MS
  while (isAlive(pid) && performance.now() < deadline) await wait(POLL_MS)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
