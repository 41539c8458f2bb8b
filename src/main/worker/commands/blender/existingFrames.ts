/** Which frames of a render need not be rendered, because their files are there and may be kept. */
import type { Inputs } from '../../../../shared/schemas/jobs/existing.ts'
import { fileFacts, setAside, settleExisting } from '../../attempt/existing/index.ts'
import type { CommandContext, OutputFile } from '../../contract/commands.ts'
import { judgeFile, type ExpectedSize } from './judgeFile.ts'

/**
 * Frame numbers with their files. A frame is kept only with all of its views; every other file is set aside, so that the names
 * of what is to be rendered are free. @throws NodeJS errors when a file can be neither read nor moved
 */
export async function framesToKeep(
  files: readonly { frame: number; view: string; path: string }[],
  size: ExpectedSize | undefined,
  inputs: Inputs,
  context: CommandContext,
): Promise<Map<number, OutputFile[]>> {
  const exact = size?.tolerance === 0 ? { width: size.width, height: size.height } : {}
  const promised = files.map((file) => ({ ...file, ...exact }))
  const { kept, open } = await settleExisting(promised, inputs, context, ({ path }) => judgeFile(path, size, context))
  const incomplete = new Set([...open.map(({ frame }) => frame), ...(await framesWithoutPasses(files, context))])
  const keep = new Map<number, OutputFile[]>()
  for (const file of kept) {
    if (file.frame === undefined || incomplete.has(file.frame)) await setAside(file.path)
    else keep.set(file.frame, [...(keep.get(file.frame) ?? []), file])
  }
  return keep
}

/** Frames of which an earlier run reported a file beside the picture (of an output node) that is not there as it was. */
async function framesWithoutPasses(files: readonly { path: string }[], { existing }: CommandContext): Promise<number[]> {
  if (existing.mode !== 'keep-proven') return []
  const promised = new Set(files.map(({ path }) => path))
  const beside = existing.known.filter(({ path }) => !promised.has(path))
  const lost = await Promise.all(
    beside.map(async ({ path, frame, bytes }) => ((await fileFacts(path))?.bytes === (bytes ?? undefined) ? undefined : frame)),
  )
  return lost.filter((frame) => typeof frame === 'number')
}
