/** Files of jobs and their location: uploads, contents of a .blend, path access of workers. */
import { Type, type Static } from 'typebox'
import { NamedRef, Time, nullable } from './common.ts'

// Uploads -----------------------------------------------------------------------------------------------------------------

/** POST /uploads: a file that the manager keeps for a future job. */
export const Upload = Type.Object({
  /** The checkout that contains it: `checkoutId` of POST /jobs. Deleted with its job; unused ones are deleted after a week. */
  checkoutId: Type.String(),
  /** The file's path in the manager's notation: the value for the job's setting. Workers that cannot see it download the file. */
  path: Type.String(),
  name: Type.String(),
  bytes: Type.Integer(),
  sha256: Type.String(),
})
export type Upload = Static<typeof Upload>

// What a .blend contains -------------------------------------------------------------------------------------------------

export const BlendScene = Type.Object({
  name: Type.String(),
  frameStart: Type.Integer(),
  frameEnd: Type.Integer(),
  frameStep: Type.Integer(),
  fps: Type.Number(),
  engine: Type.String(),
  width: Type.Integer(),
  height: Type.Integer(),
  camera: nullable(Type.String()),
  cameras: Type.Array(Type.String()),
  format: Type.String(),
  extension: Type.String(),
  hasPreviews: Type.Boolean(),
  samples: nullable(Type.Integer()),
})
/** Blender's report on a file, and the values of the requested expressions. */
export const BlendFacts = Type.Object({
  /** Versions of the Blender that inspected the file, and of the one that saved it. */
  blenderVersion: Type.String(),
  savedWith: Type.String(),
  /** The scene that is rendered by default. */
  scene: Type.String(),
  scenes: Type.Array(BlendScene),
  /** Required files that do not exist at their path. */
  missing: Type.Array(Type.String()),
  /** Those of `missing` that are libraries: everything linked from them is missing, too. */
  missingLibraries: Type.Optional(Type.Array(Type.String())),
  /** The total number; `missing` names the first ones. Absent: all are named. */
  missingCount: Type.Optional(Type.Integer()),
  values: Type.Record(Type.String(), Type.Unknown()),
  /** Expressions that could not be evaluated, and why. */
  failed: Type.Record(Type.String(), Type.String()),
})
export type BlendFacts = Static<typeof BlendFacts>

/** POST /inspections: has a worker with Blender open the file and evaluate the job type's defaults. */
export const InspectionInput = Type.Object(
  {
    type: Type.String({ minLength: 1, maxLength: 100 }),
    /** In the workers' notation, or of an upload. */
    blendfile: Type.String({ minLength: 1, maxLength: 4096 }),
    checkoutId: Type.Optional(Type.String({ minLength: 1, maxLength: 1000 })),
  },
  { additionalProperties: false },
)
export const Inspection = Type.Object({ worker: NamedRef, ...BlendFacts.properties })
export type Inspection = Static<typeof Inspection>

// Path access ------------------------------------------------------------------------------------------------------------

/** What a worker's own process can do with a path. `problem`: the system's error code (ENOENT, EACCES, …); empty when there is none. */
export const PathCheck = Type.Object({
  kind: Type.Enum(['folder', 'file', 'program', 'missing']),
  readable: Type.Boolean(),
  writable: Type.Boolean(),
  problem: Type.String(),
  /** Where a program was found. */
  foundAt: Type.Optional(Type.String()),
})
export type PathCheck = Static<typeof PathCheck>

/** POST /reachability: checks every variable and the shared storage on every worker that is online. */
export const Reachability = Type.Object({
  checkedAt: Time,
  /** `{name}` of a variable, or of the farm's storage. */
  paths: Type.Array(Type.Object({ name: Type.String(), needsWrite: Type.Boolean() })),
  workers: Type.Array(
    Type.Object({
      worker: NamedRef,
      platform: Type.String(),
      /** Why there is no answer; empty when there is one. */
      problem: Type.String(),
      /** In the order of `paths`: the path as this worker resolves it, and its access; null: not defined for its platform. */
      checks: Type.Array(nullable(Type.Object({ path: Type.String(), ...PathCheck.properties }))),
    }),
  ),
})
export type Reachability = Static<typeof Reachability>

// Backups -----------------------------------------------------------------------------------------------------------------

export const Backup = Type.Object({
  /** A folder's name below `<data>/backups`. */
  name: Type.String(),
  at: Time,
  bytes: Type.Integer(),
  files: Type.Integer(),
})
export type Backup = Static<typeof Backup>
export const Backups = Type.Object({ folder: Type.String(), items: Type.Array(Backup) })
export type Backups = Static<typeof Backups>
