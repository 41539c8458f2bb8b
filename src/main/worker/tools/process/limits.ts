/**
 * Lower priority, and first to be killed when memory runs out: a workstation stays usable while it renders. Both are inherited, but can
 * be set only once the program runs, and a launcher script has started its children by then: those are searched for, too.
 */
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { constants as os, setPriority } from 'node:os'
import type { ExecLimits } from '../../contract/commands.ts'
import { listByPs } from './processTree.ts'
import { withDescendants } from './procfs.ts'

/** Maximum number of searches for children of a new program; later children inherit the limits. */
const MAX_LOOKS = 5

/** What limits are applied with; replaced in tests. */
export interface LimitSystem {
  platform: NodeJS.Platform
  /** @throws when the process is gone */
  setPriority(pid: number, priority: number): void
  setOomScore(pid: number, score: number): Promise<void>
  /** The process, its threads where those have priorities of their own, and its descendants with theirs. */
  family(pid: number): Promise<Family>
}

interface Family {
  processes: readonly number[]
  /** What takes a priority: processes, on Linux each thread. */
  schedulable: readonly number[]
}

export const thisSystem: LimitSystem = {
  platform: process.platform,
  setPriority,
  setOomScore: (pid, score) => writeFile(`/proc/${pid}/oom_score_adj`, String(score)),
  family: process.platform === 'linux' ? linuxFamily : psFamily,
}

/**
 * Applies the limits to the process immediately, and to the children it has started when they are found. Resolves when all of it is
 * limited. Never fails: a priority is no reason to fail a task.
 */
export async function applyLimits(pid: number, limits: ExecLimits, system: LimitSystem = thisSystem): Promise<void> {
  const { platform } = system
  const isWindows = platform === 'win32'
  // A class of its own there; children inherit it because it is below normal.
  const priority = limits.nice <= 0 ? undefined : isWindows ? os.priority.PRIORITY_BELOW_NORMAL : limits.nice
  const score = platform === 'linux' && limits.oomScoreAdjust !== null ? limits.oomScoreAdjust : undefined
  if (priority === undefined && score === undefined) return
  const done = new Set<number>()
  const lower = (id: number) => {
    done.add(id)
    try {
      if (priority !== undefined) system.setPriority(id, priority)
    } catch {
      // It may have ended already.
    }
  }
  const scored = new Set<number>()
  const mark = async (id: number) => {
    scored.add(id)
    if (score !== undefined) await system.setOomScore(id, score).catch(() => undefined)
  }
  lower(pid)
  await mark(pid)
  if (isWindows) return
  for (let look = 0; look < MAX_LOOKS; look++) {
    const { processes, schedulable } = await system.family(pid)
    const fresh = schedulable.filter((id) => !done.has(id))
    const unscored = processes.filter((id) => !scored.has(id))
    if (fresh.length === 0 && unscored.length === 0) return
    fresh.forEach(lower)
    await Promise.all(unscored.map(mark))
  }
}

/** By /proc/PID/task: a few small reads, whatever else runs on the machine. */
async function linuxFamily(pid: number): Promise<Family> {
  const processes = new Set<number>()
  const schedulable: number[] = []
  const waiting = [pid]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (processes.has(next)) continue
    processes.add(next)
    for (const thread of await readdir(`/proc/${next}/task`).catch(() => [])) {
      schedulable.push(Number(thread))
      const children = await readFile(`/proc/${next}/task/${thread}/children`, 'utf8').catch(() => '')
      waiting.push(...children.split(' ').filter(Boolean).map(Number))
    }
  }
  return { processes: [...processes], schedulable }
}

/** macOS and the BSDs: a priority holds for all threads of a process. */
async function psFamily(pid: number): Promise<Family> {
  const processes = [...withDescendants([pid], await listByPs())]
  return { processes, schedulable: processes }
}
