/** Reading Linux's /proc: who is whose child, what a process uses. Nothing here throws: processes vanish while one looks. */
import { readFile, readdir } from 'node:fs/promises'

export interface ProcessFacts {
  pid: number
  parent: number
  group: number
  /** One letter: R running, S sleeping, Z dead but not yet collected by its parent, … */
  state: string
  /** Clock ticks since the machine started: distinguishes two processes with the same pid. */
  startTicks: string
  /** Clock ticks on a CPU, its own and of children it has waited for. */
  cpuTicks: number
  residentPages: number
}

/** Ticks a second in /proc: 100 on every Linux that Node runs on. */
export const TICKS_PER_SECOND = 100
export const PAGE_BYTES = 4096

/** The facts of one process; undefined when it is gone or the system has no /proc. */
export async function readProcess(pid: number): Promise<ProcessFacts | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  return parseStat(text)
}

/** /proc/PID/stat; the name in it may contain blanks and brackets, so fields count from its last bracket. */
export function parseStat(text: string): ProcessFacts | undefined {
  const open = text.indexOf('(')
  const close = text.lastIndexOf(')')
  if (open < 0 || close < open) return undefined
  const fields = text
    .slice(close + 2)
    .trim()
    .split(' ')
  const number = (index: number) => Number(fields[index] ?? 0)
  return {
    pid: Number(text.slice(0, open)),
    state: fields[0] ?? '',
    parent: number(1),
    group: number(2),
    cpuTicks: number(11) + number(12) + number(13) + number(14),
    startTicks: fields[19] ?? '',
    residentPages: number(21),
  }
}

/** Every process of the machine that can be seen. */
export async function listProcesses(): Promise<ProcessFacts[]> {
  const names = await readdir('/proc').catch(() => [])
  const found = await Promise.all(names.filter((name) => /^\d+$/.test(name)).map((name) => readProcess(Number(name))))
  return found.filter((facts) => facts !== undefined)
}

/** True when the process was started with `entry` (`NAME=value`) in its environment; false when that may not be read. */
export async function hasEnvironment(pid: number, entry: string): Promise<boolean> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
  return `\0${environment}`.includes(`\0${entry}\0`)
}

/** Value of a variable in the environment a process was started with. */
export async function readEnvironment(pid: number, name: string): Promise<string | undefined> {
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '')
  return environment
    .split('\0')
    .find((entry) => entry.startsWith(`${name}=`))
    ?.slice(name.length + 1)
}

/** `roots` and everything they started that still has a way up to them. */
export function withDescendants(roots: readonly number[], all: readonly ProcessFacts[]): Set<number> {
  const children = new Map<number, number[]>()
  for (const { pid, parent } of all) {
    const known = children.get(parent)
    if (known) known.push(pid)
    else children.set(parent, [pid])
  }
  const found = new Set<number>()
  const waiting = [...roots]
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    if (found.has(pid)) continue
    found.add(pid)
    waiting.push(...(children.get(pid) ?? []))
  }
  return found
}
