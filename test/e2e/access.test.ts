/** A farm that trusts no client: signing in with a token, approving a worker; and a manager that goes away. */
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')

part.describe('a farm that trusts no client', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    farm = await startGuiFarm(false)
    browser = await launchChromium(part.path)
    ;({ page } = await openPage(browser))
  })
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })

  it('asks for a token, refuses a wrong one and takes the right one', async () => {
    await page.goto(`${farm.url}/app/jobs`)
    await page.getByRole('heading', { name: 'Sign in to this farm' }).waitFor()
    await page.getByLabel('Token').fill('fh_wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('The manager does not know this token.').waitFor()
    await page.getByLabel('Token').fill(await farm.ownerToken())
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('No jobs yet').waitFor()
    await page.getByText('Live', { exact: true }).waitFor()
  })

  it('shows a worker that asks to join, and lets it in', async () => {
    farm.addWorker('newcomer')
    await page.getByRole('link', { name: 'Workers' }).click()
    await page.getByRole('heading', { name: /Waiting for approval/ }).waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: 'Approve' }).click()
    await page
      .getByRole('row', { name: /newcomer/ })
      .getByText('Awake')
      .waitFor({ timeout: 60_000 })
    await page.getByRole('heading', { name: /Waiting for approval/ }).waitFor({ state: 'detached' })
  })

  it('says so when the manager goes away, and since when what is shown is old', async () => {
    await farm.stop()
    await page.getByRole('alert').getByText('Manager offline').waitFor({ timeout: 60_000 })
    await page.getByRole('button', { name: 'Try now' }).waitFor()
    // It goes on: what is shown gets older.
    await page.getByText(/^No data from the manager for ([5-9]|\d\d) s\./).waitFor()
    await expect.poll(() => page.locator('.farm').evaluate((farm) => getComputedStyle(farm).filter)).toContain('grayscale')
    // Colours and clocks would claim to be true now.
    await expect.poll(() => page.getByRole('main').evaluate((main) => getComputedStyle(main).filter)).toContain('grayscale')
  })
})
