/**
 * Two desktop programs on a local network of their own: the second finds the first, asks, is approved there, renders, and shows the farm;
 * it follows the farm to another address.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { makeHome, openDisplay, prepareRuntime, startDesktop, type DesktopApp } from '../support/desktopApp.ts'
import { Lan, type LanHost } from '../support/lan.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('electron')
const netns = requirePart('netns')
const WAIT = { timeout: 60_000, interval: 250 }
const SHOTS = join(import.meta.dirname, '..', '..', '.framehouse', 'electron-screenshots')

interface ShownWorker {
  id: string
  name: string
  approved: boolean
  address: string
  status: string
}

const both = netns.found ? part.describe : netns.describe

both('two desktop programs on a network', { timeout: 300_000 }, () => {
  const [here, there] = [makeHome(), makeHome()]
  let lan: Lan
  let first: LanHost
  let second: LanHost
  let display: Awaited<ReturnType<typeof openDisplay>>
  let manager: DesktopApp
  let asker: DesktopApp

  const picture = (of: DesktopApp, name: string) => of.page.screenshot({ path: join(SHOTS, `${name}.png`) })
  /** The first program's manager, asked by its own page. */
  const api = <T>(of: DesktopApp, path: string, init?: { method: string; body?: string }) =>
    of.page.evaluate(
      async ([to, options]) => {
        const reply = await fetch(`/api/v1${to}`, { ...options, ...(options?.body && { headers: { 'content-type': 'application/json' } }) })
        return (reply.status === 204 ? null : await reply.json()) as unknown
      },
      [path, init] as const,
      // The test knows what it asked for.
    ) as Promise<T>
  const workers = async () => (await api<{ items: ShownWorker[] }>(manager, '/workers')).items
  const joined = async () => (await workers()).find(({ address }) => address === second.address)

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true })
    const runtime = prepareRuntime(part.path)
    display = await openDisplay()
    lan = new Lan()
    ;[first, second] = [lan.host(1), lan.host(2)]
    const options = { runtime, display: display.name }
    manager = await startDesktop({ ...options, home: here.path, namespace: first.namespace })
    asker = await startDesktop({ ...options, home: there.path, namespace: second.namespace })
  }, 400_000)
  afterAll(async () => {
    await Promise.all([manager?.terminate(), asker?.terminate()])
    await lan?.stop()
    display?.stop()
    here.remove()
    there.remove()
  }, 60_000)
  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return
    await Promise.all([picture(manager, 'lan-failed-1'), picture(asker, 'lan-failed-2')].map((one) => one.catch(() => {})))
  })

  it('manages a farm on the first machine, which listens on the network once that is switched on', async () => {
    const { page } = manager
    await page.getByRole('button', { name: 'Manage a farm here' }).click()
    await vi.waitFor(() => expect(new URL(page.url()).pathname).toBe('/app/welcome'), WAIT)
    await api(manager, '/settings', { method: 'PATCH', body: JSON.stringify({ managerName: 'Studio North' }) })
    const listeners = [{ address: '*', port: 8443, tls: true, dialects: [] }]
    await api(manager, '/listeners', { method: 'PUT', body: JSON.stringify({ listeners }) })
  })

  it('finds that farm on the second machine, and asks to work for it', async () => {
    const { page } = asker
    await page.getByText('Work for a farm').first().click()
    const farm = page.getByRole('radio', { name: /Studio North/ })
    await farm.waitFor({ timeout: 60_000 })
    expect(await farm.textContent()).toContain(`https://${first.address}:8443`)
    await farm.click()
    await picture(asker, 'lan-choice')
    await page.getByRole('button', { name: 'Work for this farm' }).click()
    await page.getByRole('heading', { name: 'Studio North has not approved this machine yet' }).waitFor({ timeout: 60_000 })
    const { fingerprint } = await api<{ fingerprint: string }>(manager, '/listeners')
    await page.getByText(fingerprint).waitFor()
    await picture(asker, 'lan-waiting')
  })

  it('is approved on the first machine, as a worker and with a sign-in', async () => {
    const { page } = manager
    await page.evaluate(() => history.pushState({}, '', '/app/workers'))
    await page.reload()
    await page.getByRole('button', { name: 'Approve' }).first().click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('As an artist').click()
    await picture(manager, 'lan-approval')
    await dialog.getByRole('button', { name: 'Approve' }).click()
    await vi.waitFor(async () => expect(await joined()).toMatchObject({ approved: true, status: 'awake' }), WAIT)
    // Its window opens by itself.
    await asker.page.getByRole('heading', { name: 'Dashboard' }).waitFor({ timeout: 60_000 })
    await picture(asker, 'lan-dashboard')
    // The page begins anew once the sign-in is granted.
    await vi.waitFor(async () => expect(await api(asker, '/whoami')).toMatchObject({ role: 'artist' }), WAIT)
  })

  it('renders there what is submitted in its window, and shows it', async () => {
    // The first machine's own worker makes room.
    const own = (await workers()).find(({ address }) => address !== second.address)
    await api(manager, `/workers/${own?.id}/actions`, { method: 'POST', body: '{"status":"asleep"}' })
    const settings = { frames: '1-4', chunk_size: 2, width: 160, height: 90 }
    const job = await api<{ id: string }>(asker, '/jobs', {
      method: 'POST',
      body: JSON.stringify({ name: 'from the second', type: 'demo-render', settings }),
    })
    const state = async () => (await api<{ status: string }>(manager, `/jobs/${job.id}`)).status
    await vi.waitFor(async () => expect(await state()).toBe('completed'), { timeout: 120_000, interval: 500 })
    const { items } = await api<{ items: { id: string }[] }>(manager, `/jobs/${job.id}/tasks`)
    expect(items.length).toBeGreaterThanOrEqual(2)
    const renderedBy = new Set<string>()
    for (const { id } of items) {
      const { attemptList } = await api<{ attemptList: { worker: { id: string } }[] }>(manager, `/tasks/${id}`)
      for (const { worker } of attemptList) renderedBy.add(worker.id)
    }
    expect([...renderedBy]).toEqual([(await joined())?.id])
  })

  it('follows the farm to another address, window and worker', async () => {
    first.moveTo('10.77.0.99')
    await vi.waitFor(async () => expect(await api(asker, '/whoami')).toMatchObject({ role: 'artist' }), {
      timeout: 120_000,
      interval: 1000,
    })
    await vi.waitFor(
      async () =>
        expect(await asker.page.evaluate(async () => (await window.framehouse?.call('shell:info', null))?.managerUrl)).toBe(
          'https://10.77.0.99:8443',
        ),
      WAIT,
    )
    await vi.waitFor(async () => expect((await joined())?.status).toBe('awake'), WAIT)
  })
})
