import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { linkOfArgs, pageOfLink } from '../../../src/main/desktop/deepLink.ts'
import { noticesFor, type EndedJob } from '../../../src/main/desktop/farm/farmClient.ts'
import { appMenu, trayMenu, trayTooltip, type MenuActions } from '../../../src/main/desktop/menus.ts'
import { DEFAULTS, ShellStore } from '../../../src/main/desktop/shellStore.ts'
import { shellTexts } from '../../../src/main/desktop/texts/index.ts'
import { placeWindow } from '../../../src/main/desktop/windowState.ts'

const texts = shellTexts('en-GB')
const ID = '9b2f63aa-1c3d-4e5f-8a9b-0c1d2e3f4a5b'

describe('deep links', () => {
  it.each([
    [`framehouse://job/${ID}`, `/jobs/${ID}`],
    [`FRAMEHOUSE://JOB/${ID.toUpperCase()}/`, `/jobs/${ID}`],
    [`framehouse://worker/${ID}`, `/workers/${ID}`],
    ['framehouse://job/../../settings', undefined],
    [`framehouse://job/${ID}?x=1`, undefined],
    ['https://example.org/', undefined],
    ['', undefined],
  ])('%s opens %s', (link, page) => expect(pageOfLink(link)).toBe(page))

  it('are found among the arguments of a second start', () => {
    expect(linkOfArgs(['framehouse', '--x', `framehouse://job/${ID}`])).toBe(`framehouse://job/${ID}`)
    expect(linkOfArgs(['framehouse'])).toBeUndefined()
  })
})

describe('the place of the window', () => {
  const main = { x: 0, y: 0, width: 1920, height: 1040 }
  it('is the remembered one where a screen shows it', () => {
    const state = { x: 100, y: 50, width: 1440, height: 900, maximized: false }
    expect(placeWindow(state, [main])).toEqual(state)
  })
  it('is on a second screen while that is there, and on the main one when it is gone', () => {
    const state = { x: 2500, y: 50, width: 1440, height: 900, maximized: true }
    expect(placeWindow(state, [main, { x: 1920, y: 0, width: 2560, height: 1400 }])).toEqual(state)
    expect(placeWindow(state, [main])).toEqual({ x: 240, y: 70, width: 1440, height: 900, maximized: true })
  })
  it('never exceeds the screen', () => {
    expect(placeWindow({ width: 4000, height: 3000, maximized: false }, [main])).toMatchObject({ width: 1920, height: 1040, x: 0, y: 0 })
  })
})

describe('notices', () => {
  const job = (changes: Partial<EndedJob>): EndedJob => ({
    id: ID,
    name: 'shot',
    status: 'completed',
    finishedAt: new Date(2000).toISOString(),
    frameCount: 24,
    ...changes,
  })
  const all = { notifyOnFinish: true, notifyOnFailure: true }
  it('tell of a job that ended since the start, once', () => {
    const [notice] = noticesFor([job({})], new Map(), 1000, all, texts)
    expect(notice).toEqual({ title: 'shot', body: 'Done, 24 frames', jobId: ID })
    expect(noticesFor([job({})], new Map([[ID, new Date(2000).toISOString()]]), 1000, all, texts)).toEqual([])
  })
  it('tell again when the job ends again', () => {
    expect(
      noticesFor([job({ finishedAt: new Date(3000).toISOString() })], new Map([[ID, new Date(2000).toISOString()]]), 1000, all, texts),
    ).toHaveLength(1)
  })
  it('tell of a job that failed', () => {
    const failed = job({ status: 'failed' })
    expect(noticesFor([failed], new Map(), 0, { ...all, notifyOnFinish: false }, texts)).toEqual([
      { title: 'shot', body: 'Failed', jobId: ID },
    ])
  })
  it('are silent about what ended before the start, and about what the user does not want', () => {
    expect(noticesFor([job({})], new Map(), 2001, all, texts)).toEqual([])
    expect(noticesFor([job({})], new Map(), 0, { ...all, notifyOnFinish: false }, texts)).toEqual([])
    expect(noticesFor([job({ status: 'failed' })], new Map(), 0, { ...all, notifyOnFailure: false }, texts)).toEqual([])
  })
})

