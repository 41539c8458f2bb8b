/** WorkerRequests that look at files which others wrote (`look-for-frames`, `look-for-files`): what is asked, and the answers. */
import { Type, type Static } from 'typebox'
import { nullable } from '../common.ts'
import { FrameCheck } from './existing.ts'

export const PromisedFrames = Type.Array(
  Type.Object({ frame: Type.Integer(), folder: Type.String({ maxLength: 4096 }), stem: Type.String({ maxLength: 1000 }) }),
  {
    maxItems: 100_000,
  },
)

/** The result of `look-for-frames`. */
export const FramesLookResult = Type.Object({
  found: Type.Array(
    Type.Object({
      path: Type.String(),
      frame: Type.Integer(),
      view: Type.String(),
      check: FrameCheck,
      reason: Type.String(),
      bytes: Type.Integer(),
      modifiedAt: Type.Integer(),
      width: nullable(Type.Integer()),
      height: nullable(Type.Integer()),
      /** Of its pixels; missing where they were not looked at. */
      facts: Type.Optional(Type.Object({ allBlack: Type.Boolean(), oneColour: Type.Boolean() })),
    }),
  ),
  missing: PromisedFrames,
  /** Folders that the worker does not see. */
  unseen: Type.Array(Type.String()),
})
export type FramesLookResult = Static<typeof FramesLookResult>

/** The result of `look-for-files`: which of the paths are no files there, by their places in the list. */
export const FilesLookResult = Type.Object({ missing: Type.Array(Type.Integer()) })
export type FilesLookResult = Static<typeof FilesLookResult>
