import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isJpeg, Previews } from '../../../src/main/files/previews.ts'

const job = 'aaaaaaaa-0000-4000-8000-000000000001'
const picture = (width: number, height: number, grey = 0) =>
  sharp({ create: { width, height, channels: 3, background: { r: grey, g: grey, b: grey } } })
    .jpeg()
    .toBuffer()
const pictures = await Promise.all(Array.from({ length: 200 }, (_, grey) => picture(8, 8, grey)))
const jpeg = (grey: number): Buffer => pictures[grey] ?? Buffer.alloc(0)
let folder: string
let previews: Previews
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-previews-'))
  previews = new Previews(join(folder, 'previews'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('previews', () => {
  it('are found by job, path and size, whatever the path looks like', async () => {
    for (const path of ['/out/1.png', 'C:\\out\\1.png', '../../../etc/passwd', '', '\u0000', 'größe', 'x'.repeat(4_000)]) {
      await previews.save(job, path, 'large', jpeg(path.length % 200))
      expect((await previews.read(job, path, 'large'))?.body).toEqual(jpeg(path.length % 200))
      expect(await previews.read(job, path, 'thumbnail')).toBeUndefined()
    }
    const files = await readdir(folder, { recursive: true })
    expect(
      files
        .filter((file) => file.endsWith('.jpg'))
        .every((file) => /^previews\/[0-9a-f-]{36}\/frames\/[0-9a-f]{32}-large\.jpg$/.test(file.replaceAll('\\', '/'))),
    ).toBe(true)
  })

  it('are replaced as a whole, and say so by their tag', async () => {
    await previews.save(job, 'a', 'large', jpeg(1))
    const before = await previews.read(job, 'a', 'large')
    await Promise.all(Array.from({ length: 20 }, (_, n) => previews.save(job, 'a', 'large', jpeg(n + 2))))
    const after = await previews.read(job, 'a', 'large')
    expect(pictures.slice(2, 22)).toContainEqual(after?.body)
    expect(after?.etag).not.toBe(before?.etag)
    expect((await readdir(folder, { recursive: true })).filter((file) => file.endsWith('.tmp'))).toEqual([])
  })

  it('go with their job', async () => {
    await previews.save(job, 'a', 'large', jpeg(1))
    await previews.removeJob(job)
    expect(await previews.read(job, 'a', 'large')).toBeUndefined()
    await previews.removeJob(job)
  })

  it('of what is no job or no image are refused', async () => {
    await expect(previews.save('../evil', 'a', 'large', jpeg(1))).rejects.toThrow('not a job id')
    await expect(previews.read('../evil', 'a', 'large')).rejects.toThrow('not a job id')
    await expect(previews.save(job, 'a', 'large', Buffer.from('<html>'))).rejects.toThrow('not a JPEG')
    expect(await previews.read(job, 'a', 'large')).toBeUndefined()
  })

  it('are no larger than what workers make, whatever little they weigh', async () => {
    const tiny = await picture(8, 8)
    // Its header alone claims 60,000 × 60,000 pixels.
    const bomb = Buffer.from(tiny)
    const frame = bomb.indexOf(Buffer.from([0xff, 0xc0]))
    bomb.writeUInt16BE(60_000, frame + 5)
    bomb.writeUInt16BE(60_000, frame + 7)
    for (const size of ['large', 'thumbnail'] as const) {
      await expect(previews.save(job, 'a', size, bomb)).rejects.toThrow(/60000 × 60000 pixels|pixel limit/)
      expect(await previews.read(job, 'a', size)).toBeUndefined()
    }
    await expect(previews.save(job, 'a', 'large', await picture(1921, 10))).rejects.toThrow('1921 × 10 pixels')
    await expect(previews.save(job, 'a', 'thumbnail', await picture(10, 1281))).rejects.toThrow('10 × 1281 pixels')
    await previews.save(job, 'a', 'large', await picture(1920, 7680))
    await previews.save(job, 'a', 'thumbnail', await picture(320, 1280))
  })

  it('that do not unpack are refused', async () => {
    const whole = await picture(640, 360, 90)
    const cut = Buffer.concat([whole.subarray(0, whole.length / 2), Buffer.from([0xff, 0xd9])])
    await expect(previews.save(job, 'a', 'large', cut)).rejects.toThrow('not a readable JPEG image')
    await expect(
      previews.save(job, 'a', 'large', Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(50), Buffer.from([0xff, 0xd9])])),
    ).rejects.toThrow('not a readable JPEG image')
  })

  it.each([
    [jpeg(1), true],
    [Buffer.concat([jpeg(1), Buffer.alloc(40)]), true],
    [jpeg(1).subarray(0, 40), false],
    [Buffer.alloc(100), false],
    [Buffer.alloc(0), false],
    [Buffer.from([0xff, 0xd8, 0xff, 0xd9]), false],
  ])('case %#', (image, expected) => {
    expect(isJpeg(image)).toBe(expected)
  })
})
