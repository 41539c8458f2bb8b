/**
 * One frame of the demo: rays through pixels (few where the picture is calm, more where it is not), then bloom, tone
 * curve and dither. Deterministic: the same frame, size and samples give the same bytes on every machine and run.
 */
/* eslint-disable @typescript-eslint/no-non-null-assertion -- every index below is bounded by the length of its typed array */
import type { Camera, Vec3 } from './scene.ts'
import { SCENES } from './scene.ts'
import type { Tracer } from './tracer.ts'
import { createTracer } from './tracer.ts'
import { develop } from './develop.ts'

export interface FrameFormat {
  width: number
  height: number
  /** Rays per pixel, about: twice as many where the picture is lively, a quarter where it is calm. */
  samples: number
}

/** Steps of the Kronecker sequence in six dimensions (roots of x⁷ = x + 1): fills any number of samples evenly. */
const STEPS = [0.898653712629, 0.807578495221, 0.72573341297, 0.652183025944, 0.586086697578, 0.526688986701] as const

/** A lively pixel differs from a neighbour by more than this in perceived brightness (0–1). */
const LIVELY = 0.025

/**
 * A function that renders the named scene at a phase (0–1) of its loop: RGB, 8 bits each, rows from the top. It blocks the
 * thread for about two seconds per megapixel. Make one and use it for all frames of a format (see createTracer).
 * @throws Error when no scene has that name
 */
export function createFrameRenderer(name: string, { width, height, samples }: FrameFormat): (phase: number) => Uint8Array<ArrayBuffer> {
  const sceneAt = SCENES.get(name)
  if (sceneAt === undefined) throw new Error(`no scene is called "${name}"`)
  const tracer = createTracer(sceneAt(0))
  const lens = new Float64Array(CAMERA_SLOTS)
  const shoot = createShutter(lens, width, height, tracer)
  const { rgb } = tracer
  const linear = new Float32Array(width * height * 3)
  const counts = new Uint16Array(width * height)
  const everywhere = Math.max(1, Math.round(samples / 4))
  const atEdges = samples * 2

  return (phase) => {
    const scene = sceneAt(phase)
    tracer.load(scene)
    aim(scene.camera, lens)
    linear.fill(0)
    counts.fill(0)
    expose()
    return develop(linear, width, height)
  }

  function expose(): void {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) sampleInto(x, y, 0, everywhere)
    }
    const lively = findLively(linear, everywhere, width, height)
    for (let i = 0; i < lively.length; i++) {
      if (lively[i]) sampleInto(i % width, Math.floor(i / width), everywhere, atEdges)
    }
    for (let i = 0; i < counts.length; i++) {
      const share = 1 / counts[i]!
      linear[i * 3]! *= share
      linear[i * 3 + 1]! *= share
      linear[i * 3 + 2]! *= share
    }
  }

  function sampleInto(x: number, y: number, first: number, end: number): void {
    const at = y * width + x
    for (let n = first; n < end; n++) {
      shoot(x, y, n)
      // One very bright ray must not leave a speck: cap what a single sample may bring.
      linear[at * 3]! += Math.min(rgb[0]!, 12)
      linear[at * 3 + 1]! += Math.min(rgb[1]!, 12)
      linear[at * 3 + 2]! += Math.min(rgb[2]!, 12)
    }
    counts[at]! += end - first
  }
}

/** Marks pixels that need more rays: those that differ from a neighbour in brightness as an eye sees it, and their surroundings. */
function findLively(linear: Float32Array, samples: number, width: number, height: number): Uint8Array {
  const light = new Float32Array(width * height)
  for (let i = 0; i < light.length; i++) {
    const y = (0.2126 * linear[i * 3]! + 0.7152 * linear[i * 3 + 1]! + 0.0722 * linear[i * 3 + 2]!) / samples
    light[i] = Math.sqrt(y / (1 + y))
  }
  const marked = new Uint8Array(light.length)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x
      if (x + 1 < width && Math.abs(light[i]! - light[i + 1]!) > LIVELY) marked.fill(1, Math.max(0, i - 1), i + 3)
      if (y + 1 < height && Math.abs(light[i]! - light[i + width]!) > LIVELY) {
        for (let row = Math.max(0, y - 1); row < Math.min(height, y + 3); row++) marked[row * width + x] = 1
      }
    }
  }
  return marked
}

/** Slots of the camera: eye, forward, right, up, half height of the view at distance 1, aperture, focus distance. */
const CAMERA_SLOTS = 15

function aim(camera: Camera, lens: Float64Array): void {
  const eye = camera.position
  const [fx, fy, fz] = normalised([camera.target[0] - eye[0], camera.target[1] - eye[1], camera.target[2] - eye[2]])
  const [rx, , rz] = normalised([-fz, 0, fx])
  lens.set([
    ...eye,
    fx,
    fy,
    fz,
    rx,
    0,
    rz,
    -rz * fy,
    rz * fx - rx * fz,
    rx * fy,
    Math.tan(camera.fieldOfView / 2),
    camera.aperture,
    camera.focusDistance,
  ])
}

function normalised([x, y, z]: Vec3): Vec3 {
  const length = Math.hypot(x, y, z)
  return [x / length, y / length, z / length]
}

/** A function that follows ray number `n` of pixel (x, y); rays of a pixel spread over pixel, lens and light. */
function createShutter(lens: Float64Array, width: number, height: number, tracer: Tracer) {
  const { ray, lightPoint } = tracer
  const aspect = width / height
  const [s0, s1, s2, s3, s4, s5] = STEPS

  return (x: number, y: number, n: number): void => {
    // The offset differs from pixel to pixel so that what noise is left looks like grain, not like a pattern.
    let hash = Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca6b)
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
    hash ^= hash >>> 12
    const a = (hash & 0xffff) / 65536
    const b = (hash >>> 16) / 65536
    const half = lens[12]!
    const sx = (((x + fraction(0.5 + n * s0)) / width) * 2 - 1) * half * aspect
    const sy = (1 - ((y + fraction(0.5 + n * s1)) / height) * 2) * half
    const turn = fraction(a + n * s2) * 2 * Math.PI
    // A calm pixel has only this first ray: straight through the middle it is free of noise.
    const off = n === 0 ? 0 : lens[13]! * Math.sqrt(fraction(b + n * s3))
    const lx = off * Math.cos(turn)
    const ly = off * Math.sin(turn)
    const focus = lens[14]!
    let square = 0
    for (let axis = 0; axis < 3; axis++) {
      const right = lens[6 + axis]!
      const up = lens[9 + axis]!
      const shift = lx * right + ly * up
      const direction = (lens[3 + axis]! + sx * right + sy * up) * focus - shift
      ray[axis] = lens[axis]! + shift
      ray[3 + axis] = direction
      square += direction * direction
    }
    const inverse = 1 / Math.sqrt(square)
    ray[3]! *= inverse
    ray[4]! *= inverse
    ray[5]! *= inverse
    lightPoint[0] = n === 0 ? 0.5 : fraction(a + b + n * s4)
    lightPoint[1] = n === 0 ? 0.5 : fraction(a + n * s5)
    tracer.follow()
  }
}

/** The part behind the point; far quicker than `% 1`. */
function fraction(x: number): number {
  return x - Math.floor(x)
}
