/** The Schedules page in a real browser: from an empty farm to a job that a schedule submitted. */
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Schedule } from '../../src/shared/schemas/schedule.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')

part.describe('schedules', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]

  beforeAll(async () => {
    farm = await startGuiFarm(true)
    browser = await launchChromium(part.path)
    ;({ page, problems } = await openPage(browser))
  })
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
  })
  const row = () => page.getByRole('row', { name: /dailies/ })

  it('says what schedules are for, and leads to the form', async () => {
    await page.goto(`${farm.url}/app/schedules`)
    await page.getByRole('heading', { name: 'No schedules' }).waitFor()
    await page.getByRole('link', { name: 'Schedule a job' }).click()
    await page.getByRole('link', { name: /echo-sleep-test/ }).click()
    await page.locator('#job-name').fill('dailies {n}')
    await page.getByLabel('Message').fill('hello')
    await page.getByText('At 20:00, Monday through Friday').first().waitFor()
    await page.locator('ol.next li').nth(4).waitFor()
    expect(await page.locator('ol.next li').count()).toBe(5)
  })

  it('tells what is wrong with an expression, and does not take it', async () => {
    await page.getByLabel('Cron expression').fill('0 25 * * *')
    await page.getByRole('alert').getByText('the hour "25" (field 2)').waitFor()
    expect(await page.getByRole('button', { name: 'Schedule a job' }).isDisabled()).toBe(true)
    await page.getByRole('button', { name: 'At 20:00, every day' }).click()
    await page.getByRole('button', { name: 'Schedule a job' }).click()
    await row().getByText('At 20:00, every day').waitFor()
    await row().getByText('not yet').waitFor()
  })

  it('runs it now, and leads to the job', async () => {
    await page.getByRole('button', { name: /^Run now/ }).click()
    await row().getByRole('link', { name: 'dailies 1' }).waitFor()
    await row()
      .getByRole('button', { name: /dailies/ })
      .first()
      .click()
    await page.getByRole('list', { name: 'History' }).getByText('Submitted').waitFor()
  })

  it('pauses, resumes, edits and deletes it', async () => {
    await page.getByRole('button', { name: /^Pause/ }).click()
    await row().getByText('Paused').waitFor()
    await page.getByRole('button', { name: /^Resume/ }).click()
    await page.getByRole('button', { name: /^Edit schedule/ }).click()
    const dialog = page.getByRole('dialog', { name: 'Edit schedule' })
    await dialog.getByLabel('Name').first().click()
    await page.keyboard.press('End')
    await page.keyboard.type(' again')
    await expect.poll(() => dialog.getByLabel('Name').first().inputValue()).toBe('dailies {n} again')
    for (let i = 0; i < 30; i++) await page.keyboard.press('Tab')
    expect(await dialog.evaluate((box) => box.parentElement?.contains(document.activeElement)), 'the focus stays inside').toBe(true)
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /^Edit schedule/ }).click()
    await dialog.getByRole('radio', { name: 'At an interval' }).click()
    await dialog.getByRole('textbox', { name: 'Every' }).fill('2')
    await dialog.locator('ol.next li').first().waitFor()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await row().getByText('Every 2 h').waitFor()
    const { items } = await farm.api<{ items: Schedule[] }>('GET', '/schedules')
    expect(items).toMatchObject([{ name: 'dailies {n}', state: 'active', fired: 1, trigger: { kind: 'interval', everySeconds: 7200 } }])
    await page.getByRole('button', { name: /^Remove/ }).click()
    await page.getByRole('button', { name: 'Remove', exact: true }).click()
    await page.getByRole('heading', { name: 'No schedules' }).waitFor()
    expect(problems.filter((problem) => !/400|naive/.test(problem))).toEqual([])
  })

  it('repeats a job from its menu', async () => {
    const { items } = await farm.api<{ items: { id: string }[] }>('GET', '/jobs')
    await page.goto(`${farm.url}/app/submit/echo-sleep-test?from=${items[0]?.id}&later=1`)
    await page.getByText('At 20:00, Monday through Friday').first().waitFor()
    await expect.poll(() => page.locator('#job-name').inputValue()).toBe('dailies 1')
    await page.getByRole('button', { name: 'Schedule a job' }).waitFor()
  })

  it('goes on when another user deletes the schedule whose history is open', async () => {
    const make = (name: string) =>
      farm.api<Schedule>('POST', '/schedules', {
        name,
        trigger: { kind: 'interval', everySeconds: 7200 },
        job: { name, type: 'echo-sleep-test', settings: { message: 'hello', sleep_duration_seconds: 0 } },
      })
    const [dailies, weeklies] = [await make('dailies'), await make('weeklies')]
    await page.goto(`${farm.url}/app/schedules`)
    await row()
      .getByRole('button', { name: /dailies/ })
      .first()
      .click()
    await page.getByText('No runs yet').waitFor()
    await fetch(`${farm.url}/api/v1/schedules/${dailies.id}`, { method: 'DELETE' })
    await row().waitFor({ state: 'detached' })
    await farm.api('POST', `/schedules/${weeklies.id}/pause`)
    await page
      .getByRole('row', { name: /weeklies/ })
      .getByText('Paused')
      .waitFor()
  })
})
