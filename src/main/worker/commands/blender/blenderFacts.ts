/** What Blender reports about a scene, as collected by resources/sessions/blender_facts.py. */
import { Type, type Static } from 'typebox'

/** What a scene is made from, as Blender sees it after it was opened. */
export const LoadedFacts = Type.Object({
  /** Name and version. */
  program: Type.String(),
  files: Type.Optional(Type.Array(Type.String())),
  missing: Type.Optional(Type.Array(Type.Tuple([Type.String(), Type.String()]))),
})
export type LoadedFacts = Static<typeof LoadedFacts>

/** What a render is going to save. */
export const RenderPlan = Type.Object({
  scene: Type.String(),
  /** As the scene has it: with `#` for digits, perhaps relative to the .blend. */
  filepath: Type.String(),
  /** The last part of `filepath`; empty when that is a folder. */
  basename: Type.String(),
  format: Type.String(),
  movie: Type.Boolean(),
  /** In pixels; 0: unknown, because scripts run while it renders. */
  width: Type.Integer(),
  height: Type.Integer(),
  /** By how many pixels the size may differ. */
  tolerance: Type.Integer(),
  frames: Type.Array(Type.Integer()),
  files: Type.Array(Type.Object({ frame: Type.Integer(), view: Type.String(), path: Type.String() })),
})
export type RenderPlan = Static<typeof RenderPlan>

export interface RenderAnswer {
  /** Where to render to instead; undefined: where the scene says. */
  filepath?: string
  /** Frames whose file is there already are passed over. */
  passOver?: boolean
  /** Why it must not begin. */
  stop?: string
}
