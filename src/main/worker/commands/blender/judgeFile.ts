/** The look at a file that Blender saved. */
import { checkPicture, type Verdict } from '../../../pictures/checkPicture.ts'
import { findProgram } from '../../tools/find.ts'
import type { CommandContext } from '../../contract/commands.ts'

/** In pixels, as Blender reported it. `tolerance`: it rounds a border that is cut off. */
export interface ExpectedSize {
  width: number
  height: number
  tolerance: number
}

/** @throws NodeJS errors when the file cannot be read; the signal's reason */
export async function judgeFile(
  path: string,
  size: ExpectedSize | undefined,
  { tools, signal }: Pick<CommandContext, 'tools' | 'signal'>,
): Promise<Verdict> {
  const ffmpeg = findProgram('ffmpeg', tools)
  const exact = size !== undefined && size.tolerance === 0 ? { width: size.width, height: size.height } : {}
  const verdict = await checkPicture(path, { ...exact, ...(ffmpeg !== undefined && { ffmpeg }), signal })
  if (verdict.state !== 'whole' || size === undefined || size.tolerance === 0) return verdict
  const differs = Math.max(Math.abs(verdict.width - size.width), Math.abs(verdict.height - size.height))
  if (differs <= size.tolerance) return verdict
  return { state: 'damaged', reason: `is ${verdict.width} × ${verdict.height} pixels instead of about ${size.width} × ${size.height}` }
}
