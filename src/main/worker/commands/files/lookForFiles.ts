/**
 * `look-for-frames` and `look-for-files`: requests that look at files which other machines wrote. They look again for up to `waitMs`
 * while a file is missing: caches of network disks show it late.
 */
import { stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'
import { lookForFrames } from '../../../pictures/lookForFrames.ts'
import { findProgram } from '../../tools/find.ts'
import { readParameters } from '../parameters.ts'
import type { CommandRunner } from '../../contract/commands.ts'

const WaitMs = Type.Integer({ minimum: 0, maximum: 600_000 })
const FramesParameters = Type.Object({
  frames: Type.Array(Type.Object({ frame: Type.Integer(), folder: Type.Integer(), stem: Type.String() }), { maxItems: 100_000 }),
  folders: Type.Array(Type.String({ maxLength: 4096 })),
  waitMs: WaitMs,
})
const FilesParameters = Type.Object({ files: Type.Array(Type.String({ maxLength: 4096 }), { maxItems: 10_000 }), waitMs: WaitMs })

/** `folders`: their paths, with variables filled in; `frames`: what is looked for, each naming its folder by its place. */
export const lookForFramesCommand: CommandRunner = async (command, context) => {
  const { frames, folders, waitMs } = readParameters(FramesParameters, command)
  const promised = frames.map(({ frame, folder, stem }) => ({ frame, folder: folders[folder] ?? '', stem }))
  context.result(await lookForFrames(promised, { waitMs, signal: context.signal, ffmpeg: findProgram('ffmpeg', context.tools) }))
}

const LONGEST_WAIT_MS = 5_000

export const lookForFilesCommand: CommandRunner = async (command, context) => {
  const { files, waitMs } = readParameters(FilesParameters, command)
  const until = performance.now() + waitMs
  let missing = await missingOf(
    files.map((_, index) => index),
    files,
  )
  for (let pause = 250; missing.length > 0; pause = Math.min(2 * pause, LONGEST_WAIT_MS)) {
    const left = until - performance.now()
    if (left <= 0) break
    await sleep(Math.min(pause, left), undefined, { signal: context.signal })
    missing = await missingOf(missing, files)
  }
  context.result({ missing })
}

async function missingOf(indices: readonly number[], files: readonly string[]): Promise<number[]> {
  const missing: number[] = []
  for (const index of indices) {
    const found = await stat(files[index] ?? '').catch(() => undefined)
    if (found?.isFile() !== true) missing.push(index)
  }
  return missing
}
