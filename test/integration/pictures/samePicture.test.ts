import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isSamePicture } from '../../../src/main/pictures/samePicture.ts'
import { commandOf, recordedContext, tempFolder } from '../../support/commandContext.ts'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { temporaryFolder } from '../../support/folder.ts'
import { requirePart } from '../../support/parts.ts'
import { savedPictures } from '../../support/savedPictures.ts'

const blender = requirePart('blender')
const ffmpeg = requirePart('ffmpeg')
const SIZE = { width: 200, height: 100 }

/** A picture without two pixels of one colour; `change` may alter a sample. */
function pixels(change: (value: number, x: number, y: number) => number = (value) => value): Buffer {
  const bytes = Buffer.alloc(SIZE.width * SIZE.height * 3)
  for (let at = 0; at < bytes.length; at++) {
    const [x, y] = [Math.floor(at / 3) % SIZE.width, Math.floor(at / 3 / SIZE.width)]
    bytes[at] = Math.min(255, Math.max(0, change((x * 7 + y * 13 + (at % 3) * 40) % 251, x, y)))
  }
  return bytes
}

describe('two files of one frame', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  const at = (name: string) => join(folder.path, name)
  const save = (name: string, data = pixels()) =>
    sharp(data, { raw: { ...SIZE, channels: 3 } })
      .withExifMerge({ IFD0: { Copyright: name } })
      .png()
      .toFile(at(name))
  beforeAll(async () => {
    folder = await temporaryFolder()
    await save('one.png')
  })
  afterAll(() => folder.remove())

  it('show the same when only what is written beside the pixels differs', async () => {
    await save('two.png')
    expect((await readFile(at('one.png'))).equals(await readFile(at('two.png')))).toBe(false)
    expect(await isSamePicture(at('one.png'), at('two.png'))).toBe(true)
  })

  it('show the same when pixels differ by noise, or hardly any do', async () => {
    await save(
      'noisy.png',
      pixels((value, x) => value + (x % 3) - 1),
    )
    expect(await isSamePicture(at('one.png'), at('noisy.png'))).toBe(true)
    await save(
      'dot.png',
      pixels((value, x, y) => (x === 5 && y === 5 ? 255 : value)),
    )
    expect(await isSamePicture(at('one.png'), at('dot.png'))).toBe(true)
  })

  it('do not when a small thing is missing, or all is a little brighter, or the size is another', async () => {
    await save(
      'patch.png',
      pixels((value, x, y) => (x >= 50 && x < 56 && y >= 50 && y < 56 ? 128 : value)),
    )
    expect(await isSamePicture(at('one.png'), at('patch.png'))).toBe(false)
    await save(
      'bright.png',
      pixels((value) => value + 4),
    )
    expect(await isSamePicture(at('one.png'), at('bright.png'))).toBe(false)
    await sharp(at('one.png')).resize(100).png().toFile(at('small.png'))
    expect(await isSamePicture(at('one.png'), at('small.png'))).toBe(false)
  })

  it('are not judged where one is missing or cannot be decoded', async () => {
    expect(await isSamePicture(at('one.png'), at('nobody.png'))).toBeUndefined()
    await writeFile(at('cut.png'), (await readFile(at('one.png'))).subarray(0, 900))
    expect(await isSamePicture(at('one.png'), at('cut.png'))).toBeUndefined()
  })

  it('are compared by the worker that was asked to, with what it set aside', async () => {
    const out = await tempFolder()
    const outputPattern = join(out, 'f_{frame}.png')
    for (const frame of [1, 2]) await copyFile(at('one.png'), join(out, `f_${frame}.png`))
    await save(
      'other.png',
      pixels((value) => value + 20),
    )
    await save('again.png')
    const context = await recordedContext({ existing: { mode: 'replace', compare: true } })
    const args = ['-e', 'require("fs").copyFileSync(process.argv[1].split(",")[process.argv[3] - 1], process.argv[2])']
    const run = {
      exe: process.execPath,
      args: [...args, `${at('again.png')},${at('other.png')}`, outputPattern, '{frame}'],
      frames: '1-2',
      outputPattern,
    }
    await createCommandRegistry({ programs: {} }).find('run-frames')?.(commandOf('run-frames', run, 2), context)
    expect(context.outputs).toMatchObject([
      { frame: 1, sameAsBefore: true },
      { frame: 2, sameAsBefore: false },
    ])
    const unasked = await recordedContext()
    await createCommandRegistry({ programs: {} }).find('run-frames')?.(commandOf('run-frames', run, 2), unasked)
    expect(unasked.outputs.map((file) => 'sameAsBefore' in file)).toEqual([false, false])
  })
})

describe.skipIf(blender.missing || ffmpeg.missing)('files that the image library does not read', () => {
  it('are compared with ffmpeg', async () => {
    const saved = await savedPictures(blender.path)
    const out = await tempFolder()
    for (const name of ['ZIP.exr', 'float.exr', 'layers ZIP.exr', 'layers PIZ.exr', 'runs.tga', 'light.hdr', 'sixteen.dpx']) {
      const source = join(saved, name)
      await copyFile(source, join(out, name))
      const same = await isSamePicture(source, join(out, name), { ffmpeg: ffmpeg.path })
      expect([name, same]).toEqual([name, true])
    }
    // The same pixels, packed in other ways.
    for (const name of ['PIZ.exr', 'RLE.exr', 'NONE.exr']) {
      expect([name, await isSamePicture(join(saved, 'ZIP.exr'), join(saved, name), { ffmpeg: ffmpeg.path })]).toEqual([name, true])
    }
    expect(await isSamePicture(join(saved, 'ZIP.exr'), join(saved, 'layers ZIP.exr'))).toBeUndefined()
  })
})
