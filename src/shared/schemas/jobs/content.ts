/** Files that are sent: inputs of jobs to the manager, results of jobs home. */
import { Type, type Static } from 'typebox'
import { Id, Time, nullable } from '../common.ts'

export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' })
const Bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })

/** A file by its content. */
export const ContentRef = Type.Object({ sha256: Sha256, bytes: Bytes }, { additionalProperties: false })
export type ContentRef = Static<typeof ContentRef>

/** POST /content/missing */
export const ContentQuestion = Type.Object({ files: Type.Array(ContentRef, { maxItems: 10_000 }) }, { additionalProperties: false })
export const MissingContent = Type.Object({
  /** Those that the manager does not have. `offset`: how many of its bytes are there; an upload goes on at it. */
  missing: Type.Array(Type.Object({ sha256: Sha256, bytes: Bytes, offset: Bytes })),
  /** The farm's limit from which on people are asked before files are sent; 0: never. */
  askAboveBytes: Bytes,
})
export type MissingContent = Static<typeof MissingContent>

export const InputFile = Type.Object(
  {
    /** Where it goes below the job's folder, with slashes. */
    path: Type.String({ minLength: 1, maxLength: 4096 }),
    sha256: Sha256,
    bytes: Bytes,
    /** Only these frames need it; missing: all do. */
    frames: Type.Optional(Type.Array(Type.Integer(), { minItems: 1, maxItems: 10_000 })),
  },
  { additionalProperties: false },
)
export type InputFile = Static<typeof InputFile>

/** POST /inputs: the files of a future job, all of them stored before. */
export const NewInputs = Type.Object({ files: Type.Array(InputFile, { minItems: 1, maxItems: 100_000 }) }, { additionalProperties: false })
export const Inputs = Type.Object({
  /** Deleted with its job; unused ones are deleted after a week. */
  checkoutId: Type.String(),
  /** The folder in the manager's notation: settings of the job name its files below it. Workers that cannot see it fetch them. */
  folder: Type.String(),
  files: Type.Integer(),
  bytes: Bytes,
})
export type Inputs = Static<typeof Inputs>

export const ResultFile = Type.Object({
  /** Below the job's output folder, with slashes. */
  path: Type.String(),
  bytes: Bytes,
  /** Null: the file lies on shared storage, and was not sent. */
  sha256: nullable(Sha256),
  taskId: Id,
  /** Grows with each file that arrives. */
  seq: Type.Integer(),
  at: Time,
})
export type ResultFile = Static<typeof ResultFile>

/** GET /jobs/{id}/results: files in the order in which they arrived. */
export const Results = Type.Object({
  /** The folder that they are in, in the manager's notation; null: unknown. */
  folder: nullable(Type.String()),
  /** `manager`: in the manager's data folder; `shared`: in a folder that the farm shares; `written`: workers write there themselves. */
  kept: Type.Enum(['manager', 'shared', 'written']),
  items: Type.Array(ResultFile),
  /** `after` of the next call: everything up to it is in `items` or earlier. */
  next: Type.Integer(),
  /** There is more after `next` now. */
  more: Type.Boolean(),
  /** All that is home. */
  total: Type.Object({ files: Type.Integer(), bytes: Bytes }),
  /** What workers saved and have not sent yet. */
  awaited: Type.Array(Type.Object({ worker: Type.Object({ id: Id, name: Type.String() }), files: Type.Integer(), bytes: Bytes })),
})
export type Results = Static<typeof Results>

// Workers ------------------------------------------------------------------------------------------------------------------

/** Query of a result: which file of the attempt, below the root of the job. */
const ResultFileQuery = Type.Object({ path: Type.String({ minLength: 1, maxLength: 4096 }), sha256: Sha256, bytes: Bytes })
/** PUT /agent/results/{taskId}/{attempt} */
export const SendResultQuery = Type.Object({ ...ResultFileQuery.properties, offset: Type.Optional({ ...Bytes, default: 0 }) })
/** GET /agent/results/{taskId}/{attempt}/state: whether it is home, and where to go on. */
export const ResultStateQuery = ResultFileQuery
export const ResultState = Type.Object({ home: Type.Boolean(), offset: Bytes })
export type ResultState = Static<typeof ResultState>

/** GET /agent/results/{taskId}/{attempt}: what the job's tasks saved so far, and how much of it is still on its way. */
export const EarlierResults = Type.Object({
  files: Type.Array(Type.Object({ path: Type.String(), sha256: Sha256, bytes: Bytes })),
  next: Type.Integer(),
  more: Type.Boolean(),
  awaited: Type.Array(Type.Object({ worker: Type.String(), files: Type.Integer() })),
})
export type EarlierResults = Static<typeof EarlierResults>
export const EarlierResultsQuery = Type.Object({ after: Type.Optional(Type.Integer({ minimum: 0, default: 0 })) })
export const EarlierResultQuery = Type.Object({ path: Type.String({ minLength: 1, maxLength: 4096 }) })
