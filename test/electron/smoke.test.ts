/**
 * The desktop program in a real window: what the shell adds to the GUI, from the first start to a clean exit. On the installed
 * Electron the manager is inside its main process; on the old runtime of the tests it is a process beside it.
 */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { MenuItem, NotificationConstructorOptions } from 'electron'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import {
  makeHome,
  openDisplay,
  prepareRuntime,
  startAgain,
  startDesktop,
  type DesktopApp,
  type DesktopOptions,
} from '../support/desktopApp.ts'
import type { FramehouseBridge } from '../../src/shared/ipc.ts'
import { startGuiFarm, type GuiFarm } from '../support/guiFarm.ts'
import { requirePart } from '../support/parts.ts'

const part = requirePart('electron')
const WAIT = { timeout: 30_000, interval: 100 }
const SHOTS = join(import.meta.dirname, '..', '..', '.framehouse', 'electron-screenshots')

/** What the tests put into the main process, to see and answer what is native. */
interface Spied {
  notices: { options: NotificationConstructorOptions; click(): void }[]
  tray: { toolTip: string; items: { label: string; click(): void }[] }
  opened: string[]
  /** Answers of dialogs to come: the index of a button. */
  answers: number[]
  asked: string[]
  picked: string
}
declare global {
  var spied: Spied
  interface Window {
    framehouse?: FramehouseBridge
  }
}

/** From inside the main process: Electron's own modules, with what shows on the screen recorded instead. */
async function spyOnNative({ app }: DesktopApp): Promise<void> {
  await app.evaluate(({ dialog, Notification, shell, Tray }) => {
    globalThis.spied = { notices: [], tray: { toolTip: '', items: [] }, opened: [], answers: [], asked: [], picked: '' }
    const { spied } = globalThis
    Notification.prototype.show = function (this: Electron.Notification) {
      spied.notices.push({ options: { title: this.title, body: this.body }, click: () => void this.emit('click', {}) })
    }
    const { setContextMenu, setToolTip } = Tray.prototype
    Tray.prototype.setContextMenu = function (menu) {
      spied.tray.items = (menu?.items ?? []).map((item) => ({ label: item.label, click: () => item.click() }))
      setContextMenu.call(this, menu)
    }
    Tray.prototype.setToolTip = function (text) {
      spied.tray.toolTip = text
      setToolTip.call(this, text)
    }
    shell.openPath = async (path) => (spied.opened.push(path), '')
    shell.openExternal = async (url) => void spied.opened.push(url)
    Object.assign(dialog, {
      showMessageBox: async (options: { message: string }) => {
        spied.asked.push(options.message)
        return { response: spied.answers.shift() ?? 0, checkboxChecked: false }
      },
      showOpenDialog: async () => ({ canceled: false, filePaths: [spied.picked] }),
      showErrorBox: (title: string, text: string) => void spied.asked.push(`${title}: ${text}`),
    })
  })
}

