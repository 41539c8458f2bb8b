/** The list of jobs by keyboard and mouse: groups, views, columns, many at once, priority in its place; all of it in the address. */
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JobSummary } from '../../src/shared/schemas/jobs/job.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')
const WAIT = { timeout: 30_000 }

part.describe('the list of jobs', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    // No worker renders: only this test changes anything.
    for (const [name, project] of [
      ['alpha', 'Lighthouse'],
      ['bravo', 'Lighthouse'],
      ['charlie', 'Tin Can'],
      ['delta', 'Tin Can'],
    ]) {
      await farm.api('POST', '/jobs', { type: 'command-per-frame', name, project, settings: { command: 'true', frames: '1-3' } })
    }
    browser = await launchChromium(part.path)
    ;({ page, problems } = await openPage(browser))
  })
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })
  const row = (name: string) => page.getByRole('row', { name })
  const jobs = async () => (await farm.api<{ items: JobSummary[] }>('GET', '/jobs')).items
  const job = async (name: string) => (await jobs()).find((entry) => entry.name === name)
  const cursor = () =>
    page.evaluate(() => {
      const el = document.querySelector('.row.cursor')
      return { name: el?.querySelector('.name')?.textContent, seen: el ? getComputedStyle(el).boxShadow !== 'none' : false }
    })

  it('is walked through by keys, which show where they are', async () => {
    await page.goto(`${farm.url}/app/jobs?sort=name`)
    await row('alpha').waitFor()
    await page.keyboard.press('j')
    await expect.poll(cursor, WAIT).toEqual({ name: 'bravo', seen: true })
    await page.keyboard.press('End')
    await expect.poll(cursor, WAIT).toEqual({ name: 'delta', seen: true })
    await page.keyboard.press('k')
    await expect.poll(cursor, WAIT).toEqual({ name: 'charlie', seen: true })
  })

  it('picks several by keys, and does one thing to all of them', async () => {
    await page.keyboard.press('x')
    await page.keyboard.press('j')
    await page.keyboard.press('x')
    await page.getByText('2 selected').waitFor()
    await page.keyboard.press('p')
    await expect.poll(async () => [(await job('charlie'))?.status, (await job('delta'))?.status], WAIT).toEqual(['paused', 'paused'])
    expect((await job('alpha'))?.status).toBe('queued')
    for (const name of ['charlie', 'delta']) await row(name).getByText('Paused').waitFor()
    await page.keyboard.press('Shift+F10')
    await page.locator('.n-dropdown-option', { hasText: 'Resume' }).last().click()
    await expect.poll(async () => (await job('delta'))?.status, WAIT).toBe('queued')
    // Once more takes it out again.
    await page.keyboard.press('x')
    await page.getByText('1 selected').waitFor()
    await page.keyboard.press('Escape')
  })

  it('leaves Enter to the button that has the focus', async () => {
    await page.getByRole('button', { name: 'Columns' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('checkbox', { name: 'ETA' }).waitFor()
    expect(page.url()).not.toMatch(/jobs\/[0-9a-f]/)
    await page.keyboard.press('Escape')
  })

  it('changes a priority in its place', async () => {
    await page.getByRole('spinbutton', { name: 'Priority of bravo' }).fill('77')
    await page.keyboard.press('Tab')
    await expect.poll(async () => (await job('bravo'))?.priority, WAIT).toBe(77)
  })

  it('keeps a priority that is being typed while the row is drawn anew', async () => {
    const field = page.getByRole('spinbutton', { name: 'Priority of charlie' })
    await field.fill('33')
    const { id = '' } = (await job('charlie')) ?? {}
    await farm.api('PATCH', `/jobs/${id}`, { project: 'Copper Can' })
    await row('charlie').getByText('Copper Can').waitFor()
    expect(await field.inputValue()).toBe('33')
    await page.keyboard.press('Tab')
    await expect.poll(async () => (await job('charlie'))?.priority, WAIT).toBe(33)
    await farm.api('PATCH', `/jobs/${id}`, { project: 'Tin Can' })
  })

  it('groups by project, and closes a group by mouse or key', async () => {
    await page.getByRole('button', { name: 'Group' }).click()
    await page.locator('.n-dropdown-option', { hasText: 'Project' }).last().click()
    await page.waitForURL(/group=project/)
    const group = page.getByRole('row', { name: /Lighthouse 2/ })
    await group.click()
    await row('alpha').waitFor({ state: 'detached' })
    await page.keyboard.press('Home')
    await page.keyboard.press('Enter')
    await row('alpha').waitFor()
    await expect.poll(() => group.getAttribute('aria-expanded'), WAIT).toBe('true')
  })

  it('keeps a view under a name, and comes back to it by its address', async () => {
    await page.getByRole('searchbox').first().fill('Tin')
    await page.waitForURL(/q=Tin/)
    await page.getByRole('button', { name: 'Views' }).click()
    await page.getByRole('textbox', { name: 'Name of the view' }).fill('cans')
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'cans', exact: true }).waitFor()
    await page.goto(`${farm.url}/app/jobs`)
    await row('alpha').waitFor()
    await page.getByRole('button', { name: 'Views' }).click()
    await page.getByRole('button', { name: 'cans', exact: true }).click()
    await page.waitForURL((url) => url.searchParams.get('q') === 'Tin' && url.searchParams.get('group') === 'project')
    await row('charlie').waitFor()
    expect(await row('alpha').count()).toBe(0)
  })

  it('threw nothing on the way', () => expect(problems).toEqual([]))
})
