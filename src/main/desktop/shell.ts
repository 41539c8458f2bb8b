/** The desktop program: one instance, a farm (here or elsewhere), a window, a tray, menus, notifications. */
import { join } from 'node:path'
import { app, dialog, Menu, nativeImage, Notification, safeStorage, session, Tray, type BrowserWindow } from 'electron'
import { existsSync, readFileSync } from 'node:fs'
import { VERSION } from '../../shared/version.ts'
import type { PushPayload, ShellPreferences, ShellPush } from '../../shared/ipc.ts'
import type { ServiceLogger } from '../cli/logger.ts'
import { linkOfArgs, pageOfLink, SCHEME } from './deepLink.ts'
import { farmClient, noticesFor } from './farmClient.ts'
import { hostElsewhere, hostHere, type FarmHost } from './host.ts'
import { registerIpc } from './ipc.ts'
import { appMenu, trayMenu, trayTooltip, type MenuActions, type TrayFacts } from './menus.ts'
import { ShellStore } from './shellStore.ts'
import { TRAY_ICON } from './trayIcon.ts'
import { openWindow } from './window.ts'

const LOOK_EVERY_MS = 3000
const DEFAULT_PORT = 8080

/** Starts everything; resolves when the window is open. A second start only shows the first one's window. */
export async function startShell(): Promise<void> {
  if (!app.requestSingleInstanceLock()) {
    app.quit()
    return
  }
  const programDir = import.meta.dirname
  const gui = join(programDir, '..', 'renderer')
  const userData = app.getPath('userData')
  const store = new ShellStore(join(userData, 'shell.json'))
  app.setAsDefaultProtocolClient(SCHEME)

  let window: BrowserWindow | null = null
  let tray: Tray | null = null
  let quitting = false
  let page = pageOfLink(linkOfArgs(process.argv) ?? '') ?? '/'
  const show = (to?: string): void => {
    if (to) page = to
    if (!window) return
    if (window.isMinimized()) window.restore()
    window.show()
    window.focus()
    if (to) push('push:navigate', { path: to })
  }
  const push = <P extends ShellPush>(channel: P, payload: PushPayload<P>): void => window?.webContents.send(channel, payload)
  app.on('second-instance', (_event, args) => show(pageOfLink(linkOfArgs(args) ?? '')))
  app.on('open-url', (event, link) => {
    event.preventDefault()
    show(pageOfLink(link))
  })

  await app.whenReady()
  const host = await openHost(store.get().managerUrl, userData, programDir, gui)
  const client = farmClient(host.managerUrl, host.headers)
  const setPreferences = (preferences: ShellPreferences): ShellPreferences => {
    app.setLoginItemSettings({ openAtLogin: preferences.startAtLogin })
    return store.set({ preferences }).preferences
  }

  const localWorker = async () =>
    host.workerName === null ? undefined : (await client.workers()).find((worker) => worker.name === host.workerName && worker.adapter === 'native')
  const actions: MenuActions = {
    show,
    command(command) {
      show()
      push('push:command', { command })
    },
    pauseWorker(pause) {
      localWorker()
        .then((worker) => worker && client.requestStatus(worker.id, pause ? 'asleep' : 'awake'))
        .catch((error: unknown) => dialog.showErrorBox('Framehouse', String(error)))
    },
    quit: () => void askAndQuit(),
  }
  Menu.setApplicationMenu(Menu.buildFromTemplate(appMenu(actions, process.platform)))
  registerIpc({
    origin: () => host.origin,
    window: () => window,
    info: () => ({ version: VERSION, platform: process.platform, mode: host.mode, managerUrl: host.managerUrl }),
    preferences: () => store.get().preferences,
    setPreferences,
    show,
  })
  if (host.cookie) {
    await session.defaultSession.cookies.set({ url: host.origin, ...host.cookie, httpOnly: true, sameSite: 'strict' })
  }

  tray = new Tray(nativeImage.createFromDataURL(TRAY_ICON))
  tray.on('click', () => show())
  window = openWindow({
    origin: host.origin,
    preload: join(programDir, '..', 'preload', 'index.cjs'),
    store,
    hideOnClose: () => !quitting && tray !== null && store.get().preferences.closeToTray,
  })
  await window.loadURL(`${host.origin}/app${page}`)

  const startedAt = Date.now()
  const seen = new Map<string, string>()
  async function look(): Promise<void> {
    const facts: TrayFacts = { farm: null, running: 0, queued: 0, workerAwake: null }
    try {
      const [status, ended, worker] = await Promise.all([client.status(), client.ended(), localWorker()])
      facts.farm = status.farm
      facts.running = status.tasks['active'] ?? 0
      facts.queued = status.tasks['queued'] ?? 0
      facts.workerAwake = worker ? worker.status === 'awake' && worker.statusRequested !== 'asleep' : null
      for (const notice of noticesFor(ended, seen, startedAt, store.get().preferences)) {
        const notification = new Notification({ title: notice.title, body: notice.body })
        notification.on('click', () => show(`/jobs/${notice.jobId}`))
        notification.show()
      }
      for (const job of ended) if (job.finishedAt) seen.set(job.id, job.finishedAt)
    } catch {
      // The tray says that the manager does not answer.
    }
    tray?.setToolTip(trayTooltip(facts))
    tray?.setContextMenu(Menu.buildFromTemplate(trayMenu(facts, actions)))
  }
  await look()
  const timer = setInterval(() => void look(), LOOK_EVERY_MS)

  async function askAndQuit(): Promise<void> {
    const running = host.mode === 'here' ? await client.status().then((status) => status.tasks['active'] ?? 0, () => 0) : 0
    if (running > 0) {
      const { response } = await dialog.showMessageBox({
        type: 'question',
        message: running === 1 ? 'A task is rendering.' : `${running} tasks are rendering.`,
        detail: 'If you quit, they are stopped and start again the next time.',
        buttons: ['Keep rendering', 'Quit'],
        defaultId: 0,
        cancelId: 0,
      })
      if (response === 0) return
    }
    await close()
    app.exit(0)
  }
  async function close(): Promise<void> {
    if (quitting) return
    quitting = true
    clearInterval(timer)
    tray?.destroy()
    await host.stop()
  }
  app.on('window-all-closed', () => void askAndQuit())
  app.on('before-quit', (event) => {
    if (quitting) return
    event.preventDefault()
    void askAndQuit()
  })
  app.on('activate', () => show())
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void close().finally(() => app.exit(0)))
}

/** FRAMEHOUSE_MANAGER names a farm elsewhere; so does the stored setting. */
async function openHost(storedUrl: string, userData: string, programDir: string, gui: string): Promise<FarmHost> {
  const managerUrl = process.env['FRAMEHOUSE_MANAGER'] || storedUrl
  if (managerUrl) return hostElsewhere(managerUrl, process.env['FRAMEHOUSE_TOKEN'] || storedToken(userData), gui)
  const dataDir = process.env['FRAMEHOUSE_DATA'] || join(userData, 'farm')
  return hostHere({ dataDir, port: DEFAULT_PORT, programDir, log: shellLog(), env: process.env })
}

/** The token for a farm elsewhere, encrypted by the system's keychain. */
function storedToken(userData: string): string {
  const file = join(userData, 'token')
  return existsSync(file) && safeStorage.isEncryptionAvailable() ? safeStorage.decryptString(readFileSync(file)) : ''
}

function shellLog(): ServiceLogger {
  const write = (level: string) => (facts: object, message: string) => void process.stderr.write(`${level} ${message} ${JSON.stringify(facts)}\n`)
  return { debug: () => {}, info: write('info'), warn: write('warn'), error: write('error') }
}
