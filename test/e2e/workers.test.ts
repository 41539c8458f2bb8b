/** What an owner does to workers from their page, with a real one that carries it out. */
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Worker } from '../../src/shared/schemas/worker.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')
const LONG = 60_000

part.describe('the page of workers', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    farm.addWorker('atlas')
    browser = await launchChromium(part.path)
    ;({ page, problems } = await openPage(browser))
    await page.goto(`${farm.url}/app/workers`)
    await row().getByText('Awake').waitFor({ timeout: LONG })
  }, 2 * LONG)
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })
  const row = () => page.getByRole('row', { name: /atlas/ })
  const drawer = () => page.getByRole('complementary', { name: 'atlas' })
  const worker = async () => (await farm.api<{ items: Worker[] }>('GET', '/workers')).items[0]
  const option = (name: string) => page.locator('.n-dropdown-option', { hasText: name }).last()

  async function order(action: string, when?: string): Promise<void> {
    await drawer().getByRole('button', { name: 'Actions' }).click()
    if (when === undefined) return option(action).click()
    await option(action).hover()
    await option(when).click()
  }

  it(
    'sends it to sleep at once, and wakes it',
    async () => {
      await row().getByRole('link', { name: 'atlas' }).click()
      await drawer().waitFor()
      await order('Sleep', 'now')
      await row().getByText('Asleep').waitFor()
      await order('Wake')
      await row().getByText('Awake').waitFor()
    },
    LONG,
  )

  it(
    'sends it to sleep when its task is done, and shows what it is doing until then',
    async () => {
      const settings = { message: 'busy', sleep_duration_seconds: 4 }
      const { id } = await farm.api<{ id: string }>('POST', '/jobs', { type: 'echo-sleep-test', name: 'a short nap', settings })
      await drawer().getByRole('link', { name: 'a short nap' }).waitFor()
      await row().getByText('Rendering').waitFor()
      await order('Sleep', 'when its task is done')
      await row().getByText('→ Asleep').waitFor()
      await row().getByText('Asleep', { exact: true }).waitFor()
      const job = await farm.api<{ counts: { completed: number; total: number } }>('GET', `/jobs/${id}`)
      expect(job.counts.completed, 'what ran was not stopped').toBeGreaterThan(0)
      await order('Wake')
    },
    LONG,
  )

  it('gives it a tag that is made on the way', async () => {
    await drawer().locator('.n-select').first().click()
    await page.keyboard.type('gpu')
    await page.keyboard.press('Enter')
    await row().getByText('gpu').waitFor()
    expect((await worker())?.tags.map((tag) => tag.name)).toEqual(['gpu'])
  })

  it('keeps a week of sleep', async () => {
    await page.keyboard.press('Escape')
    await drawer().getByRole('switch', { name: 'Sleep by this schedule' }).click()
    // Without days it is every day.
    for (const day of ['Mo', 'Tu', 'We', 'Th', 'Fr']) await drawer().getByRole('button', { name: day, exact: true }).click()
    await drawer().getByRole('button', { name: 'Save schedule' }).click()
    await expect.poll(async () => (await worker())?.sleepSchedule).toMatchObject({ isActive: true, daysOfWeek: 'sa su' })
    await farm.api('PUT', `/workers/${(await worker())?.id}/sleep-schedule`, { isActive: false, daysOfWeek: '', startTime: '', endTime: '' })
  })

  it(
    'shuts it down, and removes it from the farm',
    async () => {
      await order('Shut down', 'now')
      await row().getByText('Offline').waitFor()
      await order('Remove')
      await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
      await page.getByRole('heading', { name: 'No workers yet' }).waitFor()
      expect(await worker()).toBeUndefined()
      expect(problems).toEqual([])
    },
    LONG,
  )
})
