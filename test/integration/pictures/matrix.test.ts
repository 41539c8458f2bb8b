import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkPicture } from '../../../src/main/pictures/checkPicture.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { requirePart } from '../../support/parts.ts'
import { savedPictures } from '../../support/savedPictures.ts'

const blender = requirePart('blender')
const ffmpeg = requirePart('ffmpeg')
const ASSETS = join(import.meta.dirname, '../../assets/pictures')
const SIZE = { width: 64, height: 48 }

/** Formats in which a flipped bit of the pixels breaks a checksum. */
const KNOWS_FLIPS = /\.png$|(DEFLATE|deep)\.tif$|(ZIPS?|PXR24|float|views|deep-tiles)\.exr$|^deep\.exr$/

describe.skipIf(blender.missing || ffmpeg.missing)('files of every format', () => {
  let scratch: Awaited<ReturnType<typeof temporaryFolder>>
  let files: { name: string; bytes: Buffer }[] = []
  beforeAll(async () => {
    scratch = await temporaryFolder()
    const saved = await savedPictures(blender.path)
    files = [saved, ASSETS].flatMap((folder) =>
      readdirSync(folder)
        .filter((name) => extname(name) !== '.md')
        .map((name) => ({ name, bytes: readFileSync(join(folder, name)) })),
    )
  })
  afterAll(() => scratch.remove())

  const isMovie = (name: string) => /\.(mp4|mkv|avi|mov)$/.test(name)

  async function judge(name: string, bytes: Buffer | string, size: { width?: number; height?: number } = {}) {
    const path = join(scratch.path, name)
    await writeFile(path, bytes)
    return await checkPicture(path, { ffmpeg: ffmpeg.path, ...size })
  }

  /** Name → state for all files, so that a failure shows which ones. */
  async function judgeAll(spoil: (file: { name: string; bytes: Buffer }) => Buffer | string, of = files): Promise<Record<string, string>> {
    const verdicts: Record<string, string> = {}
    for (const file of of) verdicts[file.name] = (await judge(file.name, spoil(file))).state
    return verdicts
  }
  const all = (state: string, of = files) => Object.fromEntries(of.map(({ name }) => [name, state]))

  it('are whole as they were written', async () => {
    expect(files.length).toBeGreaterThan(45)
    for (const { name, bytes } of files) {
      const ownSize = name === 'deep.exr' || /^(deep-tiles|tiles|parts)\.exr$/.test(name)
      const verdict = await judge(name, bytes, ownSize ? {} : SIZE)
      expect(verdict, name).toMatchObject({ state: 'whole', ...(!ownSize && SIZE), ...(isMovie(name) && { frames: 5 }) })
    }
  })

  it('are damaged when they are empty', async () => {
    expect(await judgeAll(() => '')).toEqual(all('damaged'))
  })

  it('are damaged when text is in their place', async () => {
    expect(await judgeAll(() => 'Error: out of memory\n'.repeat(40))).toEqual(all('damaged'))
  })

  it.each([0.01, 0.5, 0.99])('are damaged when they are cut at %d', async (share) => {
    const cut = ({ bytes }: { bytes: Buffer }) => bytes.subarray(0, Math.floor(bytes.length * share))
    expect(await judgeAll(cut)).toEqual(all('damaged'))
  })

  it('are damaged when they have another size than the renderer reported', async () => {
    for (const { name, bytes } of files) {
      const verdict = await judge(name, bytes, { width: 65, height: 48 })
      expect(verdict, name).toMatchObject({ state: 'damaged', reason: expect.stringContaining('65 × 48') })
    }
  })

  it('are damaged when a bit of their pixels is flipped, where the format has checksums', async () => {
    const knowing = files.filter(({ name }) => KNOWS_FLIPS.test(name))
    expect(knowing.length).toBeGreaterThan(15)
    const flip = ({ bytes }: { bytes: Buffer }) => {
      const flipped = Buffer.from(bytes)
      // Past the header and the table of blocks, which these small files have in their first third, and before what follows the pixels.
      const at = Math.floor(bytes.length * 0.7)
      flipped[at] = (flipped[at] ?? 0) ^ 0x10
      return flipped
    }
    expect(await judgeAll(flip, knowing)).toEqual(all('damaged', knowing))
  })

  it('are never worse than unchecked without ffmpeg, and whole where it is not needed', async () => {
    for (const { name, bytes } of files) {
      const path = join(scratch.path, name)
      await writeFile(path, bytes)
      const { state } = await checkPicture(path)
      expect(state, name).toBe(isMovie(name) || name.endsWith('.jp2') ? 'unchecked' : 'whole')
    }
  })
})
