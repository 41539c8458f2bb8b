/** Small JSON files of the worker's data folder: read with a schema, written whole or not at all, readable by the owner only. */
import { dirname } from 'node:path'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { ensureDir } from '../../system/ensureDir.ts'
import { readIfThere, writeFileAtomic } from '../../system/wholeFiles.ts'

/** The file's content; undefined when there is no file. @throws Error naming the file when its content is not what it should be */
export async function readJsonFile<T extends TSchema>(schema: T, path: string): Promise<Static<T> | undefined> {
  const text = await readIfThere(path)
  if (text === undefined) return undefined
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new Error(`${path} is not valid JSON`, { cause: error })
  }
  if (!Value.Check(schema, value)) {
    const [first] = Value.Errors(schema, value)
    throw new Error(`${path}: ${first?.instancePath || '/'} ${first?.message ?? 'is not valid'}`)
  }
  return value
}

/** Makes the folder, too. A crash leaves the old or the new content. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  await ensureDir(dirname(path), 0o700)
  await writeFileAtomic(path, JSON.stringify(value, null, 2) + '\n', 0o600)
}
