/** Names of graphics cards where only the system knows them: macOS and Windows. Slow (a second), so asked once. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { GpuFacts } from './gpus.ts'

const run = promisify(execFile)

const ASK_TIMEOUT_MS = 20_000
const WINDOWS_QUERY = 'Get-CimInstance Win32_VideoController | Select-Object Name,AdapterRAM | ConvertTo-Json -Compress'

/** Cards by name; empty where the system does not tell, and on Linux. */
export async function readDisplayGpus(platform: NodeJS.Platform = process.platform): Promise<GpuFacts[]> {
  const options = { timeout: ASK_TIMEOUT_MS, windowsHide: true, maxBuffer: 4 * 1024 * 1024 }
  try {
    if (platform === 'darwin') return parseMacDisplays((await run('system_profiler', ['SPDisplaysDataType', '-json'], options)).stdout)
    if (platform !== 'win32') return []
    return parseWindowsDisplays((await run('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', WINDOWS_QUERY], options)).stdout)
  } catch {
    return []
  }
}

/** `system_profiler SPDisplaysDataType -json`. @throws SyntaxError */
export function parseMacDisplays(text: string): GpuFacts[] {
  return entries(field(JSON.parse(text), 'SPDisplaysDataType')).flatMap((card) => named(field(card, 'sppci_model'), null))
}

/** One object, or a list of them. Windows counts memory in 32 bits: 4 GiB and more is not reported. @throws SyntaxError */
export function parseWindowsDisplays(text: string): GpuFacts[] {
  const answer: unknown = JSON.parse(text)
  return (Array.isArray(answer) ? entries(answer) : [answer]).flatMap((card) => {
    const bytes = field(card, 'AdapterRAM')
    return named(field(card, 'Name'), typeof bytes === 'number' && bytes > 0 && bytes < 0xff00_0000 ? bytes : null)
  })
}

function named(name: unknown, memoryBytes: number | null): GpuFacts[] {
  if (typeof name !== 'string' || name === '') return []
  return [{ name, memoryBytes, memoryUsed: null, load: null, temperature: null }]
}

function entries(value: unknown): unknown[] {
  return Array.isArray(value) ? value : []
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
