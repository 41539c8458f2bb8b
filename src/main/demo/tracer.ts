/* eslint-disable @typescript-eslint/no-non-null-assertion -- every index below is bounded by the length of its typed array */
/**
 * The light transport of the demo ray tracer: what colour comes along a ray. Diffuse light is analytic where it can be
 * (occlusion by spheres, soft shadows of spheres, softboxes in reflections), so that few samples a pixel give a clean
 * picture; only the lens and the shadows of cylinders are sampled.
 */
import {
  BOX,
  DISTANCE,
  DX,
  EPSILON,
  FLOOR_ID,
  GLASS,
  GLOW,
  LEVEL,
  METAL,
  NOTHING,
  NX,
  PX,
  ROUGH,
  SHADOW_SHARE,
  SHADOW_SLOTS,
  createGeometry,
  smooth,
} from './geometry.ts'
import type { Scene } from './scene.ts'

const GLASS_INDEX = 1.5
const MAX_DEPTH = 7

export interface Tracer {
  /** The ray to follow, to be filled in: origin and direction (unit length). */
  readonly ray: Float64Array
  /** The point of the key light that shadows are looked for from, to be filled in: two numbers in [0, 1). */
  readonly lightPoint: Float64Array
  /** What `follow` found: linear RGB. */
  readonly rgb: Float64Array
  follow(): void
  /** Takes another moment of the scene. @throws Error when it has other numbers of objects */
  load(scene: Scene): void
}

function power5(x: number): number {
  const square = x * x
  return square * square * x
}

/**
 * A tracer for scenes with as many objects as `sample` has. Make one a thread and load each frame into it: V8 compiles
 * its functions for these very arrays, and would do so again for the next tracer. Not to be shared by threads.
 * @throws Error when the scene has no key light
 */
