/** Small pictures that stand for rendered frames: hills under a sun that moves with the frame. */
import sharp from 'sharp'
import { dice } from './dice.ts'

const WIDTH = 320
const HEIGHT = 180

export interface Picture {
  /** What lies in the output folder. */
  png: Buffer
  /** Its preview, small and large. */
  jpeg: Buffer
  width: number
  height: number
}

/** @param name of the job: its colours @param black nothing but black, as a render whose light is missing */
export async function paint(name: string, frame: number, black: boolean): Promise<Picture> {
  const raw = black ? Buffer.alloc(WIDTH * HEIGHT * 3) : landscape(name, frame)
  const image = () => sharp(raw, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
  const [png, jpeg] = await Promise.all([image().png({ compressionLevel: 1 }).toBuffer(), image().jpeg({ quality: 80 }).toBuffer()])
  return { png, jpeg, width: WIDTH, height: HEIGHT }
}

type Colour = readonly [number, number, number]

function landscape(name: string, frame: number): Buffer {
  const hue = dice(name)
  const [top, bottom, far, near] = [colour(hue, 0.16), colour(hue + 0.08, 0.72), colour(hue, 0.34), colour(hue, 0.13)]
  const angle = ((frame % 60) / 60) * Math.PI
  const sunX = WIDTH * (0.1 + (0.8 * (frame % 60)) / 60)
  const sunY = HEIGHT * (0.62 - 0.42 * Math.sin(angle))
  const pixels = Buffer.alloc(WIDTH * HEIGHT * 3)
  for (let x = 0; x < WIDTH; x++) {
    const farY = HEIGHT * (0.66 + 0.05 * Math.sin(x / 31 + hue * 9) + 0.03 * Math.sin(x / 13))
    const nearY = HEIGHT * (0.8 + 0.06 * Math.sin(x / 47 + hue * 5 + 1))
    for (let y = 0; y < HEIGHT; y++) {
      const inSun = (x - sunX) ** 2 + (y - sunY) ** 2 < 90
      const sky: Colour = inSun ? [255, 236, 190] : mix(top, bottom, y / HEIGHT)
      const [r, g, b] = y > nearY ? near : y > farY ? far : sky
      const at = (y * WIDTH + x) * 3
      pixels[at] = r
      pixels[at + 1] = g
      pixels[at + 2] = b
    }
  }
  return pixels
}

function mix(a: Colour, b: Colour, share: number): Colour {
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share]
}

function colour(hue: number, light: number): Colour {
  const part = (shift: number) => 255 * light * (0.62 + 0.38 * Math.cos((hue + shift) * 2 * Math.PI))
  return [part(0), part(0.67), part(0.33)]
}
