/* eslint-disable @typescript-eslint/no-non-null-assertion -- every index below is bounded by the length of its typed array */
/**
 * Where rays of the demo ray tracer end: the scene as typed arrays, what a ray meets first, and how much of the key
 * light reaches a point. Everything in the hot path lives in typed arrays, also the stack of rays: V8 boxes every number
 * that it passes to a function it does not inline, and that garbage made the first version three times slower.
 */
import type { Scene, SoftBox, Vec3 } from './scene.ts'

/** So far off a surface a ray starts that leaves it. */
export const EPSILON = 1e-4
const FAR = 1e9

export const COATED = 0
export const METAL = 1
export const GLASS = 2
export const GLOW = 3
const SURFACES = { coated: COATED, metal: METAL, glass: GLASS, glow: GLOW } as const

/** Ids of what a ray may meet; spheres count from 0, cylinders follow. */
export const FLOOR_ID = -2
export const NOTHING = -1

/** Slots of one level of the ray stack: origin, direction, roughness picked up, hit point, normal, distance. */
export const LEVEL = 16
export const DX = 3
export const ROUGH = 6
export const PX = 7
export const NX = 10
export const DISTANCE = 13

/** Slots of one softbox: corner, u, v, normal, colour, 1/|u|², 1/|v|², brightness mirrored, power, centre. */
export const BOX = 22

/** Slots of a shadow query: the point it starts from, scratch, and the answer. */
export const SHADOW_SLOTS = 8
export const SHADOW_SHARE = 7

/** 0 before `from`, 1 after `to`, smooth between; `from` may be the larger one. */
export function smooth(from: number, to: number, x: number): number {
  const share = (x - from) / (to - from)
  const t = share < 0 ? 0 : share > 1 ? 1 : share
  return t * t * (3 - 2 * t)
}

function flattenBox({ corner, u, v, colour, mirrored, power }: SoftBox): number[] {
  const n: Vec3 = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]]
  const area = Math.hypot(...n)
  const centre = [0, 1, 2].map((axis) => corner[axis]! + (u[axis]! + v[axis]!) / 2)
  return [
    ...corner,
    ...u,
    ...v,
    n[0] / area,
    n[1] / area,
    n[2] / area,
    ...colour,
    1 / (u[0] ** 2 + u[1] ** 2 + u[2] ** 2),
    1 / (v[0] ** 2 + v[1] ** 2 + v[2] ** 2),
    mirrored,
    power,
    ...centre,
  ]
}

/**
 * The geometry of scenes with as many objects as `sample` has; `load` switches to another moment. Rays are in `stack`,
 * shadow queries in `shadow`, the point of the key light that cylinders are tested against in `lightPoint`.
 * @throws Error when the scene has no key light
 */