export function createTracer(sample: Scene): Tracer {
  const stack = new Float64Array((MAX_DEPTH + 2) * LEVEL)
  const lightPoint = new Float64Array(2)
  const rgb = new Float64Array(3)
  const shadow = new Float64Array(SHADOW_SLOTS)
  const geometry = createGeometry(sample, stack, lightPoint, shadow)
  const { sx, sy, sz, sr, sr2, cx, cz, cr, ctop, sphereCount, floor, occluders } = geometry
  const { surfaces, rough, red, green, blue, boxes, boxCount, nearest, lightThrough } = geometry

  /**
   * The seamless studio backdrop, petrol dusk with a warm pool of light low behind the hero, into rgb; in the direction
   * at `at` of the stack, its height times `flip` (1: as it is, −1: mirrored in the floor, 0: at the horizon).
   */
  function backdrop(at: number, flip: number): void {
    const dx = stack[at]!
    const dy = stack[at + 1]! * flip
    const up = dy < 0 ? 0 : dy
    const low = 1 - smooth(0, 0.7, up)
    const high = 1 - low
    const side = dx + 0.02
    const pool = (stack[at + 2]! < 0 ? 1 : 0.12) * Math.exp(-(side * side * 10 + (up - 0.05) * (up - 0.05) * 22))
    const heart = pool * pool * pool
    rgb[0] = 0.03 * low + 0.006 * high + 0.4 * pool + 0.5 * heart
    rgb[1] = 0.062 * low + 0.014 * high + 0.15 * pool + 0.29 * heart
    rgb[2] = 0.088 * low + 0.03 * high + 0.1 * pool + 0.13 * heart
  }

  /** Adds the softboxes to rgb as a reflection of `level`'s ray sees them, their edges blurred by roughness. */
  function addSoftBoxes(level: number): void {
    const at = level * LEVEL
    const ox = stack[at]!
    const oy = stack[at + 1]!
    const oz = stack[at + 2]!
    const dx = stack[at + 3]!
    const dy = stack[at + 4]!
    const dz = stack[at + 5]!
    const soft = 0.05 + stack[at + ROUGH]! * 1.5
    for (let box = 0; box < boxCount * BOX; box += BOX) {
      const nx = boxes[box + 9]!
      const ny = boxes[box + 10]!
      const nz = boxes[box + 11]!
      const facing = dx * nx + dy * ny + dz * nz
      if (facing > -1e-3) continue
      const qx = boxes[box]! - ox
      const qy = boxes[box + 1]! - oy
      const qz = boxes[box + 2]! - oz
      const d = (qx * nx + qy * ny + qz * nz) / facing
      if (d <= 0) continue
      const lx = d * dx - qx
      const ly = d * dy - qy
      const lz = d * dz - qz
      const a = (lx * boxes[box + 3]! + ly * boxes[box + 4]! + lz * boxes[box + 5]!) * boxes[box + 15]!
      if (a < -soft || a > 1 + soft) continue
      const b = (lx * boxes[box + 6]! + ly * boxes[box + 7]! + lz * boxes[box + 8]!) * boxes[box + 16]!
      if (b < -soft || b > 1 + soft) continue
      const inside = smooth(-soft, soft, a) * smooth(-soft, soft, 1 - a) * smooth(-soft, soft, b) * smooth(-soft, soft, 1 - b)
      // A little hotter in the middle, as the cloth of a softbox is.
      const glow = inside * boxes[box + 17]! * (0.7 + a * (1 - a) + b * (1 - b))
      rgb[0]! += glow * boxes[box + 12]!
      rgb[1]! += glow * boxes[box + 13]!
      rgb[2]! += glow * boxes[box + 14]!
    }
  }

  /** Light that a matt white surface at the hit of `level` sends out, into rgb. */
  function irradiance(level: number, self: number): void {
    const at = level * LEVEL
    const px = stack[at + PX]!
    const py = stack[at + PX + 1]!
    const pz = stack[at + PX + 2]!
    const nx = stack[at + NX]!
    const ny = stack[at + NX + 1]!
    const nz = stack[at + NX + 2]!
    let open = 1
    for (let k = 0; k < occluders.length; k++) {
      const i = occluders[k]!
      if (i === self) continue
      const qx = sx[i]! - px
      const qy = sy[i]! - py
      const qz = sz[i]! - pz
      const d2 = qx * qx + qy * qy + qz * qz
      const r2 = sr2[i]!
      if (d2 > 25 * r2) continue
      const d = Math.sqrt(d2)
      const facing = (qx * nx + qy * ny + qz * nz) / d
      // Solid angle of the sphere weighted by the cosine; one that straddles the horizon counts in part.
      const seen = facing > 0 ? facing : (0.25 * (facing + sr[i]! / d) * sr[i]!) / d
      if (seen <= 0) continue
      const covered = (surfaces[i] === GLASS ? 0.45 : 1) * seen * (r2 / d2)
      open *= 1 - (covered > 0.92 ? 0.92 : covered)
    }
    const down = 0.5 - 0.5 * ny
    // What faces down near the floor sees the floor in its own shadow.
    const sky = (1 - down) * open
    const ground = down * open * (0.3 + 0.7 * smooth(0, 1.2, py))
    // The warm pool on the backdrop lights what faces it.
    const warm = nz < 0 ? -nz * 0.35 * open : 0
    let r = 0.15 * sky + 0.06 * ground + warm
    let g = 0.19 * sky + 0.06 * ground + warm * 0.5
    let b = 0.24 * sky + 0.07 * ground + warm * 0.3

    for (let box = 0; box < boxCount * BOX; box += BOX) {
      const lx = boxes[box + 19]! - px
      const ly = boxes[box + 20]! - py
      const lz = boxes[box + 21]! - pz
      const d2 = lx * lx + ly * ly + lz * lz
      const d = Math.sqrt(d2)
      // A big light wraps a little round the terminator.
      const wrap = ((lx * nx + ly * ny + lz * nz) / d + 0.25) / 1.25
      if (wrap <= 0) continue
      const wrapped = wrap * wrap
      const emits = -(lx * boxes[box + 9]! + ly * boxes[box + 10]! + lz * boxes[box + 11]!) / d
      if (emits <= 0) continue
      let power = (wrapped * emits * boxes[box + 18]!) / d2
      if (box === 0) {
        shadow[0] = px
        shadow[1] = py
        shadow[2] = pz
        lightThrough(self)
        power *= shadow[SHADOW_SHARE]!
      } else {
        power *= open
      }
      r += power * boxes[box + 12]!
      g += power * boxes[box + 13]!
      b += power * boxes[box + 14]!
    }
    rgb[0] = r
    rgb[1] = g
    rgb[2] = b
  }

  /** Colour along the ray of `level`, into rgb. */
  function trace(level: number): void {
    const at = level * LEVEL
    const id = nearest(level)
    if (id === NOTHING) {
      backdrop(at + DX, 1)
      if (level > 0) addSoftBoxes(level)
      return
    }
    const distance = stack[at + DISTANCE]!
    const px = stack[at]! + distance * stack[at + DX]!
    const py = stack[at + 1]! + distance * stack[at + DX + 1]!
    const pz = stack[at + 2]! + distance * stack[at + DX + 2]!
    stack[at + PX] = px
    stack[at + PX + 1] = py
    stack[at + PX + 2] = pz
    stack[at + NX] = 0
    stack[at + NX + 1] = 1
    stack[at + NX + 2] = 0
    if (id === FLOOR_ID) {
      stack[at + PX + 1] = 0
      shadeFloor(level)
      return
    }
    if (id < sphereCount) {
      const inverse = 1 / sr[id]!
      stack[at + NX] = (px - sx[id]!) * inverse
      stack[at + NX + 1] = (py - sy[id]!) * inverse
      stack[at + NX + 2] = (pz - sz[id]!) * inverse
    } else {
      const c = id - sphereCount
      if (py < ctop[c]! - 1e-6) {
        const inverse = 1 / cr[c]!
        stack[at + NX] = (px - cx[c]!) * inverse
        stack[at + NX + 1] = 0
        stack[at + NX + 2] = (pz - cz[c]!) * inverse
      }
    }
    const surface = surfaces[id]!
    if (surface === GLASS) shadeGlass(level, id)
    else if (surface === METAL) shadeMetal(level, id)
    else if (surface === GLOW) shadeGlow(level, id)
    else shadeCoated(level, id)
  }

  /** cos of the angle between the ray of `level` and the normal it met; negative when it came from outside. */
  function incidence(level: number): number {
    const at = level * LEVEL
    return stack[at + 3]! * stack[at + NX]! + stack[at + 4]! * stack[at + NX + 1]! + stack[at + 5]! * stack[at + NX + 2]!
  }

  /** Puts the mirrored ray of `level` on the stack as level + 1. */
  function pushMirrored(level: number, material: number): void {
    const at = level * LEVEL
    const to = at + LEVEL
    const twice = 2 * incidence(level)
    // Off the surface on the side it came from.
    const nudge = twice < 0 ? EPSILON : -EPSILON
    for (let axis = 0; axis < 3; axis++) {
      const n = stack[at + NX + axis]!
      stack[to + axis] = stack[at + PX + axis]! + nudge * n
      stack[to + DX + axis] = stack[at + DX + axis]! - twice * n
    }
    stack[to + ROUGH] = rough[material]!
  }

  function shadeFloor(level: number): void {
    const at = level * LEVEL
    irradiance(level, FLOOR_ID)
    let r = rgb[0]! * red[floor]!
    let g = rgb[1]! * green[floor]!
    let b = rgb[2]! * blue[floor]!
    if (level < 2) {
      const shine = 0.05 + 0.6 * power5(1 + stack[at + DX + 1]!)
      pushMirrored(level, floor)
      trace(level + 1)
      // A satin floor: things mirror clearly where they touch it and dissolve with their distance from it.
      const reach = 1 + 0.9 * stack[at + LEVEL + DISTANCE]!
      const near = 1 / (reach * reach)
      // Glints on mirrored rims would draw rings on the floor: a satin surface shows none.
      const mr = Math.min(rgb[0]!, 1.2)
      const mg = Math.min(rgb[1]!, 1.2)
      const mb = Math.min(rgb[2]!, 1.2)
      backdrop(at + DX, -1)
      r += shine * (mr * near + rgb[0]! * (1 - near))
      g += shine * (mg * near + rgb[1]! * (1 - near))
      b += shine * (mb * near + rgb[2]! * (1 - near))
    }
    // The floor melts into the backdrop: no horizon, as in a studio cove.
    const fog = smooth(8, 26, stack[at + DISTANCE]!)
    if (fog > 0) {
      backdrop(at + DX, 0)
      r += (rgb[0]! - r) * fog
      g += (rgb[1]! - g) * fog
      b += (rgb[2]! - b) * fog
    }
    rgb[0] = r
    rgb[1] = g
    rgb[2] = b
  }

  /** Paint under a clear coat: porcelain, lacquer, pearl. */
  function shadeCoated(level: number, m: number): void {
    irradiance(level, m)
    if (level >= 3) {
      rgb[0]! *= red[m]!
      rgb[1]! *= green[m]!
      rgb[2]! *= blue[m]!
      return
    }
    const r = rgb[0]! * red[m]!
    const g = rgb[1]! * green[m]!
    const b = rgb[2]! * blue[m]!
    const graze = 1 + incidence(level)
    const shine = (0.045 + 0.7 * power5(graze < 0 ? 0 : graze)) * (1 - 0.7 * rough[m]!)
    pushMirrored(level, m)
    trace(level + 1)
    rgb[0] = r + shine * rgb[0]!
    rgb[1] = g + shine * rgb[1]!
    rgb[2] = b + shine * rgb[2]!
  }

  function shadeMetal(level: number, m: number): void {
    const graze = 1 + incidence(level)
    const white = power5(graze < 0 ? 0 : graze)
    pushMirrored(level, m)
    if (level >= 4) backdrop((level + 1) * LEVEL + DX, 1)
    else trace(level + 1)
    rgb[0]! *= red[m]! + (1 - red[m]!) * white
    rgb[1]! *= green[m]! + (1 - green[m]!) * white
    rgb[2]! *= blue[m]! + (1 - blue[m]!) * white
  }

  /** The core: an ember, white-hot in the middle, with a soft reflection of the studio. */
  function shadeGlow(level: number, m: number): void {
    const facing = -incidence(level)
    const hot = 0.32 + 1.5 * facing * facing * facing
    pushMirrored(level, m)
    stack[(level + 1) * LEVEL + ROUGH] = 0.15
    rgb[0] = 0
    rgb[1] = 0
    rgb[2] = 0
    addSoftBoxes(level + 1)
    rgb[0] = 0.09 * rgb[0]! + hot * red[m]!
    rgb[1] = 0.09 * rgb[1]! + hot * (green[m]! + 0.25 * (hot - 0.32))
    rgb[2] = 0.09 * rgb[2]! + hot * (blue[m]! + 0.1 * (hot - 0.32))
  }

  function shadeGlass(level: number, m: number): void {
    const at = level * LEVEL
    const to = at + LEVEL
    if (level >= MAX_DEPTH) {
      backdrop(at + DX, 1)
      return
    }
    const into = incidence(level)
    const entering = into < 0
    const cos = entering ? -into : into
    const ratio = entering ? 1 / GLASS_INDEX : GLASS_INDEX
    const k = 1 - ratio * ratio * (1 - cos * cos)
    const reflected = k < 0 ? 1 : 0.04 + 0.96 * power5(1 - (entering ? cos : Math.sqrt(k)))
    let r = 0
    let g = 0
    let b = 0
    if (k >= 0) {
      const bend = (ratio * cos - Math.sqrt(k)) * (entering ? 1 : -1)
      const nudge = entering ? -EPSILON : EPSILON
      for (let axis = 0; axis < 3; axis++) {
        const n = stack[at + NX + axis]!
        stack[to + axis] = stack[at + PX + axis]! + nudge * n
        stack[to + DX + axis] = ratio * stack[at + DX + axis]! + bend * n
      }
      stack[to + ROUGH] = 0
      trace(level + 1)
      const through = 1 - reflected
      r = through * rgb[0]! * (entering ? 1 : red[m]!)
      g = through * rgb[1]! * (entering ? 1 : green[m]!)
      b = through * rgb[2]! * (entering ? 1 : blue[m]!)
    }
    // Reflections inside the glass are worth a ray only when nothing gets out, or for the eye's own ray.
    if (reflected > (level === 0 ? 0.01 : 0.5)) {
      pushMirrored(level, m)
      stack[to + ROUGH] = 0
      trace(level + 1)
      r += reflected * rgb[0]!
      g += reflected * rgb[1]!
      b += reflected * rgb[2]!
    }
    rgb[0] = r
    rgb[1] = g
    rgb[2] = b
  }

  return { ray: stack.subarray(0, 6), lightPoint, rgb, follow: () => trace(0), load: geometry.load }
}
