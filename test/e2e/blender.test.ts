/** Frames of Blender in a real browser: EXR with its exposure, a frame sent to another worker, a log that is followed. */
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { makeBlend } from '../support/makeBlend.ts'
import { requirePart } from '../support/parts.ts'
import { untilJob } from '../support/showFarm.ts'

const chromium = requirePart('chromium')
const blender = requirePart('blender')
const ffmpeg = requirePart('ffmpeg')
const LONG = 120_000
const all = [chromium, blender, ffmpeg].find((part) => part.missing)?.describe ?? chromium.describe

interface TaskReply {
  attemptList: { number: number; worker: { name: string }; status: string }[]
}

all('a Blender job of EXR frames on two workers', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]
  let job = ''
  let frame = 0

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    farm.addWorker('atlas')
    farm.addWorker('borealis')
    browser = await launchChromium(chromium.path)
    ;({ page, problems } = await openPage(browser))
    const blendfile = await makeBlend(blender.path, { width: '96', height: '54', samples: '4', frames: '4' })
    const made = await farm.api<{ id: string }>('POST', '/jobs', {
      name: 'linear',
      type: 'simple-blender-render',
      settings: {
        frames: '1-4',
        chunk_size: 1,
        render_output_root: join(farm.dataDir, 'renders'),
        add_path_components: 0,
        blendfile,
        fps: 24,
        format: 'OPEN_EXR',
        image_file_extension: '.exr',
        has_previews: false,
        scene: 'Scene',
      },
    })
    job = made.id
  }, LONG)
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })

  it('fills in on one screen: newest image, grid, and who rendered what', async () => {
    await page.goto(`${farm.url}/app/jobs/${job}`)
    await page.getByRole('application', { name: /Frame grid: 4 of 4 done/ }).waitFor({ timeout: LONG })
    await page.locator('canvas.image:not([data-frame="0"])').waitFor({ timeout: LONG })
    await untilJob(farm, job, ({ status }) => status === 'completed')
  })

  it('shows highlights that the preview has lost: exposure works on the numbers of the file', async () => {
    const frames = async () =>
      (await farm.api<{ items: { id: number; frame: number; lightUrl: string | null }[] }>('GET', `/jobs/${job}/frames`)).items
    // Previews and light go on beside the next frame, and after the last one.
    await expect
      .poll(async () => (await frames()).map((entry) => entry.lightUrl !== null), { timeout: LONG })
      .toEqual([true, true, true, true])
    frame = (await frames()).find((entry) => entry.frame === 2)?.id ?? 0
    await page.goto(`${farm.url}/app/jobs/${job}/preview?frame=${frame}`)
    await page.locator(`canvas.image[data-frame="${frame}"]`).waitFor()
    await expect.poll(() => brightest(page)).toBeGreaterThan(250)
    await page.getByRole('button', { name: 'Exposure and channels' }).click()
    await page.getByText('Linear numbers of the file').waitFor()
    for (let stop = 0; stop < 2; stop++) await page.getByRole('button', { name: 'One stop darker' }).click()
    // White of the 8-bit preview, two stops darker, is 137: what is brighter was above white in the file.
    await expect
      .poll(async () => {
        const most = await brightest(page)
        return 140 < most && most < 250
      })
      .toBe(true)
  })

  it('shows one channel alone, and the numbers under the pointer', async () => {
    await page.getByRole('button', { name: 'Red', exact: true }).click()
    await expect.poll(() => isGrey(page)).toBe(true)
    await page.getByRole('button', { name: 'Reset view' }).click()
    await expect.poll(() => isGrey(page)).toBe(false)
    const box = await page.locator('canvas.image').boundingBox()
    await page.mouse.move((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2)
    await page.getByText(/^R \d+\.\d{3} {2}G \d+\.\d{3} {2}B \d+\.\d{3}/).waitFor()
  })

  it('sends a frame to the other worker than the one that rendered it', async () => {
    const taskId = (await farm.api<{ items: { id: string }[] }>('GET', `/jobs/${job}/tasks`)).items[1]?.id ?? ''
    const before = await farm.api<TaskReply>('GET', `/tasks/${taskId}`)
    await page.goto(`${farm.url}/app/jobs/${job}/frames`)
    const grid = page.getByRole('application', { name: /Frame grid: 4 of 4 done/ })
    await grid.focus()
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowRight')
    await page.getByRole('button', { name: 'Retry elsewhere' }).click()
    const again = async () => (await farm.api<TaskReply>('GET', `/tasks/${taskId}`)).attemptList
    await expect.poll(async () => (await again()).at(-1)?.status, { timeout: LONG }).toBe('completed')
    await expect.poll(async () => (await again()).length, { timeout: LONG }).toBe(2)
    await untilJob(farm, job, ({ status }) => status === 'completed')
    const [first, second] = await again()
    expect(first?.worker.name).toBe(before.attemptList[0]?.worker.name)
    expect(second?.worker.name).not.toBe(first?.worker.name)
    await page.goto(`${farm.url}/app/jobs/${job}/timeline`)
    await page.getByRole('img', { name: new RegExp(`${second?.worker.name}: \\d`) }).waitFor()
  })

  it('keeps a log in view while it grows, until the user scrolls up', async () => {
    const made = await farm.api<{ id: string }>('POST', '/jobs', {
      name: 'talks',
      type: 'command-per-frame',
      settings: { command: `sh -c 'for i in $(seq 1 200); do echo "line $i"; sleep 0.05; done'`, frames: '1' },
    })
    await page.goto(`${farm.url}/app/jobs/${made.id}/log`)
    const log = page.getByRole('log')
    await log
      .getByText(/> line \d+$/)
      .first()
      .waitFor({ timeout: LONG })
    await log.getByText(/> line 200$/).waitFor({ timeout: LONG })
    await log.hover()
    await page.mouse.wheel(0, -20_000)
    await log.getByText(/> line 1$/).waitFor()
  })

  it('threw nothing on the way', () => expect(problems).toEqual([]))
})

/** Of the image on the page: its brightest sample, 0–255. */
function brightest(page: Page): Promise<number> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('canvas.image')
    const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? []
    let most = 0
    for (let i = 0; i < data.length; i += 4) most = Math.max(most, data[i] ?? 0, data[i + 1] ?? 0, data[i + 2] ?? 0)
    return most
  })
}
function isGrey(page: Page): Promise<boolean> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('canvas.image')
    const data = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? []
    for (let i = 0; i < data.length; i += 4) if (Math.abs((data[i] ?? 0) - (data[i + 2] ?? 0)) > 2) return false
    return true
  })
}
