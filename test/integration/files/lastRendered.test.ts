import { existsSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import sharp from 'sharp'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { LAST_RENDERED_QUEUE, LastRendered } from '../../../src/main/files/lastRendered.ts'

const JOB = '11111111-2222-4333-8444-555555555555'
const OTHER = '99999999-2222-4333-8444-555555555555'

let previews: string
let told: string[]
let images: LastRendered

beforeEach(async () => {
  previews = await mkdtemp(path.join(tmpdir(), 'last-rendered-'))
  told = []
  images = new LastRendered({ previews, log: silentLogger, onImage: async (jobId) => void told.push(jobId) })
})
afterEach(() => rm(previews, { recursive: true, force: true }))

function image(width: number, height: number, background = 'red'): Promise<Buffer> {
  return sharp({ create: { width, height, channels: 4, background } })
    .png()
    .toBuffer()
}
const sizeOf = async (file: string): Promise<number[]> => {
  const { width, height, format } = await sharp(images.pathOf(JOB, file)).metadata()
  expect(format).toBe('jpeg')
  return [width, height]
}
const FILES = ['last-rendered.jpg', 'last-rendered-small.jpg', 'last-rendered-tiny.jpg']

describe('sizes', () => {
  test.each([
    [
      'a wide image',
      [3840, 1000],
      [
        [1920, 500],
        [600, 156],
        [200, 52],
      ],
    ],
    [
      'a tall image',
      [1000, 4320],
      [
        [250, 1080],
        [78, 338],
        [26, 112],
      ],
    ],
    [
      'a small image is never enlarged',
      [100, 50],
      [
        [100, 50],
        [100, 50],
        [100, 50],
      ],
    ],
  ])('%s', async (_, [width = 0, height = 0], expected) => {
    images.offer(JOB, await image(width, height))
    await images.idle()
    expect(await Promise.all(FILES.map(sizeOf))).toEqual(expected)
    expect(told).toEqual([JOB])
  })
})

test('a broken image changes nothing and the next one is used', async () => {
  images.offer(JOB, Buffer.from('no image'))
  images.offer(JOB, (await image(300, 200)).subarray(0, 60))
  images.offer(JOB, await image(30, 20))
  await images.idle()
  expect(await sizeOf('last-rendered.jpg')).toEqual([30, 20])
  expect(told).toEqual([JOB])
})

test('the queue holds three, and one more is refused', async () => {
  const png = await image(8, 8)
  // The first one is taken out of the queue at once.
  const taken = Array.from({ length: LAST_RENDERED_QUEUE + 2 }, () => images.offer(JOB, png))
  expect(taken).toEqual([true, true, true, true, false])
  await images.idle()
  expect(images.isFull).toBe(false)
})

test('previews replace what waits for the same job, and are never refused', async () => {
  const [old, newer] = [await image(10, 10), await image(20, 20)]
  images.offer(OTHER, old)
  for (let i = 0; i < 10; i++) images.replace(JOB, i < 9 ? old : newer)
  await images.idle()
  expect(told).toEqual([OTHER, JOB])
  expect(await sizeOf('last-rendered.jpg')).toEqual([20, 20])
})

test('an image of a job that is gone does not stay', async () => {
  const refusing = new LastRendered({ previews, log: silentLogger, onImage: () => Promise.reject(new Error('no such job')) })
  refusing.offer(JOB, await image(8, 8))
  await refusing.idle()
  expect(await readdir(previews)).toEqual([])
})

test('removing forgets all sizes', async () => {
  images.offer(JOB, await image(8, 8))
  await images.idle()
  expect(await images.has(JOB)).toBe(true)
  await images.remove(JOB)
  expect(await images.has(JOB)).toBe(false)
  expect(existsSync(path.join(previews, JOB))).toBe(false)
})
