/** The light of EXR and Radiance pictures, read by ffmpeg and packed for the GUI: see shared/pictures/sceneLight.ts. */
import { extname } from 'node:path'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import { LIGHT_MAGIC, MAX_LIGHT_BYTES, toHalf, type LightHeader } from '../../../../shared/pictures/sceneLight.ts'
import type { ToolSettings } from '../../contract/commands.ts'
import { colourLayers, readExrChannels } from './exrHeader.ts'
import { findProgram } from '../find.ts'
import { runHelper } from '../process/runHelper.ts'

const WITH_LIGHT = new Set(['.exr', '.hdr'])
/** Pictures are shrunk to about so many pixels; several layers share what one may have. */
const MAX_PIXELS = 960 * 640
const MAX_LAYERS = 6

/** A decoded layer: planes of linear numbers. */
export interface FloatPicture {
  width: number
  height: number
  /** R, G, B, or these and A, or Y alone. */
  channels: string[]
  planes: Float32Array[]
}

/** Undefined when the format holds none, or nothing on this machine can read it: the other previews do without. */
export async function makeSceneLight(path: string, tools: ToolSettings): Promise<Buffer | undefined> {
  const ending = extname(path).toLowerCase()
  const ffmpeg = WITH_LIGHT.has(ending) ? findProgram('ffmpeg', tools) : undefined
  if (ffmpeg === undefined) return undefined
  const names = ending === '.exr' ? colourLayers((await readExrChannels(path)) ?? []).slice(0, MAX_LAYERS) : ['']
  const layers: { name: string; picture: FloatPicture }[] = []
  for (const name of names) {
    try {
      const picture = await readLayer(ffmpeg, path, name)
      layers.push({ name, picture: shrink(picture, MAX_PIXELS / names.length) })
    } catch {
      // A layer that ffmpeg cannot read (another size, another type) is left out.
    }
  }
  const packed = layers.length > 0 ? await packLight(layers) : undefined
  return packed && packed.length <= MAX_LIGHT_BYTES ? packed : undefined
}

/** ffmpeg's float formats in its order of planes. No filter and no other format: they would clip what is brighter than white. */
const FORMATS: Record<string, string[]> = { gbrpf32le: ['G', 'B', 'R'], gbrapf32le: ['G', 'B', 'R', 'A'], grayf32le: ['Y'] }

async function readLayer(ffmpeg: string, path: string, layer: string): Promise<FloatPicture> {
  const input = [...(layer === '' ? [] : ['-layer', layer]), ...(path.includes('%') ? ['-pattern_type', 'none'] : [])]
  const { stdout, stderr } = await runHelper(ffmpeg, [
    '-hide_banner',
    '-nostdin',
    ...input,
    '-i',
    `file:${path}`,
    '-frames:v',
    '1',
    '-f',
    'rawvideo',
    '-',
  ])
  const [, format = '', width = '0', height = '0'] = /Video: \w+.*?, (\w+f32le)\b.*?, (\d+)x(\d+)/.exec(stderr) ?? []
  const order = FORMATS[format]
  if (!order) throw new Error('ffmpeg decodes it to no float format')
  const size = Number(width) * Number(height)
  if (size === 0 || stdout.length < size * order.length * 4) throw new Error('ffmpeg gave less than the picture')
  const whole = new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + size * order.length * 4))
  const channels = order.length === 1 ? order : ['R', 'G', 'B', ...(order.length === 4 ? ['A'] : [])]
  const planes = channels.map((channel) => {
    const at = order.indexOf(channel)
    return whole.subarray(at * size, (at + 1) * size)
  })
  return { width: Number(width), height: Number(height), channels, planes }
}

/** By a whole factor, averaging: linear light may be added. */
export function shrink(picture: FloatPicture, maxPixels: number): FloatPicture {
  const factor = Math.ceil(Math.sqrt((picture.width * picture.height) / maxPixels))
  if (factor <= 1) return picture
  const width = Math.max(1, Math.floor(picture.width / factor))
  const height = Math.max(1, Math.floor(picture.height / factor))
  const planes = picture.planes.map((plane) => {
    const small = new Float32Array(width * height)
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0
        for (let dy = 0; dy < factor; dy++) {
          const row = (y * factor + dy) * picture.width + x * factor
          for (let dx = 0; dx < factor; dx++) sum += plane[row + dx] ?? 0
        }
        small[y * width + x] = sum / (factor * factor)
      }
    }
    return small
  })
  return { width, height, channels: picture.channels, planes }
}

/** Layers of the first one's size, in the format of shared/pictures/sceneLight.ts. */
export async function packLight(layers: readonly { name: string; picture: FloatPicture }[]): Promise<Buffer> {
  const first = layers[0]?.picture
  if (!first) throw new Error('there is no layer')
  const { width, height } = first
  const same = layers.filter(({ picture }) => picture.width === width && picture.height === height)
  const header: LightHeader = { width, height, layers: same.map(({ name, picture }) => ({ name, channels: picture.channels })) }
  const size = width * height
  const planes = same.flatMap(({ picture }) => picture.planes)
  const body = Buffer.alloc(planes.length * size * 2)
  planes.forEach((plane, index) => {
    const at = index * size * 2
    for (let i = 0; i < size; i++) {
      const half = toHalf(plane[i] ?? 0)
      body[at + i] = half & 0xff
      body[at + size + i] = half >>> 8
    }
  })
  const text = Buffer.from(JSON.stringify(header))
  const head = Buffer.alloc(8)
  head.write(LIGHT_MAGIC, 0, 'latin1')
  head.writeUInt32LE(text.length, 4)
  return Buffer.concat([head, text, await promisify(deflate)(body, { level: 4 })])
}
