/** Settings, Notifications: in a real browser, with a mail server and a webhook that really answer. */
import type { Browser, Page } from 'playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { FarmSettings } from '../../src/shared/schemas/settings.ts'
import { axeDefects } from '../support/axe.ts'
import { launchChromium, openPage, startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'
import { openHttpReceiver, openMailSink, type HttpReceiver, type MailSink } from '../support/receivers.ts'

const part = requirePart('chromium')

part.describe('the settings of notifications', () => {
  let farm: GuiFarm
  let browser: Browser
  let page: Page
  let problems: string[]
  let receiver: HttpReceiver
  let mail: MailSink

  beforeAll(async () => {
    receiver = await openHttpReceiver()
    mail = await openMailSink()
    farm = await startGuiFarm(true)
    browser = await launchChromium(part.path)
    ;({ page, problems } = await openPage(browser))
    await page.goto(`${farm.url}/app/settings/notifications`)
  })
  afterAll(async () => {
    await browser?.close()
    await farm?.stop()
    await mail?.close()
    await receiver?.close()
  })
  const settings = () => farm.api<FarmSettings>('GET', '/settings')
  const rule = (n: number) => page.getByRole('group', { name: `Rule ${n}` })

  it('show what a webhook really answers, stored or not', async () => {
    await page.getByText('No message has been sent yet.').waitFor()
    await page.getByRole('button', { name: 'Add recipient' }).click()
    await rule(1).locator('.n-select').first().click()
    await page.locator('.n-base-select-option', { hasText: 'Webhook' }).click()
    await rule(1).getByLabel('Webhook URL').fill('chat.studio.example')
    await rule(1).getByText('The URL must start with').waitFor()
    expect(await page.getByRole('button', { name: 'Save' }).first().isDisabled()).toBe(true)

    await rule(1).getByLabel('Webhook URL').fill(`${receiver.url}/hook`)
    await rule(1).getByRole('button', { name: 'Test' }).click()
    await rule(1).getByRole('status').getByText('Not delivered').waitFor()
    expect(receiver.received, 'this machine is out of reach of webhooks').toHaveLength(0)

    await page.getByRole('switch', { name: 'Allow local addresses' }).click()
    await expect.poll(async () => (await settings()).webhooksToLocal).toBe(true)
    receiver.answer('/hook', { status: 503 }, { status: 200 })
    await rule(1).getByRole('button', { name: 'Headers' }).click()
    await rule(1).getByLabel('Headers').fill('Authorization: Bearer secret')
    await rule(1).getByRole('button', { name: 'Test' }).click()
    await rule(1).getByRole('status').getByText('answered with status 503').waitFor()
    await rule(1).getByRole('button', { name: 'Test' }).click()
    await rule(1).getByRole('status').getByText('answered with status 200').waitFor()
    expect(receiver.to('/hook').at(-1)?.headers.authorization).toBe('Bearer secret')
    expect((await settings()).notifications).toEqual([])
  })

  it('send a test mail through the server that was typed', async () => {
    await page.getByLabel('Server', { exact: true }).fill('127.0.0.1')
    await page.getByText('Required for sending mail.').waitFor()
    await page.getByLabel('Sender').fill('The farm <farm@studio.example>')
    await page.getByRole('textbox', { name: 'Port' }).fill(String(mail.port))
    await page.getByLabel('Send a test to').fill('anna@studio.example')
    await page.getByRole('button', { name: 'Save and send' }).click()
    // The farm insists on encryption, and this server has none.
    await page.locator('form', { hasText: 'Encryption' }).getByText('Not delivered').waitFor()
    await page.locator('.setting', { hasText: 'Encryption' }).locator('.n-select').click()
    await page.locator('.n-base-select-option', { hasText: 'None' }).click()
    await page.getByRole('button', { name: 'Save and send' }).click()
    await page.getByText('the mail server accepted the message').waitFor()
    expect(mail.mails).toMatchObject([{ from: 'farm@studio.example', to: ['anna@studio.example'] }])
    expect(await settings()).toMatchObject({ smtpHost: '127.0.0.1', smtpPort: mail.port, smtpSecurity: 'none' })
  })

  it('store rules, and list the messages of a job that ended', async () => {
    await rule(1).getByRole('button', { name: 'Cancelled' }).click()
    await page.getByRole('button', { name: 'Add recipient' }).click()
    await rule(2).getByLabel('Mail address').fill('anna@studio.example')
    await rule(2).getByRole('button', { name: 'Cancelled' }).click()
    await page.getByRole('button', { name: 'Save' }).first().click()
    const webhook = { url: `${receiver.url}/hook`, headers: { Authorization: 'Bearer secret' } }
    await expect
      .poll(async () => (await settings()).notifications)
      .toEqual([
        { on: ['failed', 'canceled'], webhook },
        { on: ['failed', 'canceled'], mail: 'anna@studio.example' },
      ])

    receiver.answer('/hook', { status: 500 })
    const body = { type: 'echo-sleep-test', name: 'told', settings: { message: 'hello', sleep_duration_seconds: 1 } }
    const { id } = await farm.api<{ id: string }>('POST', '/jobs', body)
    await farm.api('POST', `/jobs/${id}/actions`, { action: 'cancel' })
    const row = (kind: string) => page.getByRole('row', { name: new RegExp(`${kind} .*(hook|anna)`) })
    await row('Webhook').getByText('answered with status 500').waitFor()
    await row('Webhook').getByText('Waiting').waitFor()
    await row('Webhook').getByText('next try').waitFor()
    await row('Mail').getByText('Delivered').waitFor()
    expect(mail.mails.at(-1)?.raw).toContain('told')
  })

  it('are still there after a reload, and have no accessibility defect that axe can find', async () => {
    await page.reload()
    await expect.poll(() => rule(1).getByLabel('Headers').inputValue()).toBe('Authorization: Bearer secret')
    await rule(2).waitFor()
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      expect(await axeDefects(page), colorScheme).toEqual([])
    }
    expect(problems).toEqual([])
  })

  it('are for administrators alone', async () => {
    const { secret } = await farm.api<{ secret: string }>('POST', '/tokens', {
      kind: 'token',
      name: 'eye',
      role: 'viewer',
      scopes: ['read'],
    })
    const reply = await fetch(`${farm.url}/api/v1/notifications/deliveries`, { headers: { authorization: `Bearer ${secret}` } })
    expect(reply.status).toBe(403)
  })
})
