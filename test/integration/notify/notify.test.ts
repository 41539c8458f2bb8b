/** Notifications through a whole manager: real commits, real HTTP, a real mail server. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { NotificationRule } from '../../../src/shared/schemas/notify.ts'
import { LiveManager, until } from '../../support/liveManager.ts'
import { openHttpReceiver, openMailSink, type HttpReceiver, type MailSink } from '../../support/receivers.ts'

let manager: LiveManager
let http: HttpReceiver
let smtp: MailSink

beforeAll(async () => {
  ;[manager, http, smtp] = await Promise.all([
    LiveManager.start(),
    openHttpReceiver(),
    openMailSink({ user: 'farm', password: 'pass word' }),
  ])
  await change({
    smtpHost: '127.0.0.1',
    smtpPort: smtp.port,
    smtpSecurity: 'none',
    smtpUser: 'farm',
    smtpPassword: 'pass word',
    mailFrom: 'The farm <farm@studio.example>',
    webhooksToLocal: true,
    publicUrl: 'http://farm.studio.example:8080/',
  })
})
afterAll(async () => {
  await Promise.all([manager.stop(), http.close(), smtp.close()])
})
afterEach(async () => {
  await change({ notifications: [], webhooksToLocal: true })
})

async function change(settings: object) {
  const reply = await manager.call('PATCH', '/settings', { body: settings })
  if (reply.status !== 200) throw new Error(reply.text)
  return reply
}

/** Submits a job with these rules and lets it end. */
async function ends(notify: NotificationRule[], outcome: 'success' | 'exit-code' | 'cancel' = 'success') {
  const job = await manager.submit({ name: 'Nordlicht 040', notify, policy: { failAfterWorkers: 1 } })
  if (outcome === 'cancel') {
    await manager.call('POST', `/jobs/${job.id}/actions`, { body: { action: 'cancel' } })
    return job
  }
  const worker = await manager.worker(`w-${job.id}`, { kinds: ['misc'] })
  for (;;) {
    for (const assignment of (await worker.take(1, 100)).assignments) await worker.finish(assignment, outcome)
    if ((await manager.get(`/jobs/${job.id}`)).body.finishedAt !== null) return job
  }
}

const hook = (path: string, on: NotificationRule['on'] = ['completed', 'failed', 'canceled']): NotificationRule => ({
  on,
  webhook: { url: http.url + path, headers: { 'X-Key': 'abc' } },
})

async function deliveryTo(target: string) {
  const { body } = await manager.get('/notifications/deliveries')
  return body.items.find((item: { target: string }) => item.target === target)
}

describe('who is notified when a job ends', () => {
  it('a webhook gets the job, with the headers that were asked for', async () => {
    const job = await ends([hook('/done')])
    const [got] = await until(() => http.to('/done').length > 0 && http.to('/done'), 'the webhook')
    expect(got?.method).toBe('POST')
    expect(got?.headers).toMatchObject({ 'content-type': 'application/json', 'x-key': 'abc' })
    expect(got?.headers['framehouse-delivery']).toMatch(/^\d+$/)
    expect(got?.body).toMatchObject({
      event: 'job-completed',
      job: { id: job.id, name: 'Nordlicht 040', status: 'completed', url: `http://farm.studio.example:8080/app/jobs/${job.id}` },
    })
    await until(async () => (await deliveryTo(`${http.url}/done`)).state === 'delivered', 'the note that it was delivered')
  })

  it('a mail goes out through the mail server, with its login', async () => {
    await ends([{ on: ['failed'], mail: 'anna@studio.example' }], 'exit-code')
    const mail = await until(() => smtp.mails.find(({ to }) => to.includes('anna@studio.example')), 'the mail')
    expect(mail.user).toBe('farm')
    expect(mail.from).toBe('farm@studio.example')
    expect(mail.raw).toMatch(/Subject: \[Framehouse\] Nordlicht 040 failed/)
    expect(mail.raw).toContain('Auto-Submitted: auto-generated')
    // Long lines are folded.
    expect(mail.raw.replaceAll('=\r\n', '')).toContain('http://farm.studio.example:8080/app/jobs/')
  })

  it('both name the warnings of the job, with how often and in how many tasks', async () => {
    const job = await manager.submit({
      name: 'Warned 070',
      notify: [hook('/warned'), { on: ['completed'], mail: 'warned@studio.example' }],
    })
    const worker = await manager.worker('warner', { kinds: ['misc'] })
    for (let tasks = 0; tasks < job.counts.total;) {
      for (const task of (await worker.take(1, 100)).assignments) {
        const at = Date.now()
        await worker.report(
          task,
          { type: 'warning', at, code: 'missing-file', text: 'file of the scene is missing: /a/oak.png', count: 1 },
          { type: 'warning', at, code: 'script-error', text: 'Python: no such object', count: 3, frames: [1, 2, 3] },
        )
        await worker.finish(task)
        tasks++
      }
    }
    const [got] = await until(() => http.to('/warned').length > 0 && http.to('/warned'), 'the webhook')
    expect(got?.body.job).toMatchObject({
      warningCount: 2,
      warnings: [
        { code: 'missing-file', text: 'file of the scene is missing: /a/oak.png', count: 1, taskCount: 2 },
        { code: 'script-error', text: 'Python: no such object', count: 6, taskCount: 2 },
      ],
    })
    const mail = await until(() => smtp.mails.find(({ to }) => to.includes('warned@studio.example')), 'the mail')
    expect(mail.raw).toMatch(/Subject: \[Framehouse\] Warned 070 is done with 2 warnings/)
    const text = mail.raw.replaceAll('=\r\n', '')
    expect(text).toContain('- file of the scene is missing: /a/oak.png (in 2 tasks)')
    expect(text).toContain('- Python: no such object (6 times in 2 tasks)')
  })

  it('only those who asked for this end', async () => {
    await ends([hook('/only-failed', ['failed']), hook('/only-canceled', ['canceled'])], 'cancel')
    await until(() => http.to('/only-canceled').length > 0, 'the webhook')
    expect(http.to('/only-canceled')[0]?.body.event).toBe('job-canceled')
    expect(http.to('/only-failed')).toEqual([])
  })

  it('the settings name who is notified of all jobs; who is named twice gets one message', async () => {
    await change({ notifications: [hook('/farm')] })
    await ends([hook('/farm'), hook('/own')])
    await until(() => http.to('/own').length > 0, 'the webhook')
    await ends([])
    await until(() => http.to('/farm').length === 2, 'the second job')
    expect(http.to('/own')).toHaveLength(1)
  })
})

