/**
 * Files that people upload in the browser: stored by content, with a checkout of their own that jobs read from and that
 * is removed with its job. `<storage>/jobs/uploads/<random>/<name>`
 */
import { randomBytes } from 'node:crypto'
import { readdir, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import type { Upload } from '../../shared/schemas/storage.ts'
import { InvalidInputError } from '../engine/base/errors.ts'
import type { CheckoutFile } from './shaman/checkout.ts'
import type { Shaman } from './shaman/shaman.ts'

const FOLDER = 'uploads'
const NAME_CHARS = 24
const UPLOAD_ID = /^uploads\/[0-9a-f]{24}$/
/** An upload that no job uses by then is abandoned. */
const UNUSED_MS = 7 * 86_400_000
/** How often it is looked for such ones, at most. */
const SWEEP_MS = 3_600_000
/** Larger than any scene that people would send through a browser. */
export const MAX_UPLOAD_BYTES = 64 * 2 ** 30

export interface UploadsOptions {
  shaman: Shaman
  /** Whether a job, deleted ones within the undo period included, belongs to the checkout. */
  isUsed(checkoutId: string): Promise<boolean>
  now(): number
}

export class Uploads {
  private sweptAt = Number.NEGATIVE_INFINITY

  constructor(private readonly options: UploadsOptions) {}

  /**
   * Keeps a file. `beside`: the checkout of an earlier upload, for a job with several files.
   * @throws InvalidInputError for a name that is no file name, or is taken; UploadTooLargeError, UploadAbortedError
   */
  async add(name: string, body: AsyncIterable<Buffer>, beside?: string): Promise<Upload> {
    const { shaman } = this.options
    assertFileName(name)
    if (beside !== undefined && !UPLOAD_ID.test(beside)) throw new InvalidInputError('beside', `"${beside}" is not an upload`)
    await this.sweep()
    const blob = await shaman.store.add(body, MAX_UPLOAD_BYTES)
    const file = { ...blob, path: name }
    let checkoutId = beside
    if (checkoutId === undefined) checkoutId = await shaman.checkouts.create(newId(), [file])
    else await shaman.checkouts.add(checkoutId, file)
    return { checkoutId, path: join(shaman.checkouts.folderOf(checkoutId), name), name, bytes: blob.size, sha256: blob.sha }
  }

  /** Lays out stored contents as an upload of their own; returns its id. @throws InvalidInputError, MissingFilesError */
  async lay(files: readonly CheckoutFile[]): Promise<string> {
    await this.sweep()
    return this.options.shaman.checkouts.create(newId(), files)
  }

  /** The upload whose file a text names: a path of the manager, or a command line with one in it. */
  idIn(text: string): string | undefined {
    const root = this.folder() + sep
    for (let at = text.indexOf(root); at >= 0; at = text.indexOf(root, at + 1)) {
      const id = `${FOLDER}/${text.slice(at + root.length, at + root.length + NAME_CHARS)}`
      if (UPLOAD_ID.test(id)) return id
    }
    return undefined
  }

  /** The folder that all uploads lie in. */
  private folder(): string {
    return dirname(this.options.shaman.checkouts.folderOf(`${FOLDER}/x`))
  }

  /** Removes uploads without a job. The next garbage collection removes their contents. */
  private async sweep(): Promise<void> {
    const { shaman, isUsed, now } = this.options
    if (now() - this.sweptAt < SWEEP_MS) return
    this.sweptAt = now()
    const folder = this.folder()
    for (const name of await readdir(folder).catch(() => [])) {
      const id = `${FOLDER}/${name}`
      const facts = UPLOAD_ID.test(id) ? await stat(join(folder, name)).catch(() => undefined) : undefined
      if (facts && facts.mtimeMs < now() - UNUSED_MS && !(await isUsed(id))) await shaman.eraseCheckout(id)
    }
  }
}

const newId = (): string => `${FOLDER}/${randomBytes(NAME_CHARS / 2).toString('hex')}`

const FORBIDDEN = /[\u0000-\u001f\u007f<>:"/\\|?*{}]/
/** Windows takes these for devices, whatever ending they have, and drops a dot or blank at the end of a name. */
const SPECIAL_ON_WINDOWS = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)|[. ]$/i

/** @throws InvalidInputError */
function assertFileName(name: string): void {
  if (name === '' || name.length > 200 || FORBIDDEN.test(name) || SPECIAL_ON_WINDOWS.test(name)) {
    throw new InvalidInputError('name', `"${name.slice(0, 200)}" is not a valid file name on every platform`)
  }
}
