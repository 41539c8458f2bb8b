/** Looks for the files of frames that another machine rendered: which are there, and whether they are whole. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { viewOfFile, type PromisedFrame } from '../../shared/frames/blenderOutputs.ts'
import type { PictureFacts } from './checkPicture.ts'
import { checkForeignPicture } from './foreign.ts'

export interface FoundFile {
  path: string
  frame: number
  view: string
  check: 'whole' | 'damaged' | 'unchecked'
  reason: string
  bytes: number
  modifiedAt: number
  width: number | null
  height: number | null
  /** Missing where the look had no pixels at hand. */
  facts?: PictureFacts
}

export interface FramesLook {
  found: FoundFile[]
  /** Frames without a file. */
  missing: PromisedFrame[]
  /** Of the folders that are named, those that do not exist here: their frames cannot be checked from here. */
  unseen: string[]
}

export interface LookOptions {
  /** How long files that are missing or damaged are looked at again, in milliseconds. */
  waitMs: number
  ffmpeg?: string | undefined
  signal?: AbortSignal | undefined
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 5_000

/** Folders must be absolute, in this machine's notation. @throws the signal's reason */
export async function lookForFrames(promised: readonly PromisedFrame[], options: LookOptions): Promise<FramesLook> {
  const until = performance.now() + options.waitMs
  const look: FramesLook = { found: [], missing: [], unseen: [] }
  for (const [folder, frames] of byFolder(promised)) {
    const names = await namesIn(folder)
    if (names === undefined) {
      look.unseen.push(folder)
      continue
    }
    const { files, missing } = await waitForFiles(folder, frames, names, until, options.signal)
    look.missing.push(...missing)
    for (const file of files) {
      const judged = await judge(file, Math.max(0, until - performance.now()), options)
      if (judged === undefined) look.missing.push({ frame: file.frame, folder, stem: file.stem })
      else look.found.push(judged)
    }
  }
  return look
}

interface NamedFile {
  path: string
  frame: number
  stem: string
  view: string
}

async function waitForFiles(
  folder: string,
  frames: readonly PromisedFrame[],
  firstNames: readonly string[],
  until: number,
  signal: AbortSignal | undefined,
): Promise<{ files: NamedFile[]; missing: PromisedFrame[] }> {
  let names = firstNames
  for (let pause = FIRST_WAIT_MS; ; pause = Math.min(2 * pause, LONGEST_WAIT_MS)) {
    const files = frames.flatMap(({ frame, stem }) =>
      names.flatMap((name) => {
        const match = viewOfFile(name, stem)
        return match === undefined ? [] : [{ path: join(folder, name), frame, stem, view: match.view }]
      }),
    )
    const there = new Set(files.map(({ stem }) => stem))
    const missing = frames.filter(({ stem }) => !there.has(stem))
    const left = until - performance.now()
    if (missing.length === 0 || left <= 0) return { files, missing }
    await sleep(Math.min(pause, left), undefined, { signal })
    names = (await namesIn(folder)) ?? []
  }
}

/** Undefined when it vanished. */
async function judge({ path, frame, view }: NamedFile, waitMs: number, options: LookOptions): Promise<FoundFile | undefined> {
  const { ffmpeg, signal } = options
  try {
    const verdict = await checkForeignPicture(path, { waitMs, ...(ffmpeg !== undefined && { ffmpeg }), ...(signal && { signal }) })
    const facts = await stat(path)
    return {
      path,
      frame,
      view,
      check: verdict.state,
      reason: verdict.state === 'whole' ? '' : verdict.reason,
      bytes: facts.size,
      modifiedAt: Math.trunc(facts.mtimeMs),
      width: verdict.state === 'whole' ? verdict.width : null,
      height: verdict.state === 'whole' ? verdict.height : null,
      ...(verdict.state === 'whole' && verdict.facts && { facts: verdict.facts }),
    }
  } catch (error) {
    signal?.throwIfAborted()
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'ENOENT') return undefined
    return {
      path,
      frame,
      view,
      check: 'unchecked',
      reason: `cannot be read here: ${code}`,
      bytes: 0,
      modifiedAt: 0,
      width: null,
      height: null,
    }
  }
}

async function namesIn(folder: string): Promise<string[] | undefined> {
  return readdir(folder).catch(() => undefined)
}

function byFolder(promised: readonly PromisedFrame[]): Map<string, PromisedFrame[]> {
  const folders = new Map<string, PromisedFrame[]>()
  for (const frame of promised) {
    const known = folders.get(frame.folder)
    if (known) known.push(frame)
    else folders.set(frame.folder, [frame])
  }
  return folders
}
