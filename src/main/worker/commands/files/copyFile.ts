/** `copy-file`: copies one file to a destination that must not exist; both paths are absolute. */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { link, lstat, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Type } from 'typebox'
import { fileProblem } from '../fileProblem.ts'
import { lookAt } from '../../attempt/existing/index.ts'
import { ensureDir } from '../../../system/ensureDir.ts'
import { readParameters, refuse } from '../parameters.ts'
import type { CommandContext, CommandRunner } from '../../contract/commands.ts'
import { CommandFailedError } from '../../contract/commands.ts'
import { hashFile } from '../../../system/hashFile.ts'

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
  // A damaged picture under a new name would look like one that a renderer has finished.
  const look = await lookAt(src, context).catch((error: unknown) => {
    context.signal.throwIfAborted()
    throw new CommandFailedError(`cannot copy "${src}": ${fileProblem(error)}`)
  })
  if (look?.state === 'damaged') throw new CommandFailedError(`cannot copy "${src}": it is damaged: ${look.reason}`)
  const half = join(dirname(dest), `.${basename(dest)}.${randomUUID()}.part`)
  try {
    await ensureDir(dirname(dest), FOLDER_MODE)
    const sha256 = await copyBytes(src, half, source.mode, context)
    // Some network disks accept what does not fit, or lose it, without reporting an error.
    if ((await hashFile(half, context.signal)) !== sha256) {
      throw new CommandFailedError(`could not copy "${src}" to "${dest}": what was written is not what was read`)
    }
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

/** @returns SHA-256 of what was read */
async function copyBytes(src: string, half: string, mode: number, context: CommandContext): Promise<string> {
  const hash = createHash('sha256')
  const alive = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      context.alive()
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(
    createReadStream(src, { highWaterMark: CHUNK_BYTES }),
    alive,
    // Errors of disks that write late come with the flush.
    createWriteStream(half, { flags: 'wx', mode: mode & 0o777, flush: true }),
    { signal: context.signal },
  )
  return hash.digest('hex')
}

/** Gives the finished copy its name, unless that has been taken in the meantime. */
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
