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
    await page.getByRole('list', { name: 'Permissions' }).getByText('local').waitFor()
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
    await page.getByRole('list', { name: 'Permissions' }).getByText('local').waitFor()
  })

  it('many executions are a list of any length, the newest first', async () => {
    const id = page.url().split('/').at(-1) ?? ''
    for (let i = 0; i < 160; i++) {
      const reply = await fetch(`${farm.url}/actors/v2/${id}/messages`, {
        method: 'POST',
        body: new URLSearchParams({ message: String(i) }),
      })
      expect(reply.status).toBe(200)
    }
    const list = page.getByRole('rowgroup', { name: 'Executions' })
    await expect.poll(() => list.evaluate((el) => Math.round(el.scrollHeight / 28))).toBeGreaterThanOrEqual(100)
    expect(await list.getByRole('row').count()).toBeLessThan(80)
    await expect
      .poll(async () => {
        await list.evaluate((el) => el.scrollTo(0, el.scrollHeight))
        return list.evaluate((el) => Math.round(el.scrollHeight / 28))
      })
      .toBe(161)
    const numbers = async (query: string) => {
      const reply = await fetch(`${farm.url}/actors/v2/${id}/executions?newest=true${query}`, { headers: { 'x-framehouse-case': 'camel' } })
      return ((await reply.json()) as { result: { items: { messageReceivedTime: string; id: string }[]; next: string | null } }).result
    }
    const first = await numbers('&limit=100')
    const second = await numbers(`&limit=100&before=${first.next}`)
    expect([first.items.length, second.items.length, second.next]).toEqual([100, 61, null])
    expect(new Set([...first.items, ...second.items].map((each) => each.id)).size).toBe(161)
    expect((await fetch(`${farm.url}/actors/v2/${id}/executions?newest=true&before=x`)).status).toBe(400)
  })

  it('its description is edited, and keeps what the form does not show', async () => {
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    const dialog = page.getByRole('dialog', { name: 'Edit word-count' })
    await dialog.getByLabel('Variables').fill('LANGUAGE=en\nnonsense')
    expect(await dialog.getByRole('button', { name: 'Save' }).isDisabled(), 'each line is a variable').toBe(true)
    await dialog.getByLabel('Variables').fill('LANGUAGE=en\nGREETING=a=b')
    await dialog.getByLabel('Schedule').fill('now + 1 day')
    await dialog.getByLabel('Webhook').fill('https://hooks.studio.example/wc')
    expect(await axeDefects(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Save' }).click()
    await page.getByText('https://hooks.studio.example/wc').waitFor()
    const { result } = (await (await fetch(`${farm.url}/actors/v2/${page.url().split('/').at(-1)}`)).json()) as { result: object }
    expect(result).toMatchObject({
      image: 'abacosamples/wc',
      stateless: false,
      defaultEnvironment: { LANGUAGE: 'en', GREETING: 'a=b' },
      webhook: 'https://hooks.studio.example/wc',
    })
  })

  it('everyone is let in and out again', async () => {
    const list = page.getByRole('list', { name: 'Permissions' })
    await page.getByLabel('User name').fill('ABACO_WORLD')
    await page.getByRole('button', { name: 'Add' }).first().click()
    await list.getByText('Everyone').waitFor()
    await page.getByRole('button', { name: 'Remove: Everyone' }).click()
    await list.getByText('Everyone').waitFor({ state: 'detached' })
  })

  it('a nonce is shown in full once, works as often as it says, and is revoked', async () => {
    const id = page.url().split('/').at(-1) ?? ''
    await page.getByLabel('Uses').fill('2')
    await page.getByRole('button', { name: 'New nonce' }).click()
    const nonce = (await page.locator('[data-nonce]').textContent()) ?? ''
    const list = page.getByRole('list', { name: 'Nonces' })
    await list.getByText('2 uses left').waitFor()
    expect(await axeDefects(page)).toEqual([])
    const use = async () => (await fetch(`${farm.url}/actors/v2/${id}/messages?x-nonce=${nonce}`)).status
    expect(await use()).toBe(200)
    await page.reload()
    await list.getByText('1 uses left').or(list.getByText('1 use left')).waitFor()
    expect(await page.content()).not.toContain(nonce)
    await list.getByRole('button', { name: 'Revoke' }).click()
    await page.getByRole('alertdialog').getByRole('button', { name: 'Revoke' }).click()
    await list.getByText('left').waitFor({ state: 'detached' })
    expect(await use()).not.toBe(200)
  })

  it('has more names than one', async () => {
    await page.getByLabel('Another name').fill('counter')
    await page.getByLabel('Another name').press('Enter')
    await page.getByRole('list', { name: 'Aliases' }).getByText('counter').waitFor()
    expect((await fetch(`${farm.url}/actors/v2/counter`)).status).toBe(200)
    await page.getByRole('button', { name: 'Remove: counter' }).click()
    await page.getByRole('list', { name: 'Aliases' }).getByText('counter').waitFor({ state: 'detached' })
  })

  it('the list counts its messages, without what the farm does for itself', async () => {
    await page.getByRole('link', { name: 'Actors' }).last().click()
    await row(/word-count/)
      .getByRole('cell', { name: '161', exact: true })
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
