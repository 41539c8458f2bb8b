/** The desktop program: one instance, a farm (here or elsewhere), a window, a tray, menus, notifications. */
import { join } from 'node:path'
import { app, dialog, Menu, nativeImage, Notification, session, shell, Tray, type BrowserWindow } from 'electron'
import type { FarmCheck, PushPayload, ShellPreferences, ShellPush, ShellRequest } from '../../shared/ipc.ts'
import { VERSION } from '../../shared/version.ts'
import { linkOfArgs, pageOfLink, SCHEME } from './deepLink.ts'
import { checkFarm, farmAddress, FarmChoices, type FarmChoice } from './farm/farmChoice.ts'
import { farmClient, type FarmClient, type Notice } from './farm/farmClient.ts'
import { FarmWatch } from './farm/farmWatch.ts'
import type { FarmHost } from './farm/host.ts'
import { openRemoteFarm } from './farm/remoteFarm.ts'
import { openLocalFarm } from './farm/localFarm.ts'
import { KeepAwake } from './keepAwake.ts'
import { registerIpc } from './ipc.ts'
import { isStartAtLogin, ownCommand, setStartAtLogin } from './loginItem.ts'
import { appMenu, trayMenu, trayTooltip, type MenuActions, type TrayFacts } from './menus.ts'
import { askToStop } from './questions.ts'
import { shellLog } from './shellLog.ts'
import { ShellStore } from './shellStore.ts'
import { TRAY_ICON } from './trayIcon.ts'
import { openWindow } from './window.ts'

const DEFAULT_PORT = 8080

/** Starts everything; resolves when the window shows its page. A second start only shows the first one's window. */
export async function startShell(): Promise<void> {
  if (!app.requestSingleInstanceLock()) {
    app.exit(0)
    return
  }
  await new Shell().start()
}

class Shell {
  private readonly programDir = import.meta.dirname
  private readonly gui = join(this.programDir, '..', 'renderer')
  private readonly userData = app.getPath('userData')
  private readonly store = new ShellStore(join(this.userData, 'shell.json'))
  private readonly choices = new FarmChoices(this.store, this.userData, process.env)
  private readonly log = shellLog()
  /** Notifications on the screen: a garbage-collected one no longer receives its click. */
  private readonly keepAwake = new KeepAwake()
  private readonly notifications = new Set<Notification>()
  private window: BrowserWindow | undefined
  private tray: Tray | undefined
  private farm: { host: FarmHost; client: FarmClient; watch: FarmWatch } | undefined
  private page = pageOfLink(linkOfArgs(process.argv) ?? '') ?? '/'
  private quitting = false

  private readonly actions: MenuActions = {
    show: (page) => this.show(page),
    command: (command) => {
      this.show()
      this.push('push:command', { command })
    },
    pauseWorker: (pause) => {
      this.farm?.watch.pauseWorker(pause).catch((error: unknown) => dialog.showErrorBox('Framehouse', messageOf(error)))
    },
    quit: () => void this.askAndQuit(),
  }

  async start(): Promise<void> {
    this.listen()
    await app.whenReady()
    this.farm = await this.openFarm(this.choices.current())
    Menu.setApplicationMenu(Menu.buildFromTemplate(appMenu(this.actions, process.platform)))
    registerIpc({
      origin: () => this.farm?.host.origin ?? '',
      window: () => this.window ?? null,
      info: () => ({
        version: VERSION,
        platform: process.platform,
        mode: this.farm?.host.mode ?? 'here',
        managerUrl: this.farm?.host.managerUrl ?? '',
      }),
      preferences: () => this.store.get().preferences,
      setPreferences: (preferences) => this.setPreferences(preferences),
      useFarm: (request) => this.useFarm(request),
    })
    this.tray = new Tray(nativeImage.createFromDataURL(TRAY_ICON))
    this.tray.on('click', () => this.show())
    this.window = openWindow({
      origin: () => this.farm?.host.origin ?? '',
      preload: join(this.programDir, '..', 'preload', 'index.cjs'),
      store: this.store,
      hidden: isStartAtLogin(process.argv) && this.store.get().preferences.closeToTray,
      openOutside: (path) => void shell.openExternal(`${this.farm?.host.managerUrl}${path}`),
      onClose: () => this.closed(),
    })
    await this.loadPage()
    void this.farm.watch.start()
  }

