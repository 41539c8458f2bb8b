/** The id of a data folder, generated once. Containers carry it, so that containers of other owners are never removed. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Id } from '../../../shared/schemas/common.ts'
import { readJsonFile, writeJsonFile } from './jsonFile.ts'

const OwnerFile = Type.Object({ owner: Id })

/** The kept id; made and kept at the first call. @throws Error when the file is damaged */
export async function ownerId(dataDir: string): Promise<string> {
  const path = join(dataDir, 'owner.json')
  const kept = await readJsonFile(OwnerFile, path)
  if (kept !== undefined) return kept.owner
  const owner = randomUUID()
  await writeJsonFile(path, { owner })
  return owner
}
