/** What an owner does to workers from their page, with a real one that carries it out. */
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Worker } from '../../src/shared/schemas/worker.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')
const LONG = 60_000

/** What a machine with two cards would say; the second one does not tell its temperature. */
const NVIDIA_SMI = `#!/bin/sh
echo 'NVIDIA GeForce RTX 4090, 24564, 8000, 73, 61'
echo 'NVIDIA RTX A4000, 16376, 900, 12, [N/A]'
`

part.describe('the page of workers', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    const programs = join(farm.dataDir, 'programs')
    await mkdir(programs)
    await writeFile(join(programs, 'nvidia-smi'), NVIDIA_SMI)
    await chmod(join(programs, 'nvidia-smi'), 0o755)
    farm.addWorker('atlas', { path: programs })
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

  it('shows its load, cards and software', async () => {
    await drawer()
      .getByRole('img', { name: /CPU \d+ %, RAM .*, GPU 0 73 % · 61 °C, GPU 1 12 %$/ })
      .waitFor()
    await drawer().getByText('NVIDIA GeForce RTX 4090 25.8 GB, NVIDIA RTX A4000 17.2 GB').waitFor()
    await drawer().getByRole('heading', { name: 'Software found' }).waitFor()
  })

  it(
    'restarts it: it goes offline and comes back by itself',
    async () => {
      const before = (await worker())?.lastSeenAt ?? ''
      await order('Restart', 'now')
      await row().getByText('Offline').waitFor()
      // Its machine tells nothing now, so nothing is shown as if it were of now.
      await drawer().getByRole('heading', { name: 'Load', exact: true }).waitFor({ state: 'detached' })
      await row().getByText('Awake', { exact: true }).waitFor()
      await expect.poll(async () => Date.parse((await worker())?.lastSeenAt ?? '')).toBeGreaterThan(Date.parse(before))
    },
    LONG,
  )

  it(
    'sends it to sleep when its task ends, and shows what it is doing until then',
    async () => {
      const over = join(farm.dataDir, 'over')
      const settings = { command: `sh -c 'until [ -e ${over} ]; do sleep 0.1; done'`, frames: '1' }
      const { id } = await farm.api<{ id: string }>('POST', '/jobs', { type: 'command-per-frame', name: 'a short nap', settings })
      await drawer().getByRole('link', { name: 'a short nap' }).waitFor()
      await row().getByText('Rendering').waitFor()
      await order('Sleep', 'when its task ends')
      await row().getByText('→ Asleep').waitFor()
      await writeFile(over, '')
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
    await expect.poll(async () => (await worker())?.tags.map((tag) => tag.name)).toEqual(['gpu'])
  })

  it('keeps a week of sleep', async () => {
    await page.keyboard.press('Escape')
    await drawer().getByRole('switch', { name: 'Sleep by this schedule' }).click()
    // Without days it is every day.
    for (const day of ['Mo', 'Tu', 'We', 'Th', 'Fr']) await drawer().getByRole('button', { name: day, exact: true }).click()
    await drawer().getByRole('button', { name: 'Save schedule' }).click()
    await expect.poll(async () => (await worker())?.sleepSchedule).toMatchObject({ isActive: true, daysOfWeek: 'sa su' })
    await farm.api('PUT', `/workers/${(await worker())?.id}/sleep-schedule`, {
      isActive: false,
      daysOfWeek: '',
      startTime: '',
      endTime: '',
    })
  })

  it(
    'shuts it down, and removes it from the farm',
    async () => {
      await order('Shut down', 'now')
      await row().getByText('Offline').waitFor()
      await order('Remove')
      await page.getByRole('alertdialog').getByRole('button', { name: 'Remove' }).click()
      await page.getByRole('heading', { name: 'No workers yet' }).waitFor()
      await expect.poll(worker).toBeUndefined()
      expect(problems).toEqual([])
    },
    LONG,
  )
})
