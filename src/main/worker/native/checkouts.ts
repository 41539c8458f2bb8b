/**
 * Checkouts of the manager's file store, for a worker that does not see its folders: the files are fetched over HTTP, each
 * content once, and stand in a folder of this worker's own.
 */
import { createHash, randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { link, readdir, rename, rm, stat, utimes, copyFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { CheckoutFiles, CheckoutRef } from '../../../shared/schemas/agent.ts'
import { CouldNotStartError, type Command } from '../commands/types.ts'
import { RefusedError } from '../http.ts'
import type { Logger } from '../logger.ts'
import type { AgentApi } from './agentApi.ts'
import { makeFolders } from '../../system/makeFolders.ts'

type CheckoutFile = CheckoutFiles['files'][number]

/** Copies that nobody used for this long are removed. */
const KEEP_MS = 7 * 86_400_000

export class CheckoutCopies {
  /** One at a time for each checkout; the next attempt of the job finds it done. */
  private readonly fetching = new Map<string, Promise<string>>()

  constructor(
    /** Where the copies are kept; absolute. */
    private readonly folder: string,
    private readonly api: AgentApi,
    private readonly log: Logger,
  ) {}

  /**
   * The commands as this worker can run them: as they are when it sees the checkout's folder, else with its own copy in the
   * folder's place. @throws CouldNotStartError when the files cannot be had
   */
  async localise(commands: readonly Command[], checkout: CheckoutRef, signal: AbortSignal): Promise<readonly Command[]> {
    if (await isFolder(checkout.root)) return commands
    const copy = await this.copyOf(checkout, signal)
    return commands.map((command) => ({ ...command, parameters: replaceRoot(command.parameters, checkout.root, copy) }))
  }

  private async copyOf(checkout: CheckoutRef, signal: AbortSignal): Promise<string> {
    for (;;) {
      signal.throwIfAborted()
      let copy = this.fetching.get(checkout.id)
      if (!copy) {
        copy = this.fetch(checkout, signal).finally(() => this.fetching.delete(checkout.id))
        this.fetching.set(checkout.id, copy)
      }
      try {
        return await copy
      } catch (error) {
        // Else whoever fetched it was stopped, which is no reason for those who waited for it.
        if (error instanceof CouldNotStartError || signal.aborted) throw error
      }
    }
  }

  private async fetch({ id, root }: CheckoutRef, signal: AbortSignal): Promise<string> {
    const place = join(this.folder, createHash('sha256').update(id).digest('hex').slice(0, 32))
    if (await isFolder(place)) {
      await utimes(place, new Date(), new Date())
      return place
    }
    const unfinished = `${place}.${randomBytes(4).toString('hex')}.tmp`
    try {
      await this.removeOld()
      const { files } = await this.api.checkout(id, signal)
      if (files.length === 0) throw new CouldNotStartError(`this worker does not see "${root}", and the manager has no files for it`)
      await makeFolders(unfinished, 0o700)
      for (const file of files) await this.fetchFile(file, unfinished, signal)
      // Somebody else's run of this worker may have been faster; theirs is as good.
      await rename(unfinished, place).catch(async (error: unknown) => {
        if (!(await isFolder(place))) throw error
      })
      this.log.info({ checkout: id, files: files.length }, 'fetched the files of a job from the manager')
      return place
    } catch (error) {
      if (error instanceof CouldNotStartError || signal.aborted) throw error
      const why = error instanceof RefusedError || error instanceof Error ? error.message : String(error)
      throw new CouldNotStartError(`cannot fetch the files of the job from the manager: ${why}`)
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
  }

  private async fetchFile({ path, sha, size }: CheckoutFile, folder: string, signal: AbortSignal): Promise<void> {
    const target = join(folder, ...path.split('/'))
    const inside = relative(folder, target)
    if (inside === '' || isAbsolute(inside) || inside.split(sep)[0] === '..') {
      throw new CouldNotStartError(`the manager names a file "${path}" that lies outside of its checkout`)
    }
    await makeFolders(dirname(target))
    const blob = join(this.folder, 'blobs', `${sha}-${size}`)
    if (!(await stat(blob).catch(() => undefined))) await this.download(sha, size, blob, signal)
    await link(blob, target).catch(() => copyFile(blob, target))
  }

  private async download(sha: string, size: number, blob: string, signal: AbortSignal): Promise<void> {
    await makeFolders(dirname(blob), 0o700)
    const temporary = `${blob}.${randomBytes(4).toString('hex')}.tmp`
    const hash = createHash('sha256')
    const hashing = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        done(null, chunk)
      },
    })
    try {
      await pipeline(await this.api.file(sha, size, signal), hashing, createWriteStream(temporary, { flags: 'wx', mode: 0o600 }), {
        signal,
      })
      if (hash.digest('hex') !== sha) throw new Error(`the manager sent other content than that of SHA-256 ${sha}`)
      await rename(temporary, blob)
    } finally {
      await rm(temporary, { force: true })
    }
  }

  /** Copies are made anew when they are wanted again; so forgetting one costs time only. */
  private async removeOld(): Promise<void> {
    const before = Date.now() - KEEP_MS
    for (const parent of [this.folder, join(this.folder, 'blobs')]) {
      for (const name of await readdir(parent).catch(() => [])) {
        const path = join(parent, name)
        const facts = await stat(path).catch(() => undefined)
        if (facts && path !== join(this.folder, 'blobs') && facts.mtimeMs < before) await rm(path, { recursive: true, force: true })
      }
    }
  }
}

/** Texts that are the root or lie in it, also inside of lists. Pure. */
function replaceRoot(parameters: Command['parameters'], root: string, copy: string): Command['parameters'] {
  const text = (value: string): string => {
    if (value === root) return copy
    const next = value.charAt(root.length)
    return value.startsWith(root) && (next === '/' || next === '\\') ? join(copy, value.slice(root.length + 1)) : value
  }
  const any = (value: unknown): unknown => (typeof value === 'string' ? text(value) : Array.isArray(value) ? value.map(any) : value)
  return Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, any(value)]))
}

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}
