/** A file's metadata. */
import { stat } from 'node:fs/promises'
import type { FileFacts } from './decide.ts'

/** Undefined when there is no such file. @throws NodeJS errors when it cannot be determined (permissions, a broken disk) */
export async function fileFacts(path: string): Promise<FileFacts | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() ? { bytes: found.size, modifiedAt: Math.trunc(found.mtimeMs) } : undefined
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined
    throw error
  }
}
