import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isJpeg, Previews } from '../../../src/main/files/previews.ts'

const job = 'aaaaaaaa-0000-4000-8000-000000000001'
const jpeg = (fill: number) => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(50, fill), Buffer.from([0xff, 0xd9])])
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
    await Promise.all(Array.from({ length: 20 }, (_, n) => previews.save(job, 'a', 'large', Buffer.concat([jpeg(n), jpeg(n)]))))
    const after = await previews.read(job, 'a', 'large')
    expect(after?.body.length).toBe(112)
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
    await expect(previews.save('../evil', 'a', 'large', jpeg(1))).rejects.toThrow('no id')
    await expect(previews.read('../evil', 'a', 'large')).rejects.toThrow('no id')
    await expect(previews.save(job, 'a', 'large', Buffer.from('<html>'))).rejects.toThrow('no JPEG')
    expect(await previews.read(job, 'a', 'large')).toBeUndefined()
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
