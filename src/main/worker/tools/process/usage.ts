/** What a program and its children use, from /proc; nothing on systems without it. */
import { readFile } from 'node:fs/promises'
import type { ProcessFacts } from './procfs.ts'
import { PAGE_BYTES, TICKS_PER_SECOND, readProcess } from './procfs.ts'

export interface Usage {
  /** Largest memory held at a time by the program and its children, in bytes. */
  peakMemoryBytes: number
  /** Time on CPUs of the program and its children, in seconds; up to the last look, so short programs may show 0. */
  cpuSeconds: number
}

export interface UsageMeter {
  /** Ends the watch; undefined where the system does not tell. */
  stop(): Promise<Usage | undefined>
}

/** Looks soon after the start, then less and less often: what a short program used would else be missed. */
const FIRST_LOOK_MS = 50
const LOOK_EVERY_MS = 2000

/** Watches the process until stopped. Never throws and keeps nothing alive. */
export function measureUsage(pid: number): UsageMeter {
  if (process.platform !== 'linux') return { stop: () => Promise.resolve(undefined) }
  let peak = 0
  let ticks = 0
  let looking: Promise<void> = Promise.resolve()

  const look = async (): Promise<void> => {
    const family = await readFamily(pid)
    const resident = family.reduce((sum, facts) => sum + facts.residentPages * PAGE_BYTES, 0)
    peak = Math.max(peak, resident, await readPeak(pid))
    // A child that ended and was waited for is in its parent's count from then on, so the sum only grows.
    ticks = Math.max(
      ticks,
      family.reduce((sum, facts) => sum + facts.cpuTicks, 0),
    )
  }
  let pause = FIRST_LOOK_MS
  const lookAgain = (): void => {
    looking = look()
    pause = Math.min(LOOK_EVERY_MS, pause * 2)
    void looking.then(() => {
      timer = setTimeout(lookAgain, pause)
      timer.unref()
      if (stopped) clearTimeout(timer)
    })
  }
  let stopped = false
  let timer = setTimeout(lookAgain, FIRST_LOOK_MS)
  timer.unref()
  return {
    async stop() {
      stopped = true
      clearTimeout(timer)
      await looking
      return peak === 0 ? undefined : { peakMemoryBytes: peak, cpuSeconds: ticks / TICKS_PER_SECOND }
    },
  }
}

/** What a program and its children hold and have used by now; undefined where the system does not tell, or it is gone. */
export async function usageNow(pid: number): Promise<{ memoryBytes: number; cpuSeconds: number } | undefined> {
  if (process.platform !== 'linux') return undefined
  const family = await readFamily(pid)
  if (family.length === 0) return undefined
  return {
    memoryBytes: family.reduce((sum, facts) => sum + facts.residentPages * PAGE_BYTES, 0),
    cpuSeconds: family.reduce((sum, facts) => sum + facts.cpuTicks, 0) / TICKS_PER_SECOND,
  }
}

/** A process and its descendants by the kernel's own lists of children; cheap, because it does not walk all of /proc. */
async function readFamily(pid: number): Promise<ProcessFacts[]> {
  const facts = await readProcess(pid)
  if (facts === undefined) return []
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  const families = await Promise.all(
    children
      .trim()
      .split(' ')
      .filter(Boolean)
      .map((child) => readFamily(Number(child))),
  )
  return [facts, ...families.flat()]
}

/** High-water mark of one process, which catches what happens between two looks. */
async function readPeak(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
}
