/** Rendered frames as the native API shows them. */
import { Type, type Static } from 'typebox'
import { FrameCheck } from './existing.ts'
import { Id, Time, nullable } from '../common.ts'

export const Frame = Type.Object({
  id: Type.Integer(),
  jobId: Id,
  taskId: Id,
  attempt: Type.Integer(),
  /** Frame number, null for a single image. */
  frame: nullable(Type.Integer()),
  path: Type.String(),
  bytes: nullable(Type.Integer()),
  width: nullable(Type.Integer()),
  height: nullable(Type.Integer()),
  preview: Type.Union([Type.Literal('none'), Type.Literal('ready'), Type.Literal('failed')]),
  /** Why there is none, when creating it failed; else empty. */
  previewProblem: Type.String(),
  /** Addresses of the previews, relative to the server: thumbnail (≤ 320 wide) and large (≤ 1920 wide). Null without preview. */
  thumbnailUrl: nullable(Type.String()),
  largeUrl: nullable(Type.String()),
  /** URL of the scene light (sceneLight.ts), when the format holds more than a screen shows: EXR, HDR. */
  lightUrl: nullable(Type.String()),
  renderedMs: nullable(Type.Integer()),
  /** Result of checking the file when it was saved; null when it was not checked. */
  check: nullable(FrameCheck),
  /** Why it is damaged or unchecked; else empty. */
  checkReason: Type.String(),
  /** The file existed before the task ran, and was kept. */
  kept: Type.Boolean(),
  /** Written in addition to the main output, e.g. by a File Output node. */
  side: Type.Boolean(),
  /** Name of the view, for stereo and multiview pictures; else empty. */
  view: Type.String(),
  sha256: nullable(Type.String()),
  /** When the file was written, according to its file system. */
  modifiedAt: nullable(Time),
  createdAt: Time,
})

export type Frame = Static<typeof Frame>

/** An intact frame that may be wrong, with the frames that it was compared with. */
export const SuspectFrame = Type.Object({
  frame: Frame,
  reason: Type.Enum(['all-black', 'one-colour', 'file-size', 'render-time']),
  /** Sizes (bytes) and times (milliseconds): the frame's value, and its neighbours' usual one. */
  value: nullable(Type.Number()),
  usual: nullable(Type.Number()),
  /** Up to two frames on each side, in order. */
  before: Type.Array(Frame),
  after: Type.Array(Frame),
})

export type SuspectFrame = Static<typeof SuspectFrame>

/** GET /jobs/{id}/suspects. `total` includes those that are not listed. */
export const SuspectFrames = Type.Object({ items: Type.Array(SuspectFrame), total: Type.Integer() })

export type SuspectFrames = Static<typeof SuspectFrames>
