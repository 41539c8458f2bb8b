/** Small windows, and a page at 200 %: nothing that one needs is out of reach. */
import type { Browser } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'
import { untilJob } from '../support/showFarm.ts'

const part = requirePart('chromium')
const LONG = 120_000

part.describe('in a narrow window', () => {
  let farm: GuiFarm
  let browser: Browser
  let job = ''

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    farm.addWorker('atlas')
    browser = await launchChromium(part.path)
    const settings = { command: 'echo hello', frames: '1-3' }
    ;({ id: job } = await farm.api<{ id: string }>('POST', '/jobs', {
      name: 'a job with quite a name',
      type: 'command-per-frame',
      settings,
    }))
    await untilJob(farm, job, ({ status }) => status === 'completed')
  }, LONG)
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })

  it.each([
    ['1024 × 700', { viewport: { width: 1024, height: 700 } }],
    ['1440 × 900 at 200 %', { viewport: { width: 720, height: 450 }, deviceScaleFactor: 2 }],
  ])(
    '%s no page is wider than the window',
    async (_name, options) => {
      const { page, problems } = await openPage(browser, options)
      for (const path of [
        '/',
        '/jobs',
        `/jobs/${job}`,
        `/jobs/${job}/log`,
        '/submit/demo-render',
        '/workers',
        '/statistics',
        '/settings/job-types',
      ]) {
        await page.goto(`${farm.url}/app${path}`)
        await page.getByRole('main').waitFor()
        await page.getByText('Live', { exact: true }).first().waitFor()
        const over = () => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
        await expect.poll(over, { message: path }).toBeLessThanOrEqual(0)
      }
      await page.goto(`${farm.url}/app/jobs/${job}/log`)
      // Playwright clicks only what is in the window and not covered.
      await page.getByRole('button', { name: 'Next error' }).click()
      await page.getByRole('link', { name: 'Why?' }).click()
      await page.waitForURL('**/why')
      await page.goto(`${farm.url}/app/submit/demo-render`)
      await page.getByLabel('Samples').fill('2')
      await page.getByRole('button', { name: 'Submit paused' }).click({ trial: true })
      expect(problems).toEqual([])
      await page.context().close()
    },
    LONG,
  )
})
