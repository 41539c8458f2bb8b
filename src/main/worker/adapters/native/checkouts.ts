/**
 * Checkouts of the manager's file store, for a worker that cannot see its folders: downloads the files over HTTP, each
 * content once, into a folder of this worker.
 */
import { createHash, randomBytes } from 'node:crypto'
import { link, readdir, rename, rm, stat, utimes, copyFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'
import type { CheckoutFiles, CheckoutRef } from '../../../../shared/schemas/agent.ts'
import { CouldNotStartError, type Command } from '../../contract/commands.ts'
import { RefusedError } from '../../link/http.ts'
import { saveVerified } from '../../link/saveVerified.ts'
import type { Logger } from '../../../../shared/logger.ts'
import { hasFrame } from '../../../../shared/frames/taskFrames.ts'
import type { FrameRun } from '../../../../shared/frames/frameRange.ts'
import type { AgentApi } from './agentApi.ts'
import { ensureDir } from '../../../system/ensureDir.ts'
import { withFolder } from './localise.ts'

type CheckoutFile = CheckoutFiles['files'][number]

/** Copies unused for this long are removed. */
const KEEP_MS = 7 * 86_400_000

export class CheckoutCopies {
  /** One download at a time per checkout; the next attempt of the job finds it finished. */
  private readonly fetching = new Map<string, Promise<string>>()
  /** Files that only some frames need, by checkout. */
  private readonly framed = new Map<string, CheckoutFile[]>()

  constructor(
    /** Where the copies are stored; absolute. */
    private readonly folder: string,
    private readonly api: AgentApi,
    private readonly log: Logger,
  ) {}

  /**
   * The commands as this worker can run them: unchanged when it sees the checkout's folder, else with the folder replaced by its own
   * copy. Files that only some frames need are fetched for `frames`; missing: all. @throws CouldNotStartError when the files are unavailable
   */
  async localise(
    commands: readonly Command[],
    checkout: CheckoutRef,
    signal: AbortSignal,
    frames?: readonly FrameRun[],
  ): Promise<readonly Command[]> {
    if (await isFolder(checkout.root)) return commands
    const copy = await this.copyOf(checkout, signal)
    await this.fetchFramed(checkout, copy, frames, signal)
    return commands.map((command) => ({ ...command, parameters: withFolder(command.parameters, checkout.root, copy) }))
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
        // Otherwise the attempt that downloaded it was stopped, which is no reason for the waiting ones to fail.
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
      if (files.length === 0) throw new CouldNotStartError(`this worker cannot see "${root}", and the manager has no files for it`)
      await ensureDir(unfinished, 0o700)
      this.framed.set(
        id,
        files.filter((file) => file.frames !== undefined),
      )
      for (const file of files) if (file.frames === undefined) await this.fetchFile(file, unfinished, signal)
      // Another attempt may have been faster; its copy is as good.
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

  /** Files that only some frames need. */
  private async fetchFramed({ id }: CheckoutRef, copy: string, frames: readonly FrameRun[] | undefined, signal: AbortSignal) {
    try {
      let framed = this.framed.get(id)
      if (framed === undefined) {
        framed = (await this.api.checkout(id, signal)).files.filter((file) => file.frames !== undefined)
        this.framed.set(id, framed)
      }
      for (const file of framed) {
        if (frames !== undefined && !file.frames?.some((frame) => hasFrame(frames, frame))) continue
        if (!(await stat(join(copy, ...file.path.split('/'))).catch(() => undefined))) await this.fetchFile(file, copy, signal)
      }
    } catch (error) {
      if (error instanceof CouldNotStartError || signal.aborted) throw error
      throw new CouldNotStartError(
        `cannot fetch the files of the job from the manager: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  private async fetchFile({ path, sha, size }: CheckoutFile, folder: string, signal: AbortSignal): Promise<void> {
    const target = join(folder, ...path.split('/'))
    const inside = relative(folder, target)
    if (inside === '' || isAbsolute(inside) || inside.split(sep)[0] === '..') {
      throw new CouldNotStartError(`the manager listed a file outside the checkout: "${path}"`)
    }
    await ensureDir(dirname(target))
    const blob = join(this.folder, 'blobs', `${sha}-${size}`)
    if (!(await stat(blob).catch(() => undefined))) await this.download(sha, size, blob, signal)
    // Two attempts may fetch a file that both need.
    await link(blob, target).catch(async (error: unknown) => {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) await copyFile(blob, target)
    })
  }

  private async download(sha: string, size: number, blob: string, signal: AbortSignal): Promise<void> {
    await ensureDir(dirname(blob), 0o700)
    const unfinished = `${blob}.${randomBytes(4).toString('hex')}.tmp`
    await saveVerified(await this.api.file(sha, size, signal), { sha256: sha, place: blob, unfinished }, signal)
  }

  /** Copies are recreated on demand, so removing one only costs time. */
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

async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false
}
