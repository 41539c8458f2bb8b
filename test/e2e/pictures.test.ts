/** Pictures that deserve a look, in a real browser: warnings, suspects, frames rendered again, folders of others, a frame too large to show. */
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'
import { untilJob } from '../support/showFarm.ts'

const part = requirePart('chromium')
const LONG = 120_000

part.describe('pictures that deserve a look', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]
  let shots = ''
  /** Twelve frames in tasks of four; the sixth is black. */
  let job = ''

  /** Every run of a frame adds its number to this file. */
  const log = (name: string) => join(shots, `${name}.log`)
  const rendered = async (name: string) => (await readFile(log(name), 'utf8').catch(() => '')).split('\n').filter(Boolean).map(Number)
  const body = (name: string) => ({
    name,
    type: 'command-per-frame',
    settings: {
      command: `sh -c "echo {frame} >> ${log(name)}; cp ${shots}/source/{frame}.png ${shots}/${name}/f_{frame:04}.png"`,
      frames: '1-12',
      chunk_size: 4,
      output_pattern: `${shots}/${name}/f_{frame:04}.png`,
    },
  })
  async function render(name: string): Promise<string> {
    const { id } = await farm.api<{ id: string }>('POST', '/jobs', body(name))
    await untilJob(farm, id, ({ status }) => status === 'completed', LONG)
    return id
  }

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    farm.addWorker('atlas')
    browser = await launchChromium(part.path)
    ;({ page, problems } = await openPage(browser))
    shots = join(farm.dataDir, 'shots')
    await mkdir(join(shots, 'source'), { recursive: true })
    for (let frame = 1; frame <= 12; frame++) {
      const size = { width: 160, height: 90, channels: 3 as const }
      const noise = { type: 'gaussian' as const, mean: 100 + frame, sigma: 40 }
      const picture = sharp({ create: frame === 6 ? { ...size, background: '#000' } : { ...size, background: '#000', noise } })
      await picture.png().toFile(join(shots, 'source', `${frame}.png`))
    }
    job = await render('dusk')
  }, LONG)
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })

  it('have a tab of warnings, which say what it is about, how often and in which frames', async () => {
    await page.goto(`${farm.url}/app/jobs/${job}`)
    await page.getByRole('link', { name: /^Warnings 1$/ }).click()
    await page.waitForURL('**/warnings')
    await page.getByText('frames are all black, unlike their neighbours').waitFor()
    await page.getByText('frame 6', { exact: true }).waitFor()
    await page.getByText('Suspect frame').waitFor()
  })

  it.each([
    ['en-GB', 1280, 'Warnings'],
    ['en-GB', 1024, 'Warnings'],
    ['de-DE', 1280, 'Warnungen'],
    ['de-DE', 1024, 'Warnungen'],
    ['de-DE', 1600, 'Warnungen'],
  ])('show all tabs beside the list of jobs: %s at %d pixels', async (locale, width, word) => {
    const opened = await openPage(browser, { locale, viewport: { width, height: 800 } })
    await opened.page.goto(`${farm.url}/app/jobs/${job}`)
    const tab = opened.page.getByRole('link', { name: new RegExp(`^${word} 1$`) })
    const strip = opened.page.locator('nav.tabs')
    await tab.waitFor()
    await expect.poll(() => strip.evaluate((el) => el.scrollWidth - el.clientWidth)).toBe(0)
    const [box, bounds] = [await tab.boundingBox(), await strip.boundingBox()]
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual((bounds?.x ?? 0) + (bounds?.width ?? 0))
    await tab.click()
    await opened.page.waitForURL('**/warnings')
    await expect.poll(() => strip.evaluate((el) => el.scrollWidth - el.clientWidth)).toBe(0)
    expect(opened.problems).toEqual([])
    await opened.page.context().close()
  })

  it('are shown with the frames beside them, and lead to the large picture', async () => {
    await page.goto(`${farm.url}/app/jobs/${job}/frames`)
    await page.getByRole('button', { name: /One frame to look at/ }).click()
    const row = page.getByRole('listitem').filter({ hasText: 'all black, unlike its neighbours' })
    await row.getByText('Frame 6').waitFor()
    const figures = row.getByRole('figure')
    expect((await figures.allTextContents()).map((text) => text.trim())).toEqual(['4', '5', '6', '7', '8'])
    await expect.poll(() => row.getByRole('img').count(), { timeout: LONG }).toBe(5)
    const widths = () =>
      row.getByRole('img').evaluateAll((all) => all.map((each) => (each instanceof HTMLImageElement ? each.naturalWidth : 0)))
    await expect.poll(widths).toEqual([160, 160, 160, 160, 160])
    expect(await row.locator('figure.it').textContent()).toContain('6')
    await row.getByRole('link').nth(2).click()
    await page.waitForURL(/\/preview\?frame=\d+$/)
  })

  it('of a chunk are picked in the grid and rendered again, and no others', async () => {
    const name = 'picked'
    const id = await render(name)
    await page.goto(`${farm.url}/app/jobs/${id}/frames`)
    const grid = page.getByRole('application', { name: /Frame grid: 12 of 12 done/ })
    await grid.focus()
    // The second, and with Ctrl the fourth.
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Control+ArrowRight')
    await page.keyboard.press('Control+ArrowRight')
    await page.keyboard.press('Control+Space')
    await page.getByText('2 frames selected').waitFor()
    await page.getByRole('button', { name: 'Render 2 frames' }).click()
    await expect.poll(async () => (await rendered(name)).slice(12).toSorted((a, b) => a - b), { timeout: LONG }).toEqual([2, 4])
    await untilJob(farm, id, ({ status }) => status === 'completed', LONG)
    expect(await rendered(name)).toHaveLength(14)
    await grid.waitFor()
  })

  it('are rendered again where they are looked at: this frame alone', async () => {
    const name = 'looked-at'
    const id = await render(name)
    const frames = async () =>
      (await farm.api<{ items: { id: number; frame: number; preview: string }[] }>('GET', `/jobs/${id}/frames`)).items
    await expect.poll(async () => (await frames()).every(({ preview }) => preview === 'ready'), { timeout: LONG }).toBe(true)
    const seventh = (await frames()).find(({ frame }) => frame === 7)?.id ?? 0
    await page.goto(`${farm.url}/app/jobs/${id}/preview?frame=${seventh}`)
    await page.locator(`canvas.image[data-frame="${seventh}"]`).waitFor()
    await page.getByRole('button', { name: 'Render this frame' }).click()
    await expect.poll(async () => (await rendered(name)).slice(12), { timeout: LONG }).toEqual([7])
    await untilJob(farm, id, ({ status }) => status === 'completed', LONG)
    expect(await rendered(name)).toHaveLength(13)
  })

  it('of another job are not written over without a question', async () => {
    const submit = async () => {
      await page.goto(`${farm.url}/app/submit/command-per-frame`)
      const { settings } = body('dusk')
      await page.locator('#job-name').fill('the same folder')
      await page.getByLabel(/^Command/).fill('true')
      await page.getByLabel(/^Frames/).fill(settings.frames)
      await page.getByLabel('Output pattern').fill(settings.output_pattern)
      await page.getByText('Another job writes to this folder: dusk').waitFor()
      await page.getByRole('button', { name: 'Submit paused' }).click()
    }
    const named = async () => (await farm.api<{ items: { name: string }[] }>('GET', '/jobs?q=the+same+folder')).items.length
    await submit()
    const dialog = page.getByRole('alertdialog', { name: 'Write to a folder of another job?' })
    await dialog.getByText(join(shots, 'dusk')).waitFor()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await named()).toBe(0)
    await submit()
    await dialog.getByRole('button', { name: 'Submit anyway' }).click()
    await page.waitForURL(/\/app\/jobs\/[0-9a-f-]{36}$/)
    expect(await named()).toBe(1)
  })

  it('that are whole and too large for a preview say so in the grid', async () => {
    const huge = join(shots, 'huge.png')
    // 20,000 pixels each way, as some matte paintings have.
    await sharp({ create: { width: 20_000, height: 20_000, channels: 3, background: '#345' }, limitInputPixels: false })
      .toColourspace('b-w')
      .png({ compressionLevel: 1 })
      .toFile(huge)
    const { id } = await farm.api<{ id: string }>('POST', '/jobs', {
      name: 'huge',
      type: 'command-per-frame',
      settings: { command: `cp ${huge} ${shots}/huge_{frame}.png`, frames: '1', output_pattern: `${shots}/huge_{frame}.png` },
    })
    await untilJob(farm, id, ({ status }) => status === 'completed', LONG)
    const frame = async () => (await farm.api<{ items: Record<string, unknown>[] }>('GET', `/jobs/${id}/frames`)).items[0]
    await expect.poll(frame, { timeout: LONG }).toMatchObject({ check: 'whole', width: 20_000, height: 20_000, preview: 'failed' })
    await page.goto(`${farm.url}/app/jobs/${id}/frames`)
    const grid = page.getByRole('application', { name: /Frame grid: 1 of 1 done/ })
    await grid.waitFor()
    const cell = await grid.boundingBox()
    await page.mouse.move((cell?.x ?? 0) + 12, (cell?.y ?? 0) + 12)
    await page.getByText(/No preview: .*too large for a preview \(20000 × 20000 pixels\)/).waitFor()
  }, 180_000)

  it('leave no error on the page', () => {
    expect(problems).toEqual([])
  })
})