  private listen(): void {
    const [program, ...args] = ownCommand()
    app.setAsDefaultProtocolClient(SCHEME, program, args)
    app.on('second-instance', (_event, given) => this.show(pageOfLink(linkOfArgs(given) ?? '')))
    app.on('open-url', (event, link) => {
      event.preventDefault()
      this.show(pageOfLink(link))
    })
    app.on('window-all-closed', () => {
      // The program ends when it is asked to, not with its window.
    })
    app.on('before-quit', (event) => {
      if (this.quitting) return
      event.preventDefault()
      // Our own menus ask first and do not come here. On a Mac it is the Dock's "Quit"; elsewhere the system is shutting down and sent
      // the runtime a signal, when there may be no one to answer.
      void (process.platform === 'darwin' ? this.askAndQuit() : this.quit())
    })
    app.on('activate', () => this.show())
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void this.quit())
  }

  private show(page?: string): void {
    if (page) this.page = page
    const { window } = this
    if (!window) return
    if (window.isMinimized()) window.restore()
    window.show()
    window.focus()
    if (page) this.push('push:navigate', { path: page })
  }

  private push<P extends ShellPush>(channel: P, payload: PushPayload<P>): void {
    this.window?.webContents.send(channel, payload)
  }

  private async openFarm({ managerUrl, token }: FarmChoice): Promise<NonNullable<Shell['farm']>> {
    const host = managerUrl
      ? await openRemoteFarm(managerUrl, token, this.gui)
      : await openLocalFarm({
          dataDir: process.env['FRAMEHOUSE_DATA'] || join(this.userData, 'farm'),
          port: DEFAULT_PORT,
          programDir: this.programDir,
          log: this.log,
          env: process.env,
        })
    const client = farmClient(host.managerUrl, host.headers)
    const watch = new FarmWatch({
      client,
      workerName: host.workerName,
      startWorker: () => host.startWorker(),
      preferences: () => this.store.get().preferences,
      onFacts: (facts) => this.showFacts(facts),
      onNotice: (notice) => this.notify(notice),
      now: Date.now,
    })
    return { host, client, watch }
  }

  private async loadPage(): Promise<void> {
    const { host } = this.farm ?? {}
    if (!host || !this.window) return
    if (host.cookie) await session.defaultSession.cookies.set({ url: host.origin, ...host.cookie, httpOnly: true, sameSite: 'strict' })
    await this.window.loadURL(`${host.origin}/app${this.page}`)
  }

  /** Checks the farm first, asks when frames are rendering here, and only then leaves the farm of now. */
  private async useFarm({ managerUrl, token }: ShellRequest<'shell:use-farm'>): Promise<FarmCheck> {
    const now = this.choices.current()
    const address = managerUrl ? farmAddress(managerUrl) : ''
    if (address === undefined) return { state: 'bad-address', message: '', name: '', version: '', managerUrl }
    // A token is sent only to the farm for which it was entered.
    const choice = { managerUrl: address, token: token ?? (address === now.managerUrl ? now.token : '') }
    const check: FarmCheck = address ? await checkFarm(choice) : { state: 'ok', message: '', name: '', version: VERSION, managerUrl: '' }
    if (check.state === 'ok' && (await this.mayStop('switch'))) setImmediate(() => void this.moveTo(choice))
    return check
  }

  /** The new farm is open before the old one ends, so that a failure changes nothing and the page has always one to talk to. */
  private async moveTo(choice: FarmChoice): Promise<void> {
    const former = this.farm
    if (former?.host.mode === 'here' && !choice.managerUrl) return
    try {
      this.farm = await this.openFarm(choice)
    } catch (error) {
      dialog.showErrorBox('Framehouse', messageOf(error))
      return
    }
    this.choices.keep(choice)
    former?.watch.stop()
    this.page = '/'
    await this.loadPage()
    void this.farm.watch.start()
    await former?.host.stop()
  }

  private setPreferences(preferences: ShellPreferences): ShellPreferences {
    if (preferences.startAtLogin !== this.store.get().preferences.startAtLogin) setStartAtLogin(preferences.startAtLogin)
    return this.store.set({ preferences }).preferences
  }

  private showFacts(facts: TrayFacts): void {
    this.keepAwake.update(facts.workerBusy)
    this.tray?.setToolTip(trayTooltip(facts))
    this.tray?.setContextMenu(Menu.buildFromTemplate(trayMenu(facts, this.actions)))
  }

  private notify({ title, body, jobId }: Notice): void {
    const notification = new Notification({ title, body })
    this.notifications.add(notification)
    notification.on('click', () => this.show(`/jobs/${jobId}`))
    notification.on('close', () => this.notifications.delete(notification))
    notification.show()
  }

  /** The window's close button: into the tray, or the end of the program. */
  private closed(): void {
    if (this.tray && this.store.get().preferences.closeToTray) this.window?.hide()
    else void this.askAndQuit()
  }

  /** Asks when a manager here has tasks that run; a farm elsewhere goes on without us. */
  private async mayStop(why: 'quit' | 'switch'): Promise<boolean> {
    if (this.farm?.host.mode !== 'here') return true
    const running = await this.farm.client.status().then(
      (status) => status.tasks['active'] ?? 0,
      () => 0,
    )
    return running === 0 || askToStop(why, running)
  }

  private async askAndQuit(): Promise<void> {
    if (await this.mayStop('quit')) await this.quit()
  }

  private async quit(): Promise<void> {
    if (this.quitting) return
    this.quitting = true
    this.tray?.destroy()
    this.tray = undefined
    this.window?.destroy()
    this.window = undefined
    this.farm?.watch.stop()
    this.keepAwake.update(false)
    await this.farm?.host.stop().catch((error: unknown) => this.log.error({ error: messageOf(error) }, 'the farm did not stop cleanly'))
    app.exit(0)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
