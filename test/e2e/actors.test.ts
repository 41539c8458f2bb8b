/** The pages of actors in a real browser: from an empty list to an actor that is gone. No container runs: its messages wait. */
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { JobSummary } from '../../src/shared/schemas/jobs/job.ts'
import { axeDefects } from '../support/axe.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('chromium')

part.describe('actors', () => {
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
  const row = (name: string | RegExp) => page.getByRole('row', { name })
  const mailbox = (number: number) => page.getByText(`1 / ${number}`, { exact: true })
  const jobs = async () => (await farm.api<{ items: JobSummary[] }>('GET', '/jobs')).items

  it('one is created from the form, and has a page of its own', async () => {
    await page.goto(`${farm.url}/app/actors`)
    await page.getByRole('heading', { name: 'No actors' }).waitFor()
    expect(await axeDefects(page)).toEqual([])
    await page.getByRole('button', { name: 'New actor' }).click()
    const dialog = page.getByRole('dialog', { name: 'New actor' })
    expect(await dialog.getByRole('button', { name: 'Save' }).isDisabled(), 'it needs an image').toBe(true)
    await dialog.getByLabel('Image').fill('abacosamples/wc')
    await dialog.getByLabel('Name').fill('word-count')
    await dialog.getByText('Keeps a state').click()
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.waitForURL(/\/app\/actors\/[0-9A-Za-z]{13}$/)
    await page.getByRole('heading', { name: 'word-count' }).waitFor()
    await page.getByRole('heading', { name: 'No messages yet' }).waitFor()
    await page.getByText('UPDATE').waitFor()
    expect(await jobs()).toMatchObject([{ name: 'word-count', origin: 'actors' }])
  })

  it('a message becomes an execution, whose log can be opened', async () => {
    await page.getByLabel('Message').fill('one two three')
    await page.keyboard.press('Enter')
    await row(/Queued/).waitFor()
    expect(await page.getByLabel('Message').inputValue()).toBe('')
    await row(/Queued/)
      .getByRole('button')
      .click()
    await page.getByText('It wrote nothing.').waitFor()
    expect(await axeDefects(page)).toEqual([])
    await page.getByRole('button', { name: 'Close' }).click()
    await page.getByText('UPDATE').waitFor()
  })

  it('many executions are shown a page at a time, the newest first', async () => {
    const id = page.url().split('/').at(-1) ?? ''
    for (let i = 0; i < 60; i++) {
      const reply = await fetch(`${farm.url}/actors/v2/${id}/messages`, {
        method: 'POST',
        body: new URLSearchParams({ message: String(i) }),
      })
      expect(reply.status).toBe(200)
    }
    await mailbox(2).waitFor()
    const newest = await row(/Queued/)
      .first()
      .getByRole('button')
      .textContent()
    expect(await row(/Queued/).count()).toBe(50)
    await page.getByRole('button', { name: 'Older' }).click()
    await expect.poll(() => row(/Queued/).count()).toBe(11)
    await page.getByRole('button', { name: 'Newer' }).click()
    await expect
      .poll(() =>
        row(/Queued/)
          .first()
          .getByRole('button')
          .textContent(),
      )
      .toBe(newest)
  })

  it('the list counts its messages, without what the farm does for itself', async () => {
    await page.getByRole('link', { name: 'Actors' }).last().click()
    await row(/word-count/)
      .getByRole('cell', { name: '61', exact: true })
      .waitFor()
    expect(await axeDefects(page)).toEqual([])
    await row(/word-count/)
      .getByRole('link', { name: 'word-count' })
      .click()
  })

  it('an emptied mailbox takes its messages out of the queue', async () => {
    await page.getByRole('button', { name: 'Empty mailbox' }).click()
    await row(/Error/).first().waitFor()
    await expect.poll(() => row(/Queued/).count()).toBe(0)
  })

  it('one that is deleted is gone, with its job', async () => {
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('heading', { name: 'No actors' }).waitFor()
    expect(await jobs()).toEqual([])
  })

  it('threw nothing on the way', () => expect(problems).toEqual([]))
})
