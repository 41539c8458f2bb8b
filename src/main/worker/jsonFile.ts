/** Small JSON files of the worker's data folder: read with a schema, written whole or not at all, readable by the owner only. */
import { open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { makeFolders } from '../system/makeFolders.ts'

/** The file's content; undefined when there is no file. @throws Error naming the file when its content is not what it should be */
export async function readJsonFile<T extends TSchema>(schema: T, path: string): Promise<Static<T> | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
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

/** Writes through a temporary file, synced before it takes the old one's place: a crash leaves the old or the new content. */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  await makeFolders(dirname(path), 0o700)
  const temporary = `${path}.${process.pid}.tmp`
  const handle = await open(temporary, 'w', 0o600)
  try {
    await handle.writeFile(JSON.stringify(value, null, 2) + '\n')
    await handle.sync()
  } finally {
    await handle.close()
  }
  await rename(temporary, path)
}
