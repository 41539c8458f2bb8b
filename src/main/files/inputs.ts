/** Inputs of future jobs: stored contents laid out as a folder that the job reads from, and the frames that need only some of them. */
import type { InputFile, Inputs as InputsReply } from '../../shared/schemas/jobs/content.ts'
import { InvalidInputError } from '../engine/base/errors.ts'
import type { ReadDatabase } from '../store/connection.ts'
import type { Writer } from '../store/writer.ts'
import type { CheckoutFile } from './shaman/checkout.ts'
import type { Shaman } from './shaman/shaman.ts'
import type { Uploads } from './uploads.ts'

export interface InputsOptions {
  shaman: Shaman
  uploads: Uploads
  read: ReadDatabase
  writer: Pick<Writer, 'exclusive'>
}

/** A file of a checkout. Without frames every task needs it. */
export interface PlacedFile extends CheckoutFile {
  frames?: number[]
}

export class JobInputs {
  constructor(private readonly options: InputsOptions) {}

  /**
   * Makes the input folder of a job.
   * @throws InvalidInputError for paths that escape or clash, MissingFilesError when a content was not sent before
   */
  async create(files: readonly InputFile[]): Promise<InputsReply> {
    const { shaman, uploads, writer } = this.options
    assertDistinct(files)
    const checkoutId = await uploads.lay(files.map(({ path, sha256, bytes }) => ({ path, sha: sha256, size: bytes })))
    const rows = files.flatMap(({ path, frames = [] }) => frames.map((frame) => [path, frame]))
    if (rows.length > 0)
      await writer.exclusive((tx) =>
        tx.run('insert or ignore into checkout_frames (checkout_id, path, frame) select ?1, value->>0, value->>1 from json_each(?2)', [
          checkoutId,
          JSON.stringify(rows),
        ]),
      )
    return {
      checkoutId,
      folder: shaman.checkouts.folderOf(checkoutId),
      files: files.length,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    }
  }

  /** The files of any checkout, with the frames that need them. */
  async list(checkoutId: string): Promise<PlacedFile[]> {
    const [files, rows] = await Promise.all([
      this.options.shaman.checkouts.list(checkoutId),
      this.options.read.all<{ path: string; frames: string }>(
        'select path, json_group_array(frame) as frames from checkout_frames where checkout_id = ? group by path',
        [checkoutId],
      ),
    ])
    // An array of whole numbers, which SQLite made.
    const frames = new Map(rows.map((row) => [row.path, JSON.parse(row.frames) as number[]]))
    return files.map((file) => {
      const own = frames.get(file.path)
      return own === undefined ? file : { ...file, frames: own }
    })
  }

  /** Removes the folder of a job that is purged, and what is known of it. */
  async erase(checkoutId: string): Promise<void> {
    const { shaman, writer } = this.options
    await shaman.eraseCheckout(checkoutId)
    await writer.exclusive((tx) => tx.run('delete from checkout_frames where checkout_id = ?', [checkoutId]))
  }
}

/** @throws InvalidInputError for two files with one path, also where a system takes them for one */
function assertDistinct(files: readonly InputFile[]): void {
  const seen = new Map<string, InputFile>()
  for (const [index, file] of files.entries()) {
    const key = file.path.normalize('NFC').toLowerCase()
    const other = seen.get(key)
    if (other !== undefined && other.sha256 !== file.sha256)
      throw new InvalidInputError(
        `files/${index}/path`,
        `"${file.path}" and "${other.path}" are one file on some systems, with different contents`,
      )
    seen.set(key, file)
  }
}
