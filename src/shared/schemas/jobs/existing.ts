/**
 * Files that exist before an attempt starts: what the manager knows about them, and what the attempt should do with them.
 * Times are milliseconds since the epoch, as reported by the file system.
 */
import { Type, type Static } from 'typebox'
import { nullable } from '../common.ts'

/** Result of checking a file. `unchecked`: no decoder for its format, or the file was not readable. */
export const FrameCheck = Type.Enum(['whole', 'unchecked', 'damaged'])
export type FrameCheck = Static<typeof FrameCheck>

/** A file that frames were made from. */
export const InputFile = Type.Object({ path: Type.String({ maxLength: 4096 }), bytes: Type.Integer(), modifiedAt: Type.Integer() })
export type InputFile = Static<typeof InputFile>

/**
 * The inputs of an attempt's frames. An unknown input is absent, and counts as changed: a retry keeps only files
 * whose inputs are all known and unchanged.
 */
export const Inputs = Type.Object({
  /** SHA-256 of the resolved command, without its frames and its output path. */
  command: Type.Optional(Type.String({ maxLength: 100 })),
  /** Name and version of the program. */
  program: Type.Optional(Type.String({ maxLength: 500 })),
  /** The .blend and the files that its inspection listed; empty for a program that reads none. */
  files: Type.Optional(Type.Array(InputFile, { maxItems: 10_000 })),
})
export type Inputs = Static<typeof Inputs>

/** A file that an earlier attempt of the task reported, since a person last requeued the task. */
export const KnownFile = Type.Object({
  /** In this worker's notation. */
  path: Type.String(),
  frame: nullable(Type.Integer()),
  view: Type.String(),
  bytes: nullable(Type.Integer()),
  modifiedAt: nullable(Type.Integer()),
  sha256: nullable(Type.String()),
  width: nullable(Type.Integer()),
  height: nullable(Type.Integer()),
  inputs: nullable(Inputs),
  /** A check found it damaged or wrong. */
  rejected: Type.Boolean(),
})
export type KnownFile = Static<typeof KnownFile>

/**
 * How an attempt treats existing files with the names that it will write. `compare`: compares each new picture pixel by pixel with the
 * one that it replaced, and reports the result.
 */
export const Existing = Type.Union([
  /** First run, or requeued by a person: set aside, and rendered. */
  Type.Object({ mode: Type.Literal('replace'), compare: Type.Optional(Type.Boolean()) }),
  /** Automatic retry: kept when it is proven complete and made by this task from the same inputs; else set aside. */
  Type.Object({ mode: Type.Literal('keep-proven'), known: Type.Array(KnownFile), compare: Type.Optional(Type.Boolean()) }),
  /** "Keep whole frames": keeps whatever decodes at the right size, regardless of its origin. */
  Type.Object({ mode: Type.Literal('keep-whole') }),
])
export type Existing = Static<typeof Existing>

/** How a person, or the check of its pictures, last requeued a task. */
export const Rerun = Type.Object({
  /** Attempts up to this number are history: their files are not kept. */
  from: Type.Integer({ minimum: 0 }),
  keepWhole: Type.Optional(Type.Boolean()),
  /** Render only these frames of the task; missing: all. */
  frames: Type.Optional(Type.Array(Type.Integer())),
  /** It was sent to another worker: its new pictures are compared with the previous ones. */
  compare: Type.Optional(Type.Boolean()),
})
export type Rerun = Static<typeof Rerun>