export function createGeometry(sample: Scene, stack: Float64Array, lightPoint: Float64Array, shadow: Float64Array) {
  if (sample.softBoxes.length === 0) throw new Error('a scene needs a key light')
  const single = sample.spheres.length
  const sphereCount = single + sample.swarm.spheres.length
  const sx = new Float64Array(sphereCount)
  const sy = new Float64Array(sphereCount)
  const sz = new Float64Array(sphereCount)
  const sr = new Float64Array(sphereCount)
  const sr2 = new Float64Array(sphereCount)
  /** Centre of the swarm, its radius and the square of it. */
  const swarm = new Float64Array(5)
  /** Only spheres of some size darken what is near them; small ones would cost more than they show. */
  const occluders = Int32Array.from(
    sample.spheres.flatMap((sphere, index) => (sphere.radius >= 0.15 && sphere.material.surface !== 'glow' ? [index] : [])),
  )
  const cylinderCount = sample.cylinders.length
  const cx = new Float64Array(cylinderCount)
  const cy = new Float64Array(cylinderCount)
  const cz = new Float64Array(cylinderCount)
  const cr = new Float64Array(cylinderCount)
  const ctop = new Float64Array(cylinderCount)

  const floor = sphereCount + cylinderCount
  const surfaces = new Uint8Array(floor + 1)
  const rough = new Float64Array(floor + 1)
  const red = new Float64Array(floor + 1)
  const green = new Float64Array(floor + 1)
  const blue = new Float64Array(floor + 1)

  const boxCount = sample.softBoxes.length
  const boxes = new Float64Array(boxCount * BOX)
  /** Result of meetCylinder. */
  const met = new Float64Array(1)
  load(sample)

  function load(scene: Scene): void {
    // The swarm comes last, inside a sphere of its own: most rays miss that one and skip the rest.
    const spheres = [...scene.spheres, ...scene.swarm.spheres]
    if (spheres.length !== sphereCount || scene.cylinders.length !== cylinderCount || scene.softBoxes.length !== boxCount) {
      throw new Error('this tracer was made for a scene with other numbers of objects')
    }
    for (const [i, { centre, radius }] of spheres.entries()) {
      sx[i] = centre[0]
      sy[i] = centre[1]
      sz[i] = centre[2]
      sr[i] = radius
      sr2[i] = radius * radius
    }
    swarm.set([...scene.swarm.centre, scene.swarm.radius, scene.swarm.radius ** 2])
    for (const [i, { centre, radius, height }] of scene.cylinders.entries()) {
      cx[i] = centre[0]
      cy[i] = centre[1]
      cz[i] = centre[2]
      cr[i] = radius
      ctop[i] = centre[1] + height
    }
    const materials = [...spheres.map((s) => s.material), ...scene.cylinders.map((c) => c.material), scene.floor]
    for (const [i, { surface, roughness, colour }] of materials.entries()) {
      surfaces[i] = SURFACES[surface]
      rough[i] = roughness
      red[i] = colour[0]
      green[i] = colour[1]
      blue[i] = colour[2]
    }
    for (const [i, box] of scene.softBoxes.entries()) boxes.set(flattenBox(box), i * BOX)
  }

  /** Nearest object along the ray of `level`: its id; the distance goes to the stack. */
  function nearest(level: number): number {
    const at = level * LEVEL
    const ox = stack[at]!
    const oy = stack[at + 1]!
    const oz = stack[at + 2]!
    const dx = stack[at + 3]!
    const dy = stack[at + 4]!
    const dz = stack[at + 5]!
    let best = FAR
    let id = NOTHING
    if (dy < -1e-9) {
      const d = -oy / dy
      if (d > EPSILON) {
        best = d
        id = FLOOR_ID
      }
    }
    const mx = swarm[0]! - ox
    const my = swarm[1]! - oy
    const mz = swarm[2]! - oz
    const mAlong = mx * dx + my * dy + mz * dz
    const mSquare = mx * mx + my * my + mz * mz
    const end = mSquare - mAlong * mAlong < swarm[4]! && (mAlong > 0 || mSquare < swarm[4]!) ? sphereCount : single
    for (let i = 0; i < end; i++) {
      const px = sx[i]! - ox
      const py = sy[i]! - oy
      const pz = sz[i]! - oz
      const along = px * dx + py * dy + pz * dz
      const off = sr2[i]! - (px * px + py * py + pz * pz - along * along)
      if (off < 0) continue
      const half = Math.sqrt(off)
      let d = along - half
      if (d < EPSILON) d = along + half
      if (d > EPSILON && d < best) {
        best = d
        id = i
      }
    }
    for (let i = 0; i < cylinderCount; i++) {
      meetCylinder(i, stack, at)
      const d = met[0]!
      if (d > EPSILON && d < best) {
        best = d
        id = sphereCount + i
      }
    }
    stack[at + DISTANCE] = best
    return id
  }

  /** Distance to an upright solid cylinder from outside, or 0, into `met`; the ray is in `from` at `at`. */
  function meetCylinder(i: number, from: Float64Array, at: number): void {
    met[0] = 0
    const oy = from[at + 1]!
    const dy = from[at + 4]!
    const top = ctop[i]!
    if (oy > top && dy >= 0) return
    const px = from[at]! - cx[i]!
    const pz = from[at + 2]! - cz[i]!
    const dx = from[at + 3]!
    const dz = from[at + 5]!
    const square = cr[i]! * cr[i]!
    if (oy > top) {
      const d = (top - oy) / dy
      const hx = px + d * dx
      const hz = pz + d * dz
      if (hx * hx + hz * hz <= square) {
        met[0] = d
        return
      }
    }
    const a = dx * dx + dz * dz
    const b = px * dx + pz * dz
    const inside = b * b - a * (px * px + pz * pz - square)
    if (inside <= 0 || a < 1e-12) return
    const d = (-b - Math.sqrt(inside)) / a
    const y = oy + d * dy
    if (d > EPSILON && y >= cy[i]! && y <= top) met[0] = d
  }

  /**
   * Share of the key light that reaches the point in `shadow`, into shadow[SHADOW_SHARE]. Spheres take light away by how much of the
   * light's disc they cover, which needs no sampling and so makes no noise; cylinders by one sampled ray.
   * Glass lets light pass and gathers what goes through its middle: a painter's caustic, not a simulated one.
   */
  function lightThrough(self: number): void {
    const ox = shadow[0]!
    const oy = shadow[1]!
    const oz = shadow[2]!
    let dx = boxes[19]! - ox
    let dy = boxes[20]! - oy
    let dz = boxes[21]! - oz
    const far = Math.sqrt(dx * dx + dy * dy + dz * dz)
    dx /= far
    dy /= far
    dz /= far
    // Seen as a disc as large as the softbox.
    const widening = Math.sqrt(1 / Math.sqrt(boxes[15]! * boxes[16]!) / Math.PI) / far
    let share = 1
    const mx = swarm[0]! - ox
    const my = swarm[1]! - oy
    const mz = swarm[2]! - oz
    const mAlong = mx * dx + my * dy + mz * dz
    const mReach = swarm[3]! + widening * Math.max(0, mAlong)
    const end = mx * mx + my * my + mz * mz - mAlong * mAlong < mReach * mReach ? sphereCount : single
    for (let i = 0; i < end; i++) {
      if (i === self) continue
      const px = sx[i]! - ox
      const py = sy[i]! - oy
      const pz = sz[i]! - oz
      const along = px * dx + py * dy + pz * dz
      if (along <= 0 || along > far) continue
      const off2 = px * px + py * py + pz * pz - along * along
      const radius = sr[i]!
      const blur = along * widening
      const reach = radius + blur
      if (off2 >= reach * reach) continue
      const off = off2 > 0 ? Math.sqrt(off2) : 0
      const surface = surfaces[i]!
      if (surface === GLASS) {
        const edge = off / (radius + 0.3 * blur)
        share *= 1 - 0.62 * smooth(reach, radius * 0.8, off) + 2.6 * smooth(0.42, 0, edge)
      } else {
        const most = radius < blur ? (radius * radius) / (blur * blur) : 1
        share *= 1 - most * (surface === GLOW ? 0.2 : 1) * smooth(reach, Math.abs(radius - blur), off)
      }
    }
    if (share > 0) {
      dx = boxes[0]! + lightPoint[0]! * boxes[3]! + lightPoint[1]! * boxes[6]! - ox
      dy = boxes[1]! + lightPoint[0]! * boxes[4]! + lightPoint[1]! * boxes[7]! - oy
      dz = boxes[2]! + lightPoint[0]! * boxes[5]! + lightPoint[1]! * boxes[8]! - oz
      const inverse = 1 / Math.sqrt(dx * dx + dy * dy + dz * dz)
      shadow[3] = dx * inverse
      shadow[4] = dy * inverse
      shadow[5] = dz * inverse
      for (let i = 0; i < cylinderCount; i++) {
        if (sphereCount + i === self) continue
        meetCylinder(i, shadow, 0)
        if (met[0]! > EPSILON) share = 0
      }
    }
    shadow[SHADOW_SHARE] = share
  }

  return {
    sx,
    sy,
    sz,
    sr,
    sr2,
    cx,
    cz,
    cr,
    ctop,
    sphereCount,
    floor,
    occluders,
    surfaces,
    rough,
    red,
    green,
    blue,
    boxes,
    boxCount,
    load,
    nearest,
    lightThrough,
  }
}
