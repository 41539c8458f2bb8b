/**
 * Checkouts: a folder of relative links into the file store, laid out like the client's project. Created completely or
 * not at all, and only removed by their owner.
 */
import { copyFile, link, lstat, mkdir, readlink, realpath, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { ConflictError, FarmError, InvalidInputError, NotFoundError } from '../../engine/base/errors.ts'
import { errorCode, forEachLimited, isMissing, removeEmptyFolders, walk } from '../content/disk.ts'
import { blobOfPath, storedFolder, type BlobId } from '../content/blobs.ts'
import type { FileStore } from '../content/fileStore.ts'
import { assertCheckoutPath, assertFilePath, checkoutRoot } from './paths.ts'
import { ensureDir } from '../../system/ensureDir.ts'

export interface CheckoutFile extends BlobId {
  /** Where it goes, relative to the checkout, with slashes. */
  path: string
}

/** Files of the checkout that were never uploaded. */
export class MissingFilesError extends FarmError {
  readonly code = 'missing-files'
}

export interface CheckoutOptions {
  storage(): string
  /** Four characters of a–z and 0–9 that make a taken name unique. */
  suffix(): string
}

const SUFFIX_TRIES = 10
/** Links are small: this many at once keep a network file system busy. */
const LINKS_AT_ONCE = 16

export class Checkouts {
  constructor(
    private readonly store: FileStore,
    private readonly options: CheckoutOptions,
  ) {}

  /**
   * Creates a checkout and returns its path below the checkout root: the requested one, with a suffix if it is taken.
   * @throws InvalidInputError for paths that escape or clash, MissingFilesError, ConflictError when no name is free
   */
  async create(checkoutPath: string, files: readonly CheckoutFile[]): Promise<string> {
    assertCheckoutPath(checkoutPath)
    for (const [index, file] of files.entries()) assertFilePath(file.path, `files/${index}/path`)
    await this.assertStored(files)

    const root = checkoutRoot(this.options.storage())
    await ensureDir(root)
    const { name, folder } = await this.makeFolder(root, checkoutPath)
    try {
      await forEachLimited(files, LINKS_AT_ONCE, (file) => this.place(file, folder))
    } catch (error) {
      await rm(folder, { recursive: true, force: true })
      await removeEmptyFolders(path.dirname(folder), root)
      throw error
    }
    return name
  }

  /** Where a checkout lies. Absolute. @throws InvalidInputError */
  folderOf(checkoutPath: string): string {
    assertCheckoutPath(checkoutPath)
    return path.join(checkoutRoot(this.options.storage()), ...checkoutPath.split('/'))
  }

  /** Puts one more file into a checkout. @throws InvalidInputError for a path that is taken, NotFoundError, MissingFilesError */
  async add(checkoutPath: string, file: CheckoutFile): Promise<void> {
    const folder = this.folderOf(checkoutPath)
    assertFilePath(file.path, 'path')
    await this.assertStored([file])
    if (!(await lstat(folder).catch(() => undefined))?.isDirectory()) throw new NotFoundError('checkout', checkoutPath)
    await assertBelow(folder, checkoutRoot(this.options.storage()))
    await this.place(file, folder)
  }

  /**
   * The files of a checkout: what its links point at in the store. What is no such link (a copy, where links cannot be made)
   * is not listed. Empty for a checkout that does not exist.
   */
  async list(checkoutPath: string): Promise<CheckoutFile[]> {
    const folder = this.folderOf(checkoutPath)
    const stored = storedFolder(this.options.storage())
    const files: CheckoutFile[] = []
    for await (const { file, entry } of walk(folder)) {
      if (!entry.isSymbolicLink()) continue
      const blob = blobOfPath(stored, path.resolve(path.dirname(file), await readlink(file)))
      if (blob) files.push({ ...blob, path: path.relative(folder, file).split(path.sep).join('/') })
    }
    return files
  }

  /** Removes a checkout and a parent folder that this leaves empty; one that does not exist is fine. The blobs stay. */
  async erase(checkoutPath: string): Promise<void> {
    assertCheckoutPath(checkoutPath)
    const root = checkoutRoot(this.options.storage())
    const folder = path.join(root, ...checkoutPath.split('/'))
    try {
      await assertBelow(path.dirname(folder), root)
      // A link in the place of the folder is removed, never what it points at.
      if ((await lstat(folder)).isSymbolicLink()) await rm(folder)
      else await rm(folder, { recursive: true, force: true })
    } catch (error) {
      if (!isMissing(error)) throw error
    }
    await removeEmptyFolders(path.dirname(folder), root)
  }

  private async assertStored(files: readonly CheckoutFile[]): Promise<void> {
    const missing: CheckoutFile[] = []
    await forEachLimited(files, LINKS_AT_ONCE, async (file) => {
      if ((await this.store.check(file)) !== 'stored') missing.push(file)
    })
    const first = missing[0]
    if (first)
      throw new MissingFilesError(
        `${missing.length} of ${files.length} files are not in the file store, among them ${first.path} ` +
          `(${first.sha}, ${first.size} bytes)`,
      )
  }

  /** Creates the checkout's own folder: it exists afterwards and was not there before. */
  private async makeFolder(root: string, checkoutPath: string): Promise<{ name: string; folder: string }> {
    for (let attempt = 0; attempt <= SUFFIX_TRIES; attempt++) {
      const name = attempt === 0 ? checkoutPath : `${checkoutPath}-${this.options.suffix()}`
      const folder = path.join(root, ...name.split('/'))
      try {
        await ensureDir(path.dirname(folder))
        await assertBelow(path.dirname(folder), root)
        await mkdir(folder)
        return { name, folder }
      } catch (error) {
        const code = errorCode(error)
        if (code === 'ENOTDIR') throw new InvalidInputError('checkoutPath', `checkoutPath "${checkoutPath}" leads through a file`)
        if (code === 'ENAMETOOLONG') throw new InvalidInputError('checkoutPath', 'checkoutPath has a name that is too long')
        if (code !== 'EEXIST') throw error
      }
    }
    throw new ConflictError(`checkoutPath "${checkoutPath}" exists already, and so do ${SUFFIX_TRIES} variations of it`)
  }

  private async place(file: CheckoutFile, folder: string): Promise<void> {
    const place = path.join(folder, ...file.path.split('/'))
    try {
      await ensureDir(path.dirname(place))
      await linkTo(this.store.pathOf(file), place)
    } catch (error) {
      const code = errorCode(error)
      if (code === 'ENOTDIR' || code === 'EEXIST') {
        throw new InvalidInputError('files', `files: the path "${file.path}" clashes with another file of the checkout`)
      }
      if (code === 'ENAMETOOLONG')
        throw new InvalidInputError('files', `files: the path "${file.path.slice(0, 200)}" has a name that is too long`)
      throw error
    }
  }
}

/** A relative symbolic link; where the file system or the user's rights forbid it a hard link, else a copy. */
async function linkTo(blob: string, place: string): Promise<void> {
  const target = path.relative(path.dirname(place), blob)
  try {
    await symlink(target, place, 'file')
    return
  } catch (error) {
    const code = errorCode(error)
    if (code === 'EEXIST') {
      // The same file twice in one request is fine; two files at one place are not.
      if ((await readlink(place).catch(() => undefined)) === target) return
      throw error
    }
    if (!['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'UNKNOWN'].includes(code ?? '')) throw error
  }
  try {
    await link(blob, place)
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw error
    await copyFile(blob, place)
  }
}

/** @throws InvalidInputError when a link on the way leads out of the root. Missing folders throw ENOENT. */
async function assertBelow(folder: string, root: string): Promise<void> {
  const [realFolder, realRoot] = await Promise.all([realpath(folder), realpath(root)])
  if (realFolder !== realRoot && !realFolder.startsWith(realRoot + path.sep)) {
    throw new InvalidInputError('checkoutPath', 'checkoutPath leads out of the folder of checkouts')
  }
}
