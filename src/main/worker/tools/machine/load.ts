/** What the machine does just now: CPU, memory, GPUs, room on the disk. Cheap enough for every heartbeat. */
import { execFile } from 'node:child_process'
import { readFile, statfs } from 'node:fs/promises'
import { cpus, freemem, totalmem } from 'node:os'
import { promisify } from 'node:util'
import type { Load } from '../../../../shared/schemas/worker.ts'
import type { LoadSampler } from '../../contract/commands.ts'
import { readGpus } from './gpus.ts'

const run = promisify(execFile)
const ASK_TIMEOUT_MS = 5_000

/** Time that CPUs have spent since the start, in any one unit. */
export interface CpuTimes {
  busy: number
  total: number
}

/** Share of the CPUs in use between two readings, 0–1; null when no time has passed. */
export function cpuShare(before: CpuTimes, after: CpuTimes): number | null {
  const total = after.total - before.total
  if (!(total > 0)) return null
  return Math.min(1, Math.max(0, (after.busy - before.busy) / total))
}

/** nvidia-smi takes a few hundredths of a second of a CPU: not with every heartbeat. */
const GPU_EVERY_MS = 10_000

export interface LoadOptions {
  /** A folder on the disk whose free space is reported: the worker's data folder. */
  folder: string
  now?: () => number
}

/** A sampler; its first sample covers the time since it was made. */
export function createLoadSampler({ folder, now = Date.now }: LoadOptions): LoadSampler {
  let before = readCpuTimes()
  let gpus: Load['gpus'] = []
  let gpusAt = Number.NEGATIVE_INFINITY
  return {
    async sample() {
      const after = readCpuTimes()
      const cpu = cpuShare(before, after)
      before = after
      if (now() - gpusAt >= GPU_EVERY_MS) {
        gpusAt = now()
        gpus = (await readGpus()).map(({ load, memoryUsed, temperature }) => ({ load, memoryUsed, temperature }))
      }
      const [memoryUsed, diskFree] = await Promise.all([readMemoryUsed(), readDiskFree(folder)])
      return { cpu, memoryUsed, memoryTotal: totalmem(), gpus, diskFree }
    },
  }
}

function readCpuTimes(): CpuTimes {
  const times: CpuTimes = { busy: 0, total: 0 }
  for (const {
    times: { user, nice, sys, idle, irq },
  } of cpus()) {
    times.busy += user + nice + sys + irq
    times.total += user + nice + sys + irq + idle
  }
  return times
}

/** Linux and macOS count their file cache as used; what programs could still have is "available". */
async function readMemoryUsed(): Promise<number> {
  if (process.platform === 'darwin') {
    const { stdout } = await run('vm_stat', [], { timeout: ASK_TIMEOUT_MS }).catch(() => ({ stdout: '' }))
    const available = parseVmStat(stdout)
    if (available !== undefined) return totalmem() - available
  }
  if (process.platform === 'linux') {
    const text = await readFile('/proc/meminfo', 'utf8').catch(() => '')
    const available = /^MemAvailable:\s+(\d+) kB/m.exec(text)?.[1]
    if (available !== undefined) return totalmem() - Number(available) * 1024
  }
  return totalmem() - freemem()
}

/** Memory that macOS could give to programs immediately, in bytes: free pages, and those of unused files and caches. */
export function parseVmStat(text: string): number | undefined {
  const pageBytes = Number(/page size of (\d+) bytes/.exec(text)?.[1])
  const pages = (name: string): number => Number(new RegExp(`^Pages ${name}:\\s+(\\d+)\\.?$`, 'm').exec(text)?.[1] ?? Number.NaN)
  const available = (pages('free') + pages('inactive') + pages('speculative')) * pageBytes
  return Number.isFinite(available) ? available : undefined
}

async function readDiskFree(folder: string): Promise<number | null> {
  const disk = await statfs(folder).catch(() => undefined)
  return disk === undefined ? null : disk.bavail * disk.bsize
}
