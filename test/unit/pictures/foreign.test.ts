import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkForeignPicture, type Clock } from '../../../src/main/pictures/foreign.ts'
import { temporaryFolder } from '../../support/folder.ts'

/** Time that passes only during a sleep; `onSleep` plays the other machine. */
function handClock(onSleep: (now: number) => Promise<void> = () => Promise.resolve()): Clock & { sleeps: number[] } {
  let now = 0
  const sleeps: number[] = []
  return {
    sleeps,
    now: () => now,
    sleep: async (ms) => {
      sleeps.push(ms)
      now += ms
      await onSleep(now)
    },
  }
}

describe('a picture that another machine wrote', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>
  let png: Buffer
  beforeAll(async () => {
    folder = await temporaryFolder()
    png = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#369' } })
      .png()
      .toBuffer()
  })

  afterAll(() => folder.remove())

  it('counts as soon as it appears', async () => {
    const path = join(folder.path, 'late.png')
    const clock = handClock(async (now) => {
      if (now >= 20_000) await writeFile(path, png)
    })
    expect(await checkForeignPicture(path, { waitMs: 60_000, clock })).toMatchObject({ state: 'whole', width: 8 })
    expect(clock.now()).toBeLessThan(30_000)
  })

  it('counts as soon as the rest of it arrives', async () => {
    const path = join(folder.path, 'half.png')
    await writeFile(path, png.subarray(0, 40))
    const clock = handClock(async (now) => {
      if (now >= 3_000) await writeFile(path, png)
    })
    expect(await checkForeignPicture(path, { waitMs: 60_000, clock })).toMatchObject({ state: 'whole' })
  })

  it('is damaged when it still is after the whole time', async () => {
    const path = join(folder.path, 'cut.png')
    await writeFile(path, png.subarray(0, 40))
    const clock = handClock()
    expect(await checkForeignPicture(path, { waitMs: 60_000, clock })).toMatchObject({ state: 'damaged' })
    expect(clock.now()).toBe(60_000)
    expect(clock.sleeps.length).toBeLessThan(25)
  })

  it('is missing when it still is after the whole time', async () => {
    const path = join(folder.path, 'never.png')
    await rm(path, { force: true })
    const clock = handClock()
    await expect(checkForeignPicture(path, { waitMs: 60_000, clock })).rejects.toMatchObject({ code: 'ENOENT' })
    expect(clock.now()).toBe(60_000)
  })

  it('is judged at the first look when waiting is switched off, and when it is whole', async () => {
    const path = join(folder.path, 'there.png')
    const clock = handClock()
    await expect(checkForeignPicture(path, { waitMs: 0, clock })).rejects.toMatchObject({ code: 'ENOENT' })
    await writeFile(path, png)
    await checkForeignPicture(path, { waitMs: 60_000, clock })
    expect(clock.sleeps).toEqual([])
  })

  it('is waited for no longer when the task is stopped', async () => {
    const stop = new AbortController()
    const looking = checkForeignPicture(join(folder.path, 'never.png'), { waitMs: 600_000, signal: stop.signal })
    stop.abort(new Error('stopped'))
    await expect(looking).rejects.toThrow('stopped')
  })
})
