/** Whether two files show the same picture, pixel by pixel: two renders of one frame differ in dates, and on other processors in the last bit. */
import { spawn } from 'node:child_process'
import { open, stat } from 'node:fs/promises'
import { breather } from './breathe.ts'
import { ByteReader } from './byteReader.ts'
import { readExrHeader } from './exr/header.ts'
import { pictureLayer } from './exr/layers.ts'
import { helperEnvironment } from './ffmpeg.ts'
import { sniff } from './sniff.ts'
import { hashFile } from '../system/hashFile.ts'

/** Of 255: what rounding and dithering change. */
const NOISE = 2
/** One sample of so many may differ by more: a lamp's noise that a processor computes a little differently. */
const ODD_SAMPLES = 10_000
/** Larger pictures are not compared. */
const MAX_BYTES = 512 * 1024 * 1024
const SLICE_BYTES = 8 * 1024 * 1024
const DECODE_MS = 120_000

interface Pixels {
  width: number
  height: number
  channels: number
  data: Uint8Array
}

/**
 * Undefined when it is unknown: a file is missing or cannot be decoded here, or is too large.
 * @throws the signal's reason
 */
export async function isSamePicture(
  one: string,
  other: string,
  options: { ffmpeg?: string | undefined; signal?: AbortSignal } = {},
): Promise<boolean | undefined> {
  try {
    // Formats without dates and the like come out byte for byte, also those that nothing here decodes.
    if (await isSameFile(one, other, options.signal)) return true
    const a = await pixelsOf(one, options)
    options.signal?.throwIfAborted()
    const b = await pixelsOf(other, options)
    options.signal?.throwIfAborted()
    if (a === undefined || b === undefined) return undefined
    return await samePixels(a, b)
  } catch {
    options.signal?.throwIfAborted()
    return undefined
  }
}

async function isSameFile(one: string, other: string, signal: AbortSignal | undefined): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one), stat(other)])
  if (a.size !== b.size || a.size === 0) return false
  const [first, second] = await Promise.all([hashFile(one, signal), hashFile(other, signal)])
  return first === second
}

/** Whether the samples (8 bits each) are the same but for noise. */
export async function samePixels(a: Pixels, b: Pixels): Promise<boolean> {
  if (a.width !== b.width || a.height !== b.height || a.channels !== b.channels || a.data.length !== b.data.length) return false
  const allowed = Math.floor(a.data.length / ODD_SAMPLES)
  const rest = breather()
  let odd = 0
  for (let from = 0; from < a.data.length; from += SLICE_BYTES) {
    odd += oddSamples(a.data, b.data, from, Math.min(a.data.length, from + SLICE_BYTES))
    if (odd > allowed) return false
    await rest()
  }
  return true
}

function oddSamples(a: Uint8Array, b: Uint8Array, from: number, to: number): number {
  let odd = 0
  for (let at = from; at < to; at++) if (Math.abs((a[at] ?? 0) - (b[at] ?? 0)) > NOISE) odd++
  return odd
}

async function pixelsOf(
  path: string,
  { ffmpeg, signal }: { ffmpeg?: string | undefined; signal?: AbortSignal },
): Promise<Pixels | undefined> {
  const { default: sharp } = await import('sharp')
  sharp.cache(false)
  const isExr = sniff(await headOf(path)) === 'OpenEXR'
  const known = isExr
    ? undefined
    : await sharp(path)
        .metadata()
        .catch(() => undefined)
  const source = known === undefined ? ffmpeg && (await pngByFfmpeg(ffmpeg, path, isExr, signal)) : path
  if (!source) return undefined
  const picture = sharp(source, { failOn: 'truncated', limitInputPixels: false, unlimited: true })
  const { width, height } = await picture.metadata()
  if (width * height * 4 > MAX_BYTES) return undefined
  const { data, info } = await picture.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true })
  return { width: info.width, height: info.height, channels: info.channels, data }
}

async function headOf(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

/** What the image library does not read. Undefined when ffmpeg does not, either. */
async function pngByFfmpeg(ffmpeg: string, path: string, isExr: boolean, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
  const layer = isExr ? await layerOf(path) : undefined
  if (isExr && layer === undefined) return undefined
  // Scene light is linear; a per cent sign would make a name a pattern.
  const input = [
    ...(isExr ? ['-apply_trc', 'iec61966_2_1', ...(layer ? ['-layer', layer] : [])] : []),
    ...(path.includes('%') ? ['-pattern_type', 'none'] : []),
    ...['-i', `file:${path}`],
  ]
  const args = ['-v', 'error', '-nostdin', ...input, ...'-frames:v 1 -pix_fmt rgba -c:v png -f image2pipe -'.split(' ')]
  const child = spawn(ffmpeg, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: helperEnvironment(),
    windowsHide: true,
    signal,
    killSignal: 'SIGKILL',
    timeout: DECODE_MS,
  })
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  ended.catch(() => undefined)
  const pieces: Buffer[] = []
  for await (const piece of child.stdout) pieces.push(piece as Buffer)
  return (await ended) === 0 && pieces.length > 0 ? Buffer.concat(pieces) : undefined
}

async function layerOf(path: string): Promise<string | undefined> {
  const { parts } = await ByteReader.with(path, (reader) => readExrHeader(reader))
  return pictureLayer(parts[0]?.channels.map(({ name }) => name) ?? [])
}
