/** How often a program runs for a range of frames, with which arguments, and which files each run promises. Pure. */
import { isAbsolute, resolve } from 'node:path'
import { expandFramePattern, frameValues, hasFramePlaceholder } from '../../../shared/frames/framePattern.ts'
import type { ExpectedFile } from './outputWatch.ts'

/** One run of the program. `frame` is missing when it renders all frames. */
export interface Run {
  args: string[]
  env: Record<string, string>
  frame: number | undefined
  outputs: ExpectedFile[]
}

export interface RunPlan {
  args: readonly string[]
  env: readonly (readonly [name: string, value: string])[]
  /** The range as it was written. */
  chunk: string
  frames: readonly number[]
  outputPattern: string | undefined
  /** Outputs with a relative path are relative to this folder. */
  cwd: string
}

/** One run per frame when a placeholder asks for it, else one for all. */
export function planRuns({ args, env, chunk, frames, outputPattern, cwd }: RunPlan): Run[] {
  const shared = frameValues(chunk)
  const perFrame = args.some(hasFramePlaceholder) || env.some(([, value]) => hasFramePlaceholder(value))
  const outputOf = (frame: number | undefined): ExpectedFile | undefined => {
    if (outputPattern === undefined) return undefined
    const path = expandFramePattern(outputPattern, { ...shared, frame })
    return { path: isAbsolute(path) ? path : resolve(cwd, path), frame }
  }
  const runFor = (frame: number | undefined, outputs: (ExpectedFile | undefined)[]): Run => ({
    args: args.map((arg) => expandFramePattern(arg, { ...shared, frame })),
    env: Object.fromEntries(env.map(([name, value]) => [name, expandFramePattern(value, { ...shared, frame })])),
    frame,
    outputs: outputs.filter((output) => output !== undefined),
  })
  if (perFrame) return frames.map((frame) => runFor(frame, [outputOf(frame)]))
  const single = outputPattern === undefined || !hasFramePlaceholder(outputPattern)
  return [runFor(undefined, single ? [outputOf(undefined)] : frames.map(outputOf))]
}
