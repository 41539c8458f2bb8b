/**
 * `read-markers`: what is in the marker files of storage roots, as this worker's own process sees them. Parameters: `files`. The result
 * has one entry for each, in their order: its text, or null and the system's error code.
 */
import { open } from 'node:fs/promises'
import { basename, isAbsolute } from 'node:path'
import { Type } from 'typebox'
import { readParameters } from '../parameters.ts'
import type { CommandRunner } from '../../contract/commands.ts'

const Parameters = Type.Object({ files: Type.Array(Type.String({ maxLength: 4096 }), { maxItems: 200 }) })
/** A network share that hangs must not keep the answer of the others. */
const PATIENCE_MS = 8_000
const MAX_BYTES = 200
/** Nothing else is read. */
const MARKER = /^\.framehouse-root-[0-9A-Za-z]+$/

interface Found {
  text: string | null
  problem: string
}

export const readMarkers: CommandRunner = async (command, context) => {
  const { files } = readParameters(Parameters, command)
  context.result(await Promise.all(files.map((file) => inTime(read(file)))))
}

async function read(file: string): Promise<Found> {
  if (!isAbsolute(file) || !MARKER.test(basename(file))) return { text: null, problem: 'is no marker on this machine' }
  try {
    // Opened anew each time: network disks check then whether the file is still the one that they remember.
    const handle = await open(file, 'r')
    try {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(MAX_BYTES), 0, MAX_BYTES, 0)
      return { text: buffer.toString('utf8', 0, bytesRead), problem: '' }
    } finally {
      await handle.close()
    }
  } catch (error) {
    return { text: null, problem: error instanceof Error && 'code' in error ? String(error.code) : String(error) }
  }
}

function inTime(found: Promise<Found>): Promise<Found> {
  let timer: NodeJS.Timeout
  const late: Found = { text: null, problem: `no answer within ${PATIENCE_MS / 1000} s` }
  const limit = new Promise<Found>((resolve) => (timer = setTimeout(() => resolve(late), PATIENCE_MS)))
  return Promise.race([found, limit]).finally(() => clearTimeout(timer))
}
