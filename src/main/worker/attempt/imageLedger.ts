/** Which images were pulled for the farm, and when they were last used: a file in the worker's data folder. */
import { join } from 'node:path'
import { Type } from 'typebox'
import type { ImageLedger } from '../../docker/engines/prune.ts'
import { readJsonFile, writeJsonFile } from '../data/jsonFile.ts'
import type { Logger } from '../../../shared/logger.ts'

const File = Type.Array(Type.Object({ engine: Type.String(), reference: Type.String(), usedAt: Type.Number() }))

/** An unreadable file counts as empty, which keeps images; a write failure is logged. */
export function imageLedger(dataDir: string, log: Logger): ImageLedger {
  const path = join(dataDir, 'images.json')
  let writing = Promise.resolve()
  return {
    load: () =>
      readJsonFile(File, path).then(
        (found) => found ?? [],
        (error: unknown) => {
          log.warn({ err: error }, 'cannot read the list of pulled images')
          return []
        },
      ),
    save: (images) => {
      const content = [...images]
      writing = writing
        .then(() => writeJsonFile(path, content))
        .catch((error: unknown) => {
          log.warn({ err: error }, 'cannot write the list of pulled images')
        })
      return writing
    },
  }
}
