/** The images that a video is made of, in the order of their numbers: one list for each view of a stereo or multi-view render. */
import { readdir, stat } from 'node:fs/promises'
import { posix } from 'node:path'
import { listFrames, parseFrameRange, writeFrames } from '../../../../shared/frames/frameRange.ts'
import { globFiles } from '../glob.ts'

/** What a command says of its images. Paths may have either slash. */
export interface ImageRequest {
  /** For commands that say no more, of job types that know Flamenco only: all matching files. */
  glob: string
  /** A path as given to a renderer: `####` in its name is the frame. Without it, it is one image or, with `extension`, as if the name ended with `####`. */
  path?: string
  /** What the renderer adds to the path; in place of an image's extension that it has. */
  extension?: string
  /** The frames that there must be; missing: those that are there. */
  frames?: string
}

export interface ImageList {
  /** What the renderer adds to the names of a view, such as `_L`; empty where there is one view only. */
  view: string
  files: string[]
}

/** Frames that a video must have are not there; the message names them. */
export class MissingImagesError extends Error {
  override readonly name = 'MissingImagesError'
}

const IMAGE_ENDING = /\.(png|jpe?g|exr|tiff?|tga|bmp|dpx|cin|hdr|webp|jp2|j2c|rgb|sgi)$/i
const VIEW = '[._-][A-Za-z][A-Za-z0-9]*'
/** Frames that a message names. */
const MAX_NAMED = 20

/** @throws MissingImagesError, FrameRangeError */
export async function findImages({ glob, path, extension = '', frames }: ImageRequest): Promise<ImageList[]> {
  if (path === undefined) return one((await globFiles(glob.replaceAll('\\', '/'))).toSorted(byNumbers))
  const slashed = path.replaceAll('\\', '/')
  const pattern = namePattern(posix.basename(slashed), extension)
  const folder = posix.dirname(slashed)
  if (pattern === undefined) return one((await isFile(slashed)) ? [slashed] : [])
  const found = numbered(await readdir(folder).catch(() => []), pattern)
  const lists = frames === undefined ? allOf(found) : theseOf(found, frames, `${folder}/${posix.basename(slashed)}`)
  return lists.map(({ view, files }) => ({ view, files: files.map((name) => posix.join(folder, name)) }))
}

const one = (files: string[]): ImageList[] => (files.length === 0 ? [] : [{ view: '', files }])

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true
}

const numeric = new Intl.Collator('en', { numeric: true })
const byNumbers = (a: string, b: string): number => numeric.compare(a, b) || (a < b ? -1 : 1)

/** What the files' names look like: group 1 is the number, group 2 the view. Undefined for a name without a number. */
function namePattern(name: string, extension: string): RegExp | undefined {
  const stem = extension === '' ? name : name.replace(IMAGE_ENDING, '')
  const marked = extension !== '' && !stem.includes('#') ? `${stem}####` : stem
  // The last group of number signs is the frame; others stay as they are.
  const [, before, signs, after] = /^(.*?)(#+)([^#]*)$/.exec(marked) ?? []
  if (before === undefined || signs === undefined || after === undefined) return undefined
  const number = `(-?\\d{${signs.length},})`
  const ending = extension === '' ? `()${escaped(after)}` : `${escaped(after)}(${VIEW})?${escaped(extension)}`
  return new RegExp(`^${escaped(before)}${number}${ending}$`, 'i')
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** View → frame → file name. */
type Found = Map<string, Map<number, string>>

function numbered(names: readonly string[], pattern: RegExp): Found {
  const found: Found = new Map()
  for (const name of names) {
    const [, digits, view = ''] = pattern.exec(name) ?? []
    if (digits === undefined) continue
    const files = found.get(view) ?? new Map<number, string>()
    files.set(Number(digits), name)
    found.set(view, files)
  }
  // Beside the picture itself, other files of its name are masks and the like.
  const plain = found.get('')
  return plain === undefined ? found : new Map([['', plain]])
}

function allOf(found: Found): ImageList[] {
  return [...found]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([view, files]) => ({ view, files: [...files].toSorted(([a], [b]) => a - b).map(([, name]) => name) }))
}

function theseOf(found: Found, frames: string, path: string): ImageList[] {
  const wanted = listFrames(frames).toSorted((a, b) => a - b)
  const lists = allOf(found).map(({ view }) => {
    const files = found.get(view)
    return {
      view,
      missing: wanted.filter((frame) => files?.has(frame) !== true),
      files: wanted.flatMap((frame) => files?.get(frame) ?? []),
    }
  })
  const complete = lists.filter(({ missing }) => missing.length === 0)
  // A mask that was saved for some frames is no view.
  if (complete.length > 0 && lists.every(({ view, missing }) => missing.length === 0 || !/^[._-](L|R|left|right)$/i.test(view)))
    return complete
  const worst = lists.toSorted((a, b) => a.missing.length - b.missing.length).find(({ missing }) => missing.length > 0)
  const missing = worst?.missing ?? wanted
  throw new MissingImagesError(
    `${missing.length} of ${wanted.length} ${wanted.length === 1 ? 'frame is' : 'frames are'} not there as "${path}"${worst?.view ? ` with "${worst.view}"` : ''}: ${named(missing)}`,
  )
}

function named(frames: readonly number[]): string {
  const shown = writeFrames(parseFrameRange(frames.slice(0, 1_000).join(',')))
  const parts = shown.split(',')
  return parts.length <= MAX_NAMED ? shown : `${parts.slice(0, MAX_NAMED).join(', ')} …`
}
