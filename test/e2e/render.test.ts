/** The whole way in a real browser, against a real manager and worker: submit, watch, scrub, read the log, retry. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { deferred } from '../../src/shared/async.ts'
import { axeDefects } from '../support/axe.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')
const LONG = 90_000

part.describe('a job in the browser', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]
  let demo = ''

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    farm.addWorker('atlas')
    browser = await launchChromium(part.path)
    ;({ page, problems } = await openPage(browser))
  })
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })

  it('is what the first run ends in: the wizard leads to a rendered demo, and stores over nothing', async () => {
    await farm.api('PATCH', '/settings', { sharedStoragePath: farm.dataDir })
    await page.goto(`${farm.url}/app/`)
    await page.getByRole('link', { name: 'Set this farm up' }).click()
    await page.getByText(farm.url).waitFor()
    // As who comes by its address.
    await page.reload()
    const next = page.getByRole('button', { name: 'Next' })
    await next.click()
    await expect.poll(() => page.getByRole('textbox', { name: 'Shared storage' }).inputValue()).toBe(farm.dataDir)
    await next.click()
    await page.getByText('1 worker connected.').waitFor({ timeout: 60_000 })
    await next.click()
    await page.getByRole('button', { name: 'Render it' }).click()
    await page.getByText('It works: 16 frames rendered.').waitFor({ timeout: 90_000 })
    await page.getByRole('img', { name: 'Demo Render' }).waitFor()
    await page.getByRole('button', { name: 'Open the job' }).click()
    await page.getByRole('application', { name: /Frame grid: 16 of 16 done/ }).waitFor()
    expect(await farm.api('GET', '/settings')).toMatchObject({ sharedStoragePath: farm.dataDir })
    const id = page.url().split('/').at(-1)
    // Thumbnails that are still on their way would not be found once their job is deleted: the page is left first.
    await page.goto('about:blank')
    await farm.api('POST', `/jobs/${id}/actions`, { action: 'delete' })
  }, 150_000)

  it('is submitted from the form that its typed settings make, after the manager previewed what it will become', async () => {
    await page.goto(`${farm.url}/app/submit/demo-render`)
    const frames = page.getByLabel('Frames')
    await frames.fill('1-')
    await page.getByText('Write frames as 1-100').first().waitFor()
    expect(await page.getByRole('button', { name: 'Submit', exact: true }).isDisabled()).toBe(true)
    await frames.fill('1-8')
    await page.getByLabel('Chunk size').fill('2')
    await page.getByLabel('Width').fill('160')
    await page.getByLabel('Height').fill('90')
    await page.getByLabel('Width').press('Tab')
    await page.getByText('4 tasks').waitFor()
    await page.getByRole('button', { name: 'Submit', exact: true }).click()
    await page.waitForURL(/\/app\/jobs\/[0-9a-f-]{36}$/)
    demo = page.url().split('/').at(-1) ?? ''
  })

  it('keeps what was typed when the list of job types comes again behind it', async () => {
    const other = await page.context().newPage()
    await other.goto(`${farm.url}/app/submit`)
    await other.getByRole('link', { name: /demo-render/ }).waitFor()
    await other.getByRole('link', { name: 'Dashboard' }).first().click()
    await other.getByRole('heading', { name: 'Dashboard' }).waitFor()
    const held = deferred<void>()
    await other.route('**/api/v1/job-types', async (route) => {
      await held.promise
      await route.continue()
    })
    await other.goBack()
    await other.getByRole('link', { name: /demo-render/ }).click()
    await other.getByLabel('Frames').fill('5-6')
    const answered = other.waitForResponse(/api\/v1\/job-types$/)
    held.resolve()
    await (await answered).finished()
    // The page shows the answer after the next frame of the screen.
    await other.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))
    expect(await other.getByLabel('Frames').inputValue()).toBe('5-6')
    await other.close()
  })

  it('fills in on one screen while it runs: image, grid, log, and is done without a reload', async () => {
    await page.locator('canvas.image:not([data-frame="0"])').waitFor({ timeout: LONG })
    await page
      .getByRole('log')
      .getByText(/Saved: /)
      .first()
      .waitFor({ timeout: LONG })
    await page.getByRole('application', { name: /Frame grid: 8 of 8 done/ }).waitFor({ timeout: LONG })
    await page.locator('header').getByText('Done', { exact: true }).waitFor({ timeout: LONG })
  })

  it('can be scrubbed and played in the flipbook', async () => {
    await page.getByRole('link', { name: 'Preview', exact: true }).click()
    const scrub = page.getByRole('slider', { name: 'Frame' })
    await scrub.fill('0')
    await page.waitForFunction(() => document.querySelector('canvas.image')?.getAttribute('aria-label')?.includes('Frame 1 of'))
    await scrub.fill('2')
    await page.waitForFunction(() => document.querySelector('canvas.image')?.getAttribute('aria-label')?.includes('Frame 3 of'))
    await page.getByRole('button', { name: 'Play', exact: true }).click()
    await page.waitForFunction(() => document.querySelector('canvas.image')?.getAttribute('aria-label')?.includes('Frame 7 of'))
    await page.getByRole('button', { name: 'Pause', exact: true }).click()
  })

  it('tells in its log what happened, with a search by regular expression', async () => {
    await page.goto(`${farm.url}/app/jobs/${demo}/log?task=1`)
    await page
      .getByRole('log')
      .getByText(/Saved: /)
      .first()
      .waitFor()
    await page.getByRole('button', { name: 'Regular expression' }).click()
    await page.getByRole('searchbox', { name: 'Search the log' }).fill('frame-000[12]\\.png')
    await page.getByText('1 / 2').waitFor()
    expect(await page.locator('mark').first().textContent()).toBe('frame-0001.png')
    await page.getByRole('searchbox', { name: 'Search the log' }).fill('[')
    await page.getByText(/Not a regular expression/).waitFor()
  })

  it('shows timeline, graph, settings, activity and the reasons of waiting under addresses of their own', async () => {
    for (const [tab, text] of [
      ['graph', /framehouse-trace/],
      ['settings', 'Chunk size'],
      ['activity', /Nothing has been recorded|submitJob|job/],
      ['why', /Every task of this job|wait/],
    ] as const) {
      await page.goto(`${farm.url}/app/jobs/${demo}/${tab}`)
      await page.getByText(text).first().waitFor()
    }
    await page.goto(`${farm.url}/app/jobs/${demo}/timeline`)
    await page.getByRole('img', { name: /atlas: 4 attempts/ }).waitFor()
  })

  it('that failed is retried, and ends well once the reason is gone', async () => {
    const wanted = join(farm.dataDir, 'wanted')
    const { id } = await farm.api<{ id: string }>('POST', '/jobs', {
      name: 'fails at first',
      type: 'command-per-frame',
      settings: { command: `ls ${wanted}`, frames: '1-2' },
      policy: { failAfterWorkers: 1, failJobAtPercent: 100 },
    })
    await page.goto(`${farm.url}/app/jobs/${id}`)
    await page.locator('header').getByText('Failed', { exact: true }).waitFor({ timeout: LONG })
    await writeFile(wanted, '')
    await page.getByRole('button', { name: 'Retry failed' }).click()
    await page.locator('header').getByText('Done', { exact: true }).waitFor({ timeout: LONG })
    await page.goto(`${farm.url}/app/jobs/${id}/log?task=1`)
    await page.getByRole('tab').nth(1).waitFor()
  })

  it('is found by the command palette and by search, and the filters stand in the address', async () => {
    await page.goto(`${farm.url}/app/`)
    // Keys work once the page is built.
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').fill('fails at')
    await page.getByRole('option', { name: /fails at first/ }).click()
    await page.waitForURL(/\/app\/jobs\/[0-9a-f-]{36}$/)
    await page.goto(`${farm.url}/app/jobs?status=completed&q=Demo`)
    await page.getByRole('row', { name: /Demo Render/ }).waitFor()
    expect(await page.getByRole('row', { name: /fails at first/ }).count()).toBe(0)
    await page
      .getByRole('button', { name: /Failed/ })
      .first()
      .click()
    await page.waitForURL(/status=completed%2Cfailed|status=completed,failed/)
  })

  it('is deleted, and comes back by undo', async () => {
    await page.goto(`${farm.url}/app/jobs`)
    await page.getByRole('row', { name: /fails at first/ }).click({ button: 'right' })
    await page.getByText('Delete', { exact: true }).click()
    await page.getByRole('row', { name: /fails at first/ }).waitFor({ state: 'detached' })
    await page.getByRole('button', { name: 'Undo' }).click()
    await page.getByRole('row', { name: /fails at first/ }).waitFor()
  })

  it.each([
    '/',
    '/jobs',
    '/submit/demo-render',
    '/workers',
    '/limits',
    '/statistics',
    '/settings/general',
    '/settings/security',
    '/welcome',
  ])('has no accessibility defect on %s that axe can find, in either theme', async (path) => {
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.goto(`${farm.url}/app${path}`)
      await page.getByRole('main').waitFor()
      await page.waitForLoadState('networkidle').catch(() => {})
      expect(await axeDefects(page), `${path} ${colorScheme}`).toEqual([])
    }
  })

  it.each(['', '/frames', '/preview', '/preview?compare=choose', '/log', '/timeline', '/graph', '/settings', '/activity', '/why'])(
    'has none on the page %j of a job either',
    async (tab) => {
      for (const colorScheme of ['dark', 'light'] as const) {
        await page.emulateMedia({ colorScheme })
        await page.goto(`${farm.url}/app/jobs/${demo}${tab}`)
        await page.locator('header h2').first().waitFor()
        await page.waitForLoadState('networkidle').catch(() => {})
        expect(await axeDefects(page), `${tab} ${colorScheme}`).toEqual([])
      }
    },
  )

  it('threw nothing on the way', () => expect(problems).toEqual([]))
})
