/** Graphics cards and what they do: NVIDIA's by nvidia-smi, AMD's by the files of the Linux driver. */
import { execFile } from 'node:child_process'
import { readFile, readdir } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Numbers are null where the card does not tell; `load` is 0–1, temperature in °C. */
export interface GpuFacts {
  name: string
  memoryBytes: number | null
  memoryUsed: number | null
  load: number | null
  temperature: number | null
}

const ASK_TIMEOUT_MS = 5_000
const MIB = 1024 * 1024

/** Whether nvidia-smi is there does not change while we run: asked once, then left alone. */
let hasNvidia: boolean | undefined

/** All cards found, in a stable order; empty when there are none or none can be detected. */
export async function readGpus(): Promise<GpuFacts[]> {
  const [nvidia, amd] = await Promise.all([readNvidia(), readAmd()])
  return [...nvidia, ...amd]
}

async function readNvidia(): Promise<GpuFacts[]> {
  if (hasNvidia === false) return []
  const query = '--query-gpu=name,memory.total,memory.used,utilization.gpu,temperature.gpu'
  try {
    const { stdout } = await run('nvidia-smi', [query, '--format=csv,noheader,nounits'], { timeout: ASK_TIMEOUT_MS, windowsHide: true })
    hasNvidia = true
    return parseNvidia(stdout)
  } catch (error) {
    if (hasNvidia === undefined && error instanceof Error && 'code' in error && error.code === 'ENOENT') hasNvidia = false
    return []
  }
}

/** One card a line: name, MiB, MiB, per cent, °C; `[N/A]` where a card does not tell. */
export function parseNvidia(text: string): GpuFacts[] {
  return text
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter((fields) => fields.length >= 5 && fields[0] !== '')
    .map(([name = '', total, used, load, temperature]) => ({
      name,
      memoryBytes: scaled(total, MIB),
      memoryUsed: scaled(used, MIB),
      load: scaled(load, 0.01),
      temperature: scaled(temperature, 1),
    }))
}

function scaled(text: string | undefined, by: number): number | null {
  const value = text === undefined || text === '' ? Number.NaN : Number(text)
  return Number.isFinite(value) ? value * by : null
}

const DRM = '/sys/class/drm'
const AMD_VENDOR = '0x1002'

async function readAmd(): Promise<GpuFacts[]> {
  if (process.platform !== 'linux') return []
  const names = (await readdir(DRM).catch(() => [])).filter((name) => /^card\d+$/.test(name)).toSorted()
  const cards = await Promise.all(names.map((name) => readAmdCard(`${DRM}/${name}/device`)))
  return cards.filter((card) => card !== undefined)
}

async function readAmdCard(folder: string): Promise<GpuFacts | undefined> {
  const text = async (file: string) => (await readFile(`${folder}/${file}`, 'utf8').catch(() => '')).trim()
  if ((await text('vendor')) !== AMD_VENDOR) return undefined
  const [product, device, total, used, busy] = await Promise.all(
    ['product_name', 'device', 'mem_info_vram_total', 'mem_info_vram_used', 'gpu_busy_percent'].map(text),
  )
  return {
    name: product || `AMD GPU ${device}`,
    memoryBytes: scaled(total, 1),
    memoryUsed: scaled(used, 1),
    load: scaled(busy, 0.01),
    temperature: null,
  }
}
