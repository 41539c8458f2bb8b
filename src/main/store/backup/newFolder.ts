/** Creates a new folder from a manager's data folder: a backup, or what salvage recovered from a damaged one. */
import { stat } from 'node:fs/promises'

/** Why the folder was not created. */
export class NewFolderError extends Error {
  override readonly name = 'NewFolderError'
  constructor(
    message: string,
    readonly code: 'no-data' | 'exists' | 'damaged' | 'interrupted',
  ) {
    super(message)
  }
}

/** @throws NewFolderError */
export async function assertMissing(folder: string): Promise<void> {
  if (await stat(folder).catch(() => undefined)) throw new NewFolderError(`${folder} already exists`, 'exists')
}
