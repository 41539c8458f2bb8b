/** From linear half floats to what a screen shows: exposure, channel, the sRGB curve. Pure; one table look-up a sample. */
import { fromHalf } from '../../../shared/pictures/sceneLight.ts'

export const CHANNELS = ['rgb', 'r', 'g', 'b', 'luma', 'a'] as const
export type Channel = (typeof CHANNELS)[number]

export interface LightLayer {
  name: string
  channels: string[]
  planes: Uint16Array[]
}
export interface Light {
  width: number
  height: number
  layers: LightLayer[]
}
export interface Look {
  layer: number
  channel: Channel
  /** In stops: +1 doubles the light. */
  exposure: number
}
export const PLAIN_LOOK: Look = { layer: 0, channel: 'rgb', exposure: 0 }
export const isPlain = (look: Look) => look.layer === 0 && look.channel === 'rgb' && look.exposure === 0

function toScreen(linear: number): number {
  if (!(linear > 0)) return 0
  if (linear >= 1) return 255
  return Math.round(255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055))
}

/** Every half float's number, made once. */
let numbers: Float32Array | undefined
function halfNumbers(): Float32Array {
  numbers ??= Float32Array.from({ length: 65_536 }, (_, half) => fromHalf(half))
  return numbers
}

const tables = new Map<number, Uint8ClampedArray>()
/** Half float → byte of the screen, at an exposure. */
function screenTable(exposure: number): Uint8ClampedArray {
  const known = tables.get(exposure)
  if (known) return known
  const gain = 2 ** exposure
  const table = new Uint8ClampedArray(65_536)
  const values = halfNumbers()
  for (let half = 0; half < 65_536; half++) table[half] = toScreen((values[half] ?? 0) * gain)
  // The last few: a slider that is dragged makes many.
  if (tables.size > 8) tables.clear()
  tables.set(exposure, table)
  return table
}

/** RGBA bytes of the picture, opaque. A channel that the layer lacks is black. */
export function toneMap(light: Light, look: Look): Uint8ClampedArray<ArrayBuffer> {
  const size = light.width * light.height
  const pixels = new Uint8ClampedArray(size * 4)
  const layer = light.layers[look.layer] ?? light.layers[0]
  if (!layer) return pixels
  const plane = (channel: string) => layer.planes[layer.channels.indexOf(channel)] ?? layer.planes[layer.channels.indexOf('Y')]
  const [red, green, blue] = [plane('R'), plane('G'), plane('B')]
  const table = screenTable(look.exposure)
  if (look.channel === 'a') {
    // Coverage is no light: neither exposed nor curved.
    const alpha = layer.planes[layer.channels.indexOf('A')]
    const values = halfNumbers()
    for (let i = 0; i < size; i++) setGrey(pixels, i, alpha ? 255 * (values[alpha[i] ?? 0] ?? 0) : 0)
  } else if (look.channel === 'luma') {
    const values = halfNumbers()
    const gain = 2 ** look.exposure
    for (let i = 0; i < size; i++) {
      const luma = 0.2126 * (values[red?.[i] ?? 0] ?? 0) + 0.7152 * (values[green?.[i] ?? 0] ?? 0) + 0.0722 * (values[blue?.[i] ?? 0] ?? 0)
      setGrey(pixels, i, toScreen(luma * gain))
    }
  } else if (look.channel === 'rgb') {
    for (let i = 0; i < size; i++) {
      pixels[i * 4] = table[red?.[i] ?? 0] ?? 0
      pixels[i * 4 + 1] = table[green?.[i] ?? 0] ?? 0
      pixels[i * 4 + 2] = table[blue?.[i] ?? 0] ?? 0
      pixels[i * 4 + 3] = 255
    }
  } else {
    const one = look.channel === 'r' ? red : look.channel === 'g' ? green : blue
    for (let i = 0; i < size; i++) setGrey(pixels, i, table[one?.[i] ?? 0] ?? 0)
  }
  return pixels
}

function setGrey(pixels: Uint8ClampedArray, at: number, value: number): void {
  pixels[at * 4] = pixels[at * 4 + 1] = pixels[at * 4 + 2] = value
  pixels[at * 4 + 3] = 255
}

/** The numbers of one pixel, `[['R', 0.81], …]`; empty outside of the picture. */
export function probeLight(light: Light, layer: number, x: number, y: number): [string, number][] {
  if (x < 0 || y < 0 || x >= light.width || y >= light.height) return []
  const at = y * light.width + x
  return (light.layers[layer]?.channels ?? []).map((channel, index) => [channel, fromHalf(light.layers[layer]?.planes[index]?.[at] ?? 0)])
}