describe('a target that does not answer well', () => {
  it('is tried again, and the job does not notice', async () => {
    http.answer('/flaky', { status: 503 }, { status: 200 })
    await ends([hook('/flaky')])
    const waiting = await until(async () => {
      const entry = await deliveryTo(`${http.url}/flaky`)
      return entry?.tries === 1 && entry
    }, 'the first try')
    expect(waiting).toMatchObject({ state: 'waiting', error: `${http.url}/flaky answered with status 503` })
    expect(Date.parse(waiting.nextAt)).toBeGreaterThan(Date.now() + 5_000)
  })

  it('one that hangs is given up after the time-out and does not hold up others', async () => {
    await change({ webhookTimeoutMs: 400 })
    http.answer('/hangs', 'hang')
    await ends([
      ...Array.from({ length: 10 }, (_, index): NotificationRule => ({
        on: ['completed'],
        webhook: { url: `${http.url}/hangs?${index}` },
      })),
      hook('/next'),
    ])
    await ends([{ on: ['completed'], mail: 'bert@studio.example' }])
    await until(() => smtp.mails.some(({ to }) => to.includes('bert@studio.example')), 'the mail')
    await until(() => http.to('/next').length > 0, 'the others')
    await change({ webhookTimeoutMs: 10_000 })
  })

  it('a mail server that says "not now" is asked again; one that says "never" is not', async () => {
    smtp.refuse(451)
    await ends([{ on: ['completed'], mail: 'later@studio.example' }])
    await until(async () => (await deliveryTo('later@studio.example'))?.tries === 1, 'the first try')
    smtp.refuse(550)
    await ends([{ on: ['completed'], mail: 'never@studio.example' }])
    const entry = await until(async () => {
      const found = await deliveryTo('never@studio.example')
      return found?.state === 'failed' && found
    }, 'the refusal')
    expect(entry.error).toContain('not now')
  })
})

describe('addresses that webhooks may not reach', () => {
  it('this machine is one of them, by address and by name', async () => {
    await change({ webhooksToLocal: false })
    const byName = `http://localhost:${http.port}/by-name`
    await ends([hook('/by-address'), { on: ['completed'], webhook: { url: byName } }])
    const entries = await until(async () => {
      const found = [await deliveryTo(`${http.url}/by-address`), await deliveryTo(byName)]
      return found.every((entry) => entry?.state === 'failed' || entry?.tries > 0) && found
    }, 'both tries')
    for (const entry of entries) expect(entry.error).toContain('webhooks may not reach')
    expect(http.to('/by-address')).toEqual([])
    expect(http.to('/by-name')).toEqual([])
  })

  it('the test of a webhook follows the same rule, and redirects are followed', async () => {
    const test = (url: string) => manager.call('POST', '/notifications/test', { body: { webhook: { url } } })
    http.answer('/moved', { status: 307, headers: { location: '/new-place' } })
    expect((await test(`${http.url}/moved`)).body).toEqual({ delivered: true, message: `${http.url}/moved answered with status 200` })
    expect(http.to('/new-place')[0]).toMatchObject({ method: 'POST', body: { event: 'test' } })
    http.answer('/round', { status: 302, headers: { location: '/round' } })
    expect((await test(`${http.url}/round`)).body).toEqual({ delivered: false, message: 'more than 5 redirects' })
    await change({ webhooksToLocal: false })
    expect((await test(`${http.url}/moved`)).body).toMatchObject({ delivered: false })
  })
})