part.describe('the desktop program', () => {
  const home = makeHome()
  let display: Awaited<ReturnType<typeof openDisplay>>
  let options: DesktopOptions
  let desktop: DesktopApp
  let elsewhere: GuiFarm
  let job = ''

  const spied = <T>(read: (all: Spied) => T): Promise<T> =>
    desktop.app.evaluate((_electron, code) => eval(`(${code})`)(globalThis.spied) as T, String(read))
  const visible = () => desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((window) => window.isVisible()))
  const address = () => new URL(desktop.page.url())
  const menu = (top: string, label: string) =>
    desktop.app.evaluate(
      ({ Menu }, path) => {
        const items = Menu.getApplicationMenu()?.items.find((item) => item.label === path.top)?.submenu?.items ?? []
        const item: MenuItem | undefined = items.find((entry) => entry.label === path.label)
        if (!item) throw new Error(`no menu entry ${path.label}`)
        item.click()
        return String(item.accelerator)
      },
      { top, label },
    )
  const tray = (start: string) =>
    vi.waitFor(async () => {
      const found = await desktop.app.evaluate((_electron, text) => {
        const item = globalThis.spied.tray.items.find((entry) => entry.label.startsWith(text))
        item?.click()
        return item !== undefined
      }, start)
      expect(found).toBe(true)
    }, WAIT)
  const picture = (name: string) => desktop.page.screenshot({ path: join(SHOTS, `${name}.png`) })

  beforeAll(async () => {
    mkdirSync(SHOTS, { recursive: true })
    const runtime = prepareRuntime(part.path)
    display = await openDisplay()
    options = { runtime, display: display.name, home: home.path }
    desktop = await startDesktop(options)
    await spyOnNative(desktop)
    // Builds the program twice where it is not built yet.
  }, 300_000)
  afterAll(async () => {
    desktop?.process.kill('SIGKILL')
    await elsewhere?.stop()
    display?.stop()
    home.remove()
  })

  afterEach(async ({ task }) => {
    if (task.result?.state !== 'fail') return
    process.stderr.write(`the page at ${desktop.page.url()} reported: ${desktop.problems.join('\n') || 'nothing'}\n`)
    await picture('failed').catch(() => {})
  })

  it('asks at its first start what this machine is for', async () => {
    const { page } = desktop
    await page.getByRole('heading', { name: 'What is this machine for?' }).waitFor()
    await page.getByText('Only look').click()
    await page.getByText('Farms on this network').waitFor()
    await picture('choice')
    await page.getByText('Manage a farm here').first().click()
    await page.getByRole('button', { name: 'Manage a farm here' }).click()
    await page.getByRole('heading', { name: 'Welcome to Framehouse' }).waitFor()
    await menu('View', 'Dashboard')
  })

  it('opens one window with the GUI of its own farm', async () => {
    await desktop.page.getByRole('heading', { name: 'Dashboard' }).waitFor()
    expect(address().hostname).toBe('127.0.0.1')
    await vi.waitFor(async () => expect(await visible()).toEqual([true]), WAIT)
    await picture('start')
  })

  it('gives its page a sandbox, and no way out of it', async () => {
    const { page } = desktop
    const inPage = await page.evaluate(() => ({
      node: ['require', 'process', 'module', 'Buffer'].filter((name) => name in window),
      bridge: Object.keys(window.framehouse ?? {}).sort(),
      popup: window.open('https://example.org/', '_blank', 'noopener') === null,
      inlineScript: (() => {
        const script = document.createElement('script')
        script.textContent = 'window.ran = true'
        document.head.append(script)
        return 'ran' in window
      })(),
    }))
    expect(inPage).toEqual({ node: [], bridge: ['call', 'on', 'pathOf'], popup: true, inlineScript: false })
    const before = page.url()
    await page.evaluate(() => void (location.href = 'https://example.org/'))
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
    expect(page.url()).toBe(before)
    expect(await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
    expect(await spied((all) => all.opened)).toEqual([])
    expect((await fetch(page.url())).headers.get('content-security-policy')).toContain("script-src 'self';")
    // The refusals above are errors on the page's console, and meant to be.
    desktop.problems.length = 0
  })

  it('refuses messages of its page that are not on the map or have the wrong shape', async () => {
    const refused = await desktop.page.evaluate(() => {
      const call = (channel: string, request: unknown) =>
        (window.framehouse?.call as (channel: string, request: unknown) => Promise<unknown>)(channel, request).then(
          () => 'answered',
          String,
        )
      return Promise.all([
        call('shell:run', null),
        call('shell:open-folder', { path: 1 }),
        call('shell:open-folder', { path: '/etc/hostname' }),
      ])
    })
    expect(refused).toEqual([
      expect.stringContaining('no channel shell:run'),
      expect.stringContaining('wrong shape'),
      expect.stringContaining('is not a folder'),
    ])
  })

  it('submits the demo from its menu and form, and shows a frame', async () => {
    const { page } = desktop
    expect(await menu('File', 'Submit a job…')).toBe('CmdOrCtrl+N')
    await vi.waitFor(() => expect(address().pathname).toBe('/app/submit'), WAIT)
    await page.getByRole('link', { name: /demo-render/ }).click()
    await page.getByLabel('Frames').fill('1-4')
    await page.getByLabel('Chunk size').fill('2')
    await page.getByLabel('Width').fill('160')
    await page.getByLabel('Height').fill('90')
    await page.getByLabel('Height').press('Tab')
    await page.getByRole('button', { name: 'Submit', exact: true }).click()
    await vi.waitFor(() => expect(address().pathname).toMatch(/^\/app\/jobs\/[0-9a-f-]{36}$/), WAIT)
    job = address().pathname.split('/').at(-1) ?? ''
    await page.locator('canvas.image:not([data-frame="0"])').waitFor({ timeout: 45_000 })
    await page.getByRole('application', { name: /Frame grid: 4 of 4 done/ }).waitFor({ timeout: 45_000 })
    await picture('job')
  })

  it('tells natively that the job is done, and shows it at a click', async () => {
    await vi.waitFor(
      async () =>
        expect(await spied((all) => all.notices.map((notice) => notice.options))).toEqual([
          expect.objectContaining({ body: 'Done, 4 frames' }),
        ]),
      WAIT,
    )
    await menu('View', 'Workers')
    await vi.waitFor(() => expect(address().pathname).toBe('/app/workers'), WAIT)
    await spied((all) => all.notices[0]?.click())
    await vi.waitFor(() => expect(address().pathname).toBe(`/app/jobs/${job}`), WAIT)
  })

  it('opens the output folder in the file manager', async () => {
    await desktop.page.getByRole('button', { name: 'Actions' }).first().click()
    await desktop.page.getByText('Open output folder').click()
    await vi.waitFor(async () => expect(await spied((all) => all.opened)).toHaveLength(1), WAIT)
    const [folder] = await spied((all) => all.opened)
    expect(existsSync(join(folder ?? '', 'frame-0001.png'))).toBe(true)
  })

  it('shows the farm in the tray, and pauses and resumes the worker of this machine there', async () => {
    await vi.waitFor(async () => expect(await spied((all) => all.tray.toolTip)).toBe('Framehouse: Idle, 0 running, 0 queued'), WAIT)
    const status = async () => {
      const { items } = (await (await fetch(`${address().origin}/api/v1/workers`)).json()) as { items: { status: string }[] }
      return items.map((worker) => worker.status)
    }
    expect(await status()).toEqual(['awake'])
    await tray('Pause this machine')
    await vi.waitFor(async () => expect(await status()).toEqual(['asleep']), WAIT)
    await tray('Resume this machine')
    await vi.waitFor(async () => expect(await status()).toEqual(['awake']), WAIT)
  })

  it('stays one program: a second start shows the link it was given in the first one', async () => {
    await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide())
    await menu('View', 'Workers')
    await desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.hide())
    expect(await startAgain({ ...options, args: [`framehouse://job/${job}`] })).toBe(0)
    await vi.waitFor(() => expect(address().pathname).toBe(`/app/jobs/${job}`), WAIT)
    await vi.waitFor(async () => expect(await visible()).toEqual([true]), WAIT)
  })

  it('opens the documentation of the API in the browser of the system, and nothing else', async () => {
    const { page } = desktop
    await spied((all) => (all.opened = []))
    await menu('View', 'Settings')
    await page.getByRole('link', { name: 'About' }).click()
    await page.getByRole('link', { name: 'API explorer' }).click()
    await vi.waitFor(async () => expect(await spied((all) => all.opened)).toEqual([`${address().origin}/docs`]), WAIT)
  })

  it('takes a dropped .blend to the form of Blender jobs, and fills paths from a native dialog', async () => {
    const { page } = desktop
    await page.locator('.shell').evaluate((shell) => {
      const data = new DataTransfer()
      data.items.add(new File(['BLENDER'], 'shot.blend'))
      shell.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }))
    })
    await vi.waitFor(() => expect(address().pathname).toBe('/app/submit/simple-blender-render'), WAIT)
    // Its path where the runtime tells it; the old one does not, and the file itself is handed in.
    const shown = () =>
      page
        .locator('.shell')
        .evaluate((shell) => [shell.textContent, ...[...shell.querySelectorAll('input')].map(({ value }) => value)].join(' '))
    await vi.waitFor(async () => expect(await shown()).toContain('shot.blend'), WAIT)
    const field = page.locator('.field', { hasText: 'Render output root' })
    await spied((all) => (all.picked = '/mnt/renders'))
    await field.getByRole('button', { name: 'Choose…' }).click()
    await vi.waitFor(async () => expect(await field.getByRole('textbox').inputValue()).toBe('/mnt/renders'), WAIT)
  })

  it('starts at login once that is switched on', async () => {
    await menu('File', 'Choose a farm…')
    const toggle = (checked: boolean) => desktop.page.getByRole('switch', { name: 'Start when I log in', checked }).click()
    await toggle(false)
    const read = () =>
      process.platform === 'linux'
        ? existsSync(join(home.path, 'config', 'autostart', 'framehouse.desktop'))
        : desktop.app.evaluate(({ app }) => app.getLoginItemSettings({ args: ['--hidden'] }).openAtLogin)
    await vi.waitFor(async () => expect(await read()).toBe(true), WAIT)
    await toggle(true)
    await vi.waitFor(async () => expect(await read()).toBe(false), WAIT)
  })

  it('moves to a farm elsewhere with its token, and back, and no page of that farm ever gets the token', async () => {
    const { page } = desktop
    const own = address().origin
    elsewhere = await startGuiFarm(false)
    await page.getByText('Only look').click()
    await page.getByLabel('Address, join code').fill('127.0.0.1:1')
    await page.getByRole('button', { name: 'Show this farm' }).click()
    await page.getByText('http://127.0.0.1:1 does not respond.').waitFor()
    await page.getByLabel('Address, join code').fill(elsewhere.url)
    await page.getByLabel('Token', { exact: true }).fill('fh_wrong')
    await page.getByRole('button', { name: 'Show this farm' }).click()
    await page.getByText(`${elsewhere.url} does not accept this token.`).waitFor()
    await picture('farm-elsewhere')
    await page.getByLabel('Token', { exact: true }).fill(await elsewhere.ownerToken())
    await page.getByRole('button', { name: 'Show this farm' }).click()
    await vi.waitFor(() => expect(address().pathname).toBe('/app/'), WAIT)
    expect([own, elsewhere.url]).not.toContain(address().origin)
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
    expect(await page.evaluate(async () => (await fetch('/api/v1/status')).status)).toBe(200)
    expect(await page.evaluate(() => document.cookie)).toBe('')
    // Anyone else on this machine is turned away.
    expect((await fetch(`${address().origin}/api/v1/status`)).status).toBe(403)

    const gateway = address().origin
    await menu('File', 'Choose a farm…')
    await page.getByText('Manage a farm here').first().click()
    await page.getByRole('button', { name: 'Manage a farm here' }).click()
    await vi.waitFor(() => expect(address().pathname).toBe('/app/'), WAIT)
    expect(address().origin).not.toBe(gateway)
    await page.getByRole('heading', { name: 'Dashboard' }).waitFor()
  })

  it('hides in the tray when its window is closed, asks before it stops what renders, and then ends cleanly', async () => {
    await vi.waitFor(async () => expect(await spied((all) => all.tray.toolTip)).toMatch(/Idle|Waiting/), WAIT)
    await desktop.app.evaluate(({ BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows()
      window?.setBounds({ x: 40, y: 30, width: 1200, height: 760 })
      window?.close()
    })
    await vi.waitFor(async () => expect(await visible()).toEqual([false]), WAIT)
    const api = `${address().origin}/api/v1`
    const submitted = await fetch(`${api}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'long', type: 'demo-render', settings: { frames: '1-500', chunk_size: 500, width: 640, height: 360 } }),
    })
    expect(submitted.status).toBe(201)
    await vi.waitFor(async () => expect(await spied((all) => all.tray.toolTip)).toMatch(/1 running/), WAIT)
    await spied((all) => (all.answers = [0, 1]))
    await tray('Quit Framehouse')
    await vi.waitFor(async () => expect(await spied((all) => all.asked)).toEqual(['A task is rendering.']), WAIT)
    await tray('Show Framehouse')
    await vi.waitFor(async () => expect(await visible()).toEqual([true]), WAIT)
    expect(desktop.problems).toEqual([])
    await tray('Quit Framehouse')
    expect(await desktop.ended).toBe(0)
  })

  it('comes back in the place where it was, goes on with its work, and ends without a question when the system asks it to', async () => {
    expect(JSON.parse(readFileSync(join(home.path, 'user-data', 'shell.json'), 'utf8'))).toMatchObject({
      window: { width: 1200, height: 760 },
      mode: 'here',
      managerUrl: '',
    })
    desktop = await startDesktop(options)
    const bounds = () => desktop.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.getBounds())
    await vi.waitFor(async () => expect(await bounds()).toMatchObject({ width: 1200, height: 760 }), WAIT)
    const farm = new URL(desktop.page.url()).origin
    const active = async () => ((await (await fetch(`${farm}/api/v1/status`)).json()) as { tasks: { active?: number } }).tasks.active
    await vi.waitFor(async () => expect(await active()).toBe(1), WAIT)
    expect(await desktop.terminate()).toBe(0)
  })
})
