/**
 * Files that exist before an attempt starts: kept when the attempt's rule allows it, else set aside (docs/frames.md).
 * Commands call `settleExisting` before they render, with the files that they will write.
 */
import type { Inputs } from '../../../../shared/schemas/jobs/existing.ts'
import { setAside } from '../../../system/setAside.ts'
import type { CommandContext, OutputFile } from '../../contract/commands.ts'
import { decideExisting, type Look } from './decide.ts'
import { fileFacts } from './fileFacts.ts'
import { hashFile } from '../../../system/hashFile.ts'

export type { Look } from './decide.ts'
export { comparedWithBefore } from './compare.ts'
export { fileFacts } from './fileFacts.ts'
export { publishFile, removeUnfinished, unfinishedFolder } from './publish.ts'
export { hashOf, namedFiles, programByFile } from './inputs.ts'
export { isJudged, lookAt, WrittenFiles } from './written.ts'
export { setAside } from '../../../system/setAside.ts'

/** A file that the command will write. Size in pixels if known. */
export interface PromisedFile {
  /** Absolute. */
  path: string
  frame?: number | undefined
  view?: string | undefined
  width?: number | undefined
  height?: number | undefined
}

export interface SettledFiles {
  /** Exists and is valid: must not be written again. Not reported yet. */
  kept: OutputFile[]
  /** Must be written. Their names are free. */
  open: PromisedFile[]
}

/**
 * Decides for each expected file whether it is kept, and moves the others out of the way.
 * @param look checks a file by its content
 * @throws NodeJS errors when a file can be neither read nor moved
 */
export async function settleExisting(
  promised: readonly PromisedFile[],
  inputs: Inputs,
  context: Pick<CommandContext, 'existing' | 'log' | 'signal' | 'alive'>,
  look: (file: PromisedFile) => Promise<Look & { width?: number; height?: number }>,
): Promise<SettledFiles> {
  const settled: SettledFiles = { kept: [], open: [] }
  for (const file of promised) {
    context.signal.throwIfAborted()
    const kept = await settleOne(file, inputs, context, look)
    if (kept === undefined) settled.open.push(file)
    else settled.kept.push(kept)
    context.alive()
  }
  return settled
}

/** Reports the kept files, and warns once about them. */
export function reportKept(kept: readonly OutputFile[], context: Pick<CommandContext, 'output' | 'warn'>): void {
  if (kept.length === 0) return
  for (const file of kept) context.output(file)
  const frames = kept.flatMap(({ frame }) => frame ?? [])
  context.warn({ code: 'frames-kept', text: 'existing frames were kept', count: kept.length, frames })
}

/** The file when it is kept; undefined when it must be written. */
async function settleOne(
  file: PromisedFile,
  inputs: Inputs,
  { existing, log, signal }: Pick<CommandContext, 'existing' | 'log' | 'signal'>,
  look: (file: PromisedFile) => Promise<Look & { width?: number; height?: number }>,
): Promise<OutputFile | undefined> {
  const { path } = file
  const found = await fileFacts(path)
  const facts = { existing, path, found, inputs }
  let decision = decideExisting(facts)
  let sha256: string | undefined
  let seen: (Look & { width?: number; height?: number }) | undefined
  if (decision.action === 'examine') {
    if (decision.hash) sha256 = await hashFile(path, signal)
    if (decision.look) seen = await look(file)
    decision = decideExisting({ ...facts, sha256, look: seen })
  }
  if (decision.action === 'keep' && found !== undefined) {
    const { known } = decision
    sha256 ??= known?.sha256 ?? (await hashFile(path, signal))
    return {
      path,
      ...(file.frame !== undefined && { frame: file.frame }),
      ...(file.view !== undefined && file.view !== '' && { view: file.view }),
      bytes: found.bytes,
      modifiedAt: found.modifiedAt,
      width: seen?.width ?? known?.width ?? file.width,
      height: seen?.height ?? known?.height ?? file.height,
      check: 'whole',
      kept: true,
      sha256,
    }
  }
  if (decision.action === 'set-aside') {
    const to = await setAside(path, { damaged: decision.damaged })
    if (to !== undefined) log('farm', `set aside "${path}" (${decision.reason}): now "${to}"\n`)
  }
  return undefined
}
