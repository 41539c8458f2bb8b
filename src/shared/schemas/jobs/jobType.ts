/** Job types and their typed settings (Flamenco §1.6 AvailableJobType; the same for the native API and the submit form). */
import { Type, type Static } from 'typebox'

export type Platform = string

export const JobSetting = Type.Object({
  key: Type.String(),
  type: Type.Enum(['string', 'int32', 'float', 'bool']),
  subtype: Type.Optional(Type.Enum(['file_path', 'dir_path', 'file_name', 'hashed_file_path'])),
  choices: Type.Optional(Type.Array(Type.String())),
  propargs: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  description: Type.Optional(Type.Unknown()),
  label: Type.Optional(Type.Unknown()),
  default: Type.Optional(Type.Unknown()),
  /** A Python expression that Blender evaluates. */
  eval: Type.Optional(Type.String()),
  evalInfo: Type.Optional(Type.Object({ showLinkButton: Type.Boolean(), description: Type.String() })),
  visible: Type.Optional(Type.Enum(['visible', 'hidden', 'submission', 'web'])),
  required: Type.Optional(Type.Boolean()),
  editable: Type.Optional(Type.Boolean()),
})
export type JobSetting = Static<typeof JobSetting>

export const JobTypeSchema = Type.Object({
  name: Type.String(),
  label: Type.String(),
  description: Type.Optional(Type.String()),
  settings: Type.Array(JobSetting),
  etag: Type.String(),
})
export type JobTypeInfo = Static<typeof JobTypeSchema>

/** POST /job-types/{name}/check: a preview of a script's settings and tasks, without saving it. */
export const ScriptCheckInput = Type.Object(
  {
    source: Type.String({ minLength: 1, maxLength: 1_000_000 }),
    /** When given, its compileJob also runs. */
    settings: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { additionalProperties: false },
)
export const ScriptCheck = Type.Object({
  type: JobTypeSchema,
  /** Null without settings. */
  taskCount: Type.Union([Type.Integer(), Type.Null()]),
  tasks: Type.Array(Type.Object({ name: Type.String(), kind: Type.String() })),
})
export type ScriptCheck = Static<typeof ScriptCheck>

/** GET /job-types/{name}/source */
export const ScriptSource = Type.Object({
  source: Type.String(),
  /** True: shipped with the program; saving creates a custom copy that takes its place. */
  shipped: Type.Boolean(),
})
