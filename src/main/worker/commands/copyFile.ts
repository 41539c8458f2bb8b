/** `copy-file`: copies one file to a place where nothing stands yet; both paths are absolute. */
import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { link, lstat, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Type } from 'typebox'
import { fileProblem } from './fileProblem.ts'
import { makeFolders } from '../../system/makeFolders.ts'
import { readParameters, refuse } from './parameters.ts'
import type { CommandContext, CommandRunner } from './types.ts'
import { CommandFailedError } from './types.ts'

const Parameters = Type.Object({ src: Type.String({ minLength: 1 }), dest: Type.String({ minLength: 1 }) })

/** Of folders that are made for the destination. */
const FOLDER_MODE = 0o750
const CHUNK_BYTES = 1024 * 1024

export const copyFile: CommandRunner = async (command, context) => {
  const { src, dest } = readParameters(Parameters, command)
  if (!isAbsolute(src)) refuse(command, 'src', `must be an absolute path, but it is "${src}"`)
  if (!isAbsolute(dest)) refuse(command, 'dest', `must be an absolute path, but it is "${dest}"`)
  context.signal.throwIfAborted()
  const source = await stat(src).catch((error: unknown) => {
    throw new CommandFailedError(`cannot copy "${src}": ${fileProblem(error)}`)
  })
  if (!source.isFile()) throw new CommandFailedError(`cannot copy "${src}": it is not a regular file`)
  if ((await lstat(dest).catch(() => undefined)) !== undefined) {
    throw new CommandFailedError(`destination "${dest}" already exists, not copying`)
  }
  context.log('farm', `copy-file: copying "${src}" to "${dest}"\n`)
  const half = join(dirname(dest), `.${basename(dest)}.${randomUUID()}.part`)
  try {
    await makeFolders(dirname(dest), FOLDER_MODE)
    await copyBytes(src, half, source.mode, context)
    await place(half, dest)
  } catch (error) {
    context.signal.throwIfAborted()
    if (error instanceof CommandFailedError) throw error
    throw new CommandFailedError(`could not copy "${src}" to "${dest}": ${fileProblem(error)}`)
  } finally {
    await rm(half, { force: true })
  }
  context.log('farm', `copy-file: copied ${source.size} bytes to "${dest}"\n`)
}

async function copyBytes(src: string, half: string, mode: number, context: CommandContext): Promise<void> {
  const alive = new Transform({
    transform(chunk, _encoding, done) {
      context.alive()
      done(null, chunk)
    },
  })
  await pipeline(
    createReadStream(src, { highWaterMark: CHUNK_BYTES }),
    alive,
    createWriteStream(half, { flags: 'wx', mode: mode & 0o777 }),
    { signal: context.signal },
  )
}

/** Gives the finished copy its name, unless somebody else has taken that meanwhile. */
async function place(half: string, dest: string): Promise<void> {
  try {
    await link(half, dest)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') throw new CommandFailedError(`destination "${dest}" already exists, not copying`)
    // Disks without hard links (FAT, some network shares): rename is all they offer.
    await rename(half, dest)
  }
}