describe('menus', () => {
  const calls: unknown[] = []
  const actions: MenuActions = {
    show: (page) => calls.push(['show', page]),
    command: (command) => calls.push(['command', command]),
    pauseWorker: (pause) => calls.push(['pause', pause]),
    quit: () => calls.push(['quit']),
  }
  const facts = {
    farm: 'active' as const,
    running: 3,
    queued: 40,
    isWaiting: false,
    workerAwake: true,
    workerStops: false,
    workerBusy: false,
  }
  const press = (item: unknown) => (item as { click(): void }).click()
  afterEach(() => (calls.length = 0))

  it('the tray says how the farm is, and that it is away', () => {
    expect(trayTooltip(facts, texts)).toBe('Framehouse: Rendering, 3 running, 40 queued')
    expect(trayTooltip({ ...facts, farm: null }, texts)).toBe('Framehouse: the manager does not answer')
  })
  it('the tray pauses a waking worker and resumes a sleeping one', () => {
    press(trayMenu(facts, actions, texts).find((item) => item.label?.startsWith('Pause')))
    press(trayMenu({ ...facts, workerAwake: false }, actions, texts).find((item) => item.label?.startsWith('Resume')))
    expect(calls).toEqual([
      ['pause', true],
      ['pause', false],
    ])
  })
  it('the tray stops and starts the worker that renders for a farm elsewhere, and says that it waits to be let in', () => {
    const elsewhere = { ...facts, workerStops: true }
    press(trayMenu(elsewhere, actions, texts).find((item) => item.label === 'Stop rendering on this machine'))
    expect(calls).toEqual([['pause', true]])
    expect(trayTooltip({ ...elsewhere, farm: null, isWaiting: true }, texts)).toContain('waiting for the approval')
  })
  it('are German for a German page', () => {
    const german = shellTexts('de')
    expect(appMenu(actions, 'linux', german).map(({ label }) => label)).toEqual(expect.arrayContaining(['Datei', 'Ansicht']))
    expect(trayTooltip(facts, german)).toBe('Framehouse: rendert, 3 laufen, 40 warten')
    expect(shellTexts('fr')).toBe(texts)
  })
  it('the tray has no such entry where no worker runs', () => {
    expect(trayMenu({ ...facts, workerAwake: null }, actions, texts).some((item) => /this machine/.test(item.label ?? ''))).toBe(false)
  })
  it('the application menu leads to pages and commands', () => {
    const menu = appMenu(actions, 'linux', texts)
    const find = (label: string) =>
      menu.flatMap((top) => (Array.isArray(top.submenu) ? top.submenu : [])).find((item) => item.label === label)
    press(find('Workers'))
    press(find('Submit a job…'))
    press(find('Quit Framehouse'))
    expect(calls).toEqual([['show', '/workers'], ['command', 'submit'], ['quit']])
    expect(appMenu(actions, 'darwin', texts)[0]?.label).toBe('Framehouse')
  })
})

describe('accelerators', () => {
  it.each(['linux', 'win32', 'darwin'] as const)('stand for one entry each on %s', (platform) => {
    const nothing = () => {}
    const keys = appMenu({ show: nothing, command: nothing, pauseWorker: nothing, quit: nothing }, platform, texts)
      .flatMap((top) => (Array.isArray(top.submenu) ? top.submenu : []))
      .flatMap(({ accelerator }) => (accelerator === undefined ? [] : [String(accelerator).replace('CmdOrCtrl', 'Ctrl')]))
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys).toEqual(expect.arrayContaining(['Ctrl+N', 'Ctrl+K', 'Ctrl+F', 'Ctrl+1', 'Ctrl+4', 'Ctrl+,', 'Ctrl+Shift+C', 'Ctrl+Q']))
  })
})

describe('what the shell remembers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'framehouse-shell-'))
  const file = join(folder, 'deep', 'shell.json')
  afterEach(() => rmSync(join(folder, 'deep'), { recursive: true, force: true }))

  it('comes back at the next start', () => {
    new ShellStore(file).set({ preferences: { startAtLogin: true, closeToTray: false, notifyOnFinish: false, notifyOnFailure: true } })
    expect(new ShellStore(file).get().preferences.startAtLogin).toBe(true)
  })
  it('is as new where the file is broken', () => {
    const store = new ShellStore(file)
    store.set({ managerUrl: 'http://farm:8080' })
    expect(readFileSync(file, 'utf8')).toContain('http://farm:8080')
    writeFileSync(file, '{"window": 3')
    expect(new ShellStore(file).get()).toEqual(DEFAULTS)
  })
})
