/**
 * What the demo ray tracer renders: a studio still life that loops. A glass sphere with a golden core floats over a
 * plinth, beads circle it, and ceramic, chrome and brass surround it on a seamless backdrop.
 * Pure data for one moment of the loop; `tracer.ts` turns it into light. Lengths are in "hero radii", y points up.
 */

/** Linear RGB, 0–1 for surfaces, open-ended for light. */
export type Colour = readonly [number, number, number]
export type Vec3 = readonly [number, number, number]

export type Surface = 'coated' | 'metal' | 'glass' | 'glow'

export interface Material {
  surface: Surface
  colour: Colour
  /** 0: mirror; 1: no highlight left. */
  roughness: number
}

export interface Sphere {
  centre: Vec3
  radius: number
  material: Material
}

/** An upright solid cylinder. */
export interface Cylinder {
  centre: Vec3
  radius: number
  height: number
  material: Material
}

/** A softbox: a rectangle that shines to the side of `u × v`. */
export interface SoftBox {
  corner: Vec3
  u: Vec3
  v: Vec3
  colour: Colour
  /** How bright it looks in a reflection, as a multiple of `colour`. */
  mirrored: number
  /** How strongly it lights matt surfaces, at a distance of 1. */
  power: number
}

export interface Camera {
  position: Vec3
  target: Vec3
  /** Vertical opening angle in radians. */
  fieldOfView: number
  /** Radius of the lens: 0 has everything in focus. */
  aperture: number
  focusDistance: number
}

export interface Scene {
  camera: Camera
  spheres: Sphere[]
  /** Many small spheres inside one invisible sphere. */
  swarm: { centre: Vec3; radius: number; spheres: Sphere[] }
  cylinders: Cylinder[]
  /** The first one lights diffuse surfaces with a shadow; the others are seen in reflections and fill without one. */
  softBoxes: SoftBox[]
  floor: Material
}

const coated = (colour: Colour, roughness = 0): Material => ({ surface: 'coated', colour, roughness })
const metal = (colour: Colour, roughness = 0): Material => ({ surface: 'metal', colour, roughness })

const GLASS: Material = { surface: 'glass', colour: [0.86, 0.97, 0.98], roughness: 0 }
const CORE: Material = { surface: 'glow', colour: [1.0, 0.3, 0.06], roughness: 0 }
const CORAL = coated([0.78, 0.085, 0.045])
const INK = coated([0.02, 0.05, 0.16])
const SAGE = coated([0.05, 0.3, 0.24], 0.3)
const PORCELAIN = coated([0.82, 0.8, 0.76], 0.2)
const PEARL = coated([0.9, 0.84, 0.8])
const BRASS = metal([0.95, 0.66, 0.3], 0.08)
const CHROME = metal([0.88, 0.9, 0.94])
const STONE = coated([0.52, 0.47, 0.43], 0.6)
const FLOOR = coated([0.055, 0.075, 0.088], 0.3)

const TAU = Math.PI * 2
const PLINTH_HEIGHT = 0.3
const BEADS = 14
const RING = 1.62

/** Built-in scenes by name, as functions of the phase of their loop: 0 and 1 look the same, so the last frame leads into the first. */
export const SCENES: ReadonlyMap<string, (phase: number) => Scene> = new Map([['marbles', marbles]])

function marbles(phase: number): Scene {
  const wave = Math.sin(phase * TAU)
  const counterWave = Math.cos(phase * TAU)
  const hero: Vec3 = [0, PLINTH_HEIGHT + 1.1 + 0.05 * wave, 0]

  const spheres: Sphere[] = [
    { centre: hero, radius: 1, material: GLASS },
    { centre: [hero[0] + 0.1 * counterWave, hero[1] + 0.06 * wave, hero[2] + 0.1 * wave], radius: 0.2, material: CORE },
    { centre: [2.5, 1.05, -2.1], radius: 1.05, material: CHROME },
    { centre: [-2.35, 0.8, -0.75], radius: 0.8, material: CORAL },
    { centre: [-3.9, 0.62, -3.2], radius: 0.62, material: SAGE },
    { centre: [2.3, 0.42, 0.75], radius: 0.42, material: INK },
    { centre: [-1.62, 0.27, 1.15], radius: 0.27, material: BRASS },
    { centre: [1.25, 0.16, 1.95], radius: 0.16, material: PEARL },
    { centre: [4.6, 0.5, -4.6], radius: 0.5, material: PORCELAIN },
    { centre: [-0.82, 0.12, 2.1], radius: 0.12, material: CORAL },
  ]

  const angle = 0.16 * wave + 0.06
  const distance = 8.6
  const target: Vec3 = [0.1, 1.12, 0]
  const position: Vec3 = [target[0] + distance * Math.sin(angle), 2.15 + 0.12 * counterWave, target[2] + distance * Math.cos(angle)]
  return {
    camera: { position, target, fieldOfView: 0.5, aperture: 0.035, focusDistance: distance - 0.75 },
    spheres,
    swarm: { centre: hero, radius: RING + 0.2, spheres: beads(hero, phase) },
    cylinders: [
      { centre: [0, 0, 0], radius: 1.28, height: PLINTH_HEIGHT, material: STONE },
      { centre: [0, 0, 0], radius: 1.42, height: 0.07, material: BRASS },
    ],
    softBoxes: [
      // Key: large, high, to the left of the camera.
      { corner: [-6.6, 4.4, -1.4], u: [2.2, 2.4, -0.5], v: [0.9, 0, 3.4], colour: [1.0, 0.88, 0.74], mirrored: 9, power: 50 },
      // Rim: a tall cool strip behind on the right.
      { corner: [5.8, 0.6, -3.4], u: [0.9, 0, 1.5], v: [0, 5.2, 0], colour: [0.5, 0.72, 1.0], mirrored: 6, power: 14 },
      // Top: a wide soft panel, the long highlight on everything round.
      { corner: [-2.2, 7.4, -3.2], u: [4.4, 0, 0], v: [0, 0, 3.2], colour: [1.0, 0.95, 0.9], mirrored: 3.2, power: 12 },
    ],
    floor: FLOOR,
  }
}

/** Beads on a tilted ring round the hero; the ring moves on by two places a loop, so that alternating materials meet again. */
function beads(hero: Vec3, phase: number): Sphere[] {
  const tilt = 0.42
  return Array.from({ length: BEADS }, (_, index) => {
    const angle = ((index + 2 * phase) / BEADS) * TAU
    const along = RING * Math.cos(angle)
    const across = RING * Math.sin(angle)
    return {
      centre: [hero[0] + along * Math.cos(tilt), hero[1] + along * Math.sin(tilt) * 0.9, hero[2] + across] as const,
      radius: index % 2 === 0 ? 0.115 : 0.07,
      material: index % 2 === 0 ? BRASS : PEARL,
    }
  })
}
