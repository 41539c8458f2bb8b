/**
 * A list of images as FFmpeg takes it. It is given numbered links in a folder of ours, so that no name of a file is ever read
 * as a pattern and none is left out; where links cannot be made, a list for its concat reader.
 */
import { link, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { extname, join, resolve } from 'node:path'

/** Links that are made at a time. */
const AT_ONCE = 32

/**
 * @param folder an empty one, made when it is missing
 * @param rate images per second, as FFmpeg reads it
 * @returns the options of the input
 */
export async function ffmpegInput(files: readonly string[], folder: string, rate: string): Promise<string[]> {
  await mkdir(folder, { recursive: true })
  const endings = new Set(files.map((file) => extname(file).toLowerCase()))
  const [ending = ''] = endings
  if (endings.size === 1 && (await linked(files, folder, ending))) {
    return ['-framerate', rate, '-start_number', '1', '-i', join(folder.replaceAll('%', '%%'), `%08d${ending}`)]
  }
  const list = join(folder, 'images.ffconcat')
  await writeFile(list, concatList(files, rate))
  return ['-f', 'concat', '-safe', '0', '-i', list]
}

async function linked(files: readonly string[], folder: string, ending: string): Promise<boolean> {
  const nameOf = (index: number) => join(folder, `${String(index + 1).padStart(8, '0')}${ending}`)
  const make = process.platform === 'win32' ? link : symlink
  try {
    for (let at = 0; at < files.length; at += AT_ONCE) {
      await Promise.all(files.slice(at, at + AT_ONCE).map((file, index) => make(resolve(file), nameOf(at + index))))
    }
    return true
  } catch {
    // Another disk, or a file system without links.
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
    return false
  }
}

/** A quote in a name is written outside the quotes; each image is shown for its share of a second. */
export function concatList(files: readonly string[], rate: string): string {
  const [images = 24, seconds = 1] = rate.split('/').map(Number)
  const duration = (seconds / images).toFixed(6)
  const lines = files.flatMap((file) => [
    `file '${file.replaceAll("'", `'\\''`)}'`,
    // Else the number of a pattern; versions before 5 do not know the word.
    ...(file.includes('%') ? ['option pattern_type none'] : []),
    `duration ${duration}`,
  ])
  return `ffconcat version 1.0\n${lines.join('\n')}\n`
}

/** Frame rates in FFmpeg's exact notation: television rates are fractions that people do not type. */
export function frameRate(fps: number | string): string {
  if (typeof fps === 'string') return fps
  if (Number.isInteger(fps)) return String(fps)
  const nominal = Math.round(fps * 1.001)
  if (nominal % 6 === 0 && Math.abs((nominal * 1000) / 1001 - fps) < 0.005) return `${nominal * 1000}/1001`
  return String(Number(fps.toFixed(6)))
}