describe('settings and bad input', () => {
  it('the password never comes back, is encrypted at rest, and stays when its stand-in is sent back', async () => {
    const { body, text } = await manager.get('/settings')
    expect(body.smtpPassword).toBe('********')
    expect(text).not.toContain('pass word')
    await change({ smtpPassword: '********' })
    expect((await manager.call('POST', '/notifications/test', { body: { mail: 'test@studio.example' } })).body).toEqual({
      delivered: true,
      message: 'the mail server accepted the message',
    })
    const row = await manager.manager.context.read.get<{ value: string }>(`select value from settings where key = 'smtpPassword'`)
    expect(row?.value).toMatch(/^"sealed\$1\$/)
    const audit = await manager.manager.context.read.all<{ detail: string }>(`select detail from audit where target_kind = 'settings'`)
    expect(audit.length).toBeGreaterThan(0)
    expect(JSON.stringify(audit)).not.toContain('pass word')
  })

  it('headers of webhooks do not stand in the audit log, whether of a job or of the settings', async () => {
    const webhook = { url: `${http.url}/audited`, headers: { Authorization: 'Bearer geheim' } }
    await ends([{ on: ['completed'], webhook }])
    await change({ notifications: [{ on: ['failed'], webhook }] })
    await change({ notifications: [] })
    await expect.poll(async () => (await manager.get('/audit?limit=5')).text).toContain('"headers":{"Authorization":"********"}')
    expect((await manager.get('/audit?limit=100')).text).not.toContain('geheim')
  })

  it('headers of webhooks are not shown to those who look at the job', async () => {
    const job = await ends([hook('/shown')])
    expect((await manager.get(`/jobs/${job.id}`)).body.notify).toEqual([
      { on: ['completed', 'failed', 'canceled'], webhook: { url: `${http.url}/shown`, headers: { 'X-Key': '********' } } },
    ])
  })

  it.each([
    [[{ on: ['completed'] }], '/notify/0'],
    [[{ on: ['completed'], mail: 'a@b.example', webhook: { url: 'http://a.example/' } }], '/notify/0'],
    [[{ on: [], mail: 'a@b.example' }], '/notify/0/on'],
    [[{ on: ['completed'], mail: 'nobody' }], '/notify/0/mail'],
    [[{ on: ['completed'], webhook: { url: 'ftp://a.example/' } }], '/notify/0/webhook/url'],
    [[{ on: ['completed'], webhook: { url: 'http://[/' } }], '/notify/0/webhook/url'],
    [[{ on: ['completed'], webhook: { url: 'http://a.example/', headers: { 'a b': 'c' } } }], '/notify/0/webhook/headers'],
    [[{ on: ['finished'], mail: 'a@b.example' }], '/notify/0/on/0'],
  ])('%j is refused', async (notify, field) => {
    const body = { name: 'x', type: 'echo-sleep-test', settings: { message: 'x', sleep_duration_seconds: 0 }, notify }
    const reply = await manager.call('POST', '/jobs', { body })
    expect(reply.status).toBe(400)
    expect(reply.body.field).toContain(field)
  })

  it('a header value with a line break is refused', async () => {
    const notify = [{ on: ['completed'], webhook: { url: 'http://a.example/', headers: { a: 'b\r\nc: d' } } }]
    const body = { name: 'x', type: 'echo-sleep-test', settings: { message: 'x', sleep_duration_seconds: 0 }, notify }
    expect((await manager.call('POST', '/jobs', { body })).status).toBe(400)
  })
})

describe('a restart', () => {
  it('delivers what was promised before it', async () => {
    const other = await LiveManager.start()
    await other.call('PATCH', '/settings', { body: { webhooksToLocal: true, webhookTimeoutMs: 300 } })
    http.answer('/after-restart', 'cut')
    const job = await other.submit({ notify: [hook('/after-restart')] })
    await other.call('POST', `/jobs/${job.id}/actions`, { body: { action: 'cancel' } })
    await until(() => http.to('/after-restart').length > 0, 'the first try')
    http.answer('/after-restart', { status: 200 })
    // What waits for its next try need not wait for it here.
    const again = await other.restart(0, 'update outbox set next_at = 0 where done_at is null')
    await until(() => http.to('/after-restart').length > 1, 'the second try')
    await again.stop()
  })
})
