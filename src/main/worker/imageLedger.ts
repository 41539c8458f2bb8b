/** Which images were pulled for the farm, and when they were used last: a file of the worker's data folder. */
import { join } from 'node:path'
import { Type } from 'typebox'
import type { ImageLedger } from '../docker/prune.ts'
import { readJsonFile, writeJsonFile } from './jsonFile.ts'
import type { Logger } from './logger.ts'

const File = Type.Array(Type.Object({ engine: Type.String(), reference: Type.String(), usedAt: Type.Number() }))

/** A file that cannot be read counts as empty, which keeps images; one that cannot be written is told to the log. */
export function imageLedger(dataDir: string, log: Logger): ImageLedger {
  const path = join(dataDir, 'images.json')
  let writing = Promise.resolve()
  return {
    load: () =>
      readJsonFile(File, path).then(
        (found) => found ?? [],
        (error: unknown) => {
          log.warn({ err: error }, 'cannot read which images were pulled')
          return []
        },
      ),
    save: (images) => {
      const content = [...images]
      writing = writing
        .then(() => writeJsonFile(path, content))
        .catch((error: unknown) => {
          log.warn({ err: error }, 'cannot keep which images were pulled')
        })
      return writing
    },
  }
}
