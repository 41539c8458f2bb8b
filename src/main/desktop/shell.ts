/** The desktop program: one instance, a farm (here or elsewhere), a window, a tray, menus, notifications. */
import { join } from 'node:path'
import { app, dialog, Menu, nativeImage, Notification, powerMonitor, session, shell, Tray, type BrowserWindow } from 'electron'
import type { PushPayload, ShellInfo, ShellPreferences, ShellPush, SignInFacts } from '../../shared/ipc.ts'
import { VERSION } from '../../shared/version.ts'
import { linkOfArgs, pageOfLink, SCHEME } from './deepLink.ts'
import { FarmChoices, type FarmChoice } from './farm/farmChoice.ts'
import { chooseFarm } from './farm/chooseFarm.ts'
import type { Notice } from './farm/farmClient.ts'
import { NearbyFarms } from './farm/nearbyFarms.ts'
import { openFarm, type OpenFarm } from './farm/openFarm.ts'
import { machineName } from './farm/machineName.ts'
import { KeepAwake } from './keepAwake.ts'
import { registerIpc } from './ipc.ts'
import { isStartAtLogin, ownCommand, setStartAtLogin } from './loginItem.ts'
import { appMenu, trayMenu, trayTooltip, type MenuActions, type TrayFacts } from './menus.ts'
import { askToStop } from './questions.ts'
import { shellTexts, type ShellTexts } from './texts/index.ts'
import { shellLog } from './shellLog.ts'
import { ShellStore } from './shellStore.ts'
import { TRAY_ICON } from './trayIcon.ts'
import { openWindow } from './window.ts'

/** The page of the first start. */
const CHOICE_PAGE = '/choose'

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
  private farm: OpenFarm | undefined
  private signIn: SignInFacts | null = null
  private facts: TrayFacts | undefined
  private texts: ShellTexts = shellTexts('en')
  private page = pageOfLink(linkOfArgs(process.argv) ?? '') ?? (this.choices.isMade() ? '/' : CHOICE_PAGE)
  private quitting = false
  private readonly nearby = new NearbyFarms({
    log: this.log,
    own: () => this.farm?.own,
    current: () => (this.farm && this.farm.host.mode !== 'here' ? this.farm.choice : undefined),
    onChange: (farms) => this.push('push:farms', farms),
  })

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
    this.texts = shellTexts(app.getLocale())
    this.farm = await this.open(this.choices.current())
    this.showMenu()
    powerMonitor.on('resume', () => this.farm?.host.wokeUp())
    registerIpc({
      origin: () => this.farm?.host.origin ?? '',
      window: () => this.window ?? null,
      info: () => this.info(),
      preferences: () => this.store.get().preferences,
      setPreferences: (preferences) => this.setPreferences(preferences),
      watchFarms: (watch) => {
        if (watch) return this.nearby.watch()
        void this.nearby.stop()
        return []
      },
      setLanguage: (language) => {
        this.texts = shellTexts(language)
        this.showMenu()
        if (this.facts) this.showFacts(this.facts)
      },
      useFarm: async (request) => {
        const { check, next, invitation } = await chooseFarm(request, this.choices.current(), this.log)
        if (next && (await this.mayStop('switch'))) setImmediate(() => void this.moveTo(next, invitation))
        return check
      },
    })
    this.tray = new Tray(nativeImage.createFromDataURL(TRAY_ICON))
    this.tray.on('click', () => this.show())
    this.window = openWindow({
      origin: () => this.farm?.host.origin ?? '',
      preload: join(this.programDir, '..', 'preload', 'index.cjs'),
      store: this.store,
      hidden: isStartAtLogin(process.argv) && this.store.get().preferences.closeToTray,
      openOutside: (path) => void shell.openExternal(`${this.farm?.host.managerUrl() ?? ''}${path}`),
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

  private open(choice: FarmChoice, invitation = ''): Promise<OpenFarm> {
    this.signIn = null
    return openFarm(choice, {
      invitation,
      gui: this.gui,
      programDir: this.programDir,
      userData: this.userData,
      env: process.env,
      log: this.log,
      preferences: () => this.store.get().preferences,
      texts: () => this.texts,
      onFacts: (facts) => this.showFacts(facts),
      onNotice: (notice) => this.notify(notice),
      onSignIn: (facts) => this.signedIn(facts),
      onMoved: (managerUrl) => this.choices.moved(managerUrl),
    })
  }

  private info(): ShellInfo {
    const { host, choice } = this.farm ?? {}
    return {
      version: VERSION,
      platform: process.platform,
      mode: host?.mode ?? 'here',
      chosen: this.choices.isMade(),
      managerUrl: host?.managerUrl() ?? '',
      farmName: choice?.farmName ?? '',
      authority: choice?.authority ?? '',
      workerName: machineName(),
      signIn: this.signIn,
    }
  }

  /** Once the farm grants the sign-in, the page begins anew: everything that was refused has to be asked for again. */
  private signedIn(facts: SignInFacts): void {
    const { signIn } = this
    this.signIn = facts
    if (signIn?.state === facts.state && signIn.approved === facts.approved) return
    if (facts.state === 'granted' && signIn !== null && signIn.state !== 'granted') void this.loadPage()
    else this.push('push:sign-in', facts)
  }

  private async loadPage(): Promise<void> {
    const { host } = this.farm ?? {}
    if (!host || !this.window) return
    if (host.cookie) await session.defaultSession.cookies.set({ url: host.origin, ...host.cookie, httpOnly: true, sameSite: 'strict' })
    await this.window.loadURL(`${host.origin}/app${this.page}`)
  }

  /** The new farm is open before the old one ends, so that a failure changes nothing and the page has always one to talk to. */
  private async moveTo(choice: FarmChoice, invitation: string): Promise<void> {
    const former = this.farm
    const isFirst = !this.choices.isMade()
    if (former?.host.mode === 'here' && choice.mode === 'here') {
      this.choices.keep(choice)
      this.page = isFirst ? '/welcome' : '/'
      return this.loadPage()
    }
    // One worker a data folder: the former one has to be gone before the next begins.
    if (former?.host.mode === 'work' && choice.mode === 'work') await former.host.ownWorker?.stop()
    try {
      this.farm = await this.open(choice, invitation)
    } catch (error) {
      former?.host.startWorker()
      dialog.showErrorBox('Framehouse', messageOf(error))
      return
    }
    this.choices.keep(choice)
    former?.watch.stop()
    await this.nearby.stop()
    this.page = '/'
    await this.loadPage()
    void this.farm.watch.start()
    await former?.host.stop()
  }

  private setPreferences(preferences: ShellPreferences): ShellPreferences {
    if (preferences.startAtLogin !== this.store.get().preferences.startAtLogin) setStartAtLogin(preferences.startAtLogin)
    return this.store.set({ preferences }).preferences
  }

  private showMenu(): void {
    Menu.setApplicationMenu(Menu.buildFromTemplate(appMenu(this.actions, process.platform, this.texts)))
  }

  private showFacts(facts: TrayFacts): void {
    this.facts = facts
    this.keepAwake.update(facts.workerBusy)
    this.tray?.setToolTip(trayTooltip(facts, this.texts))
    this.tray?.setContextMenu(Menu.buildFromTemplate(trayMenu(facts, this.actions, this.texts)))
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

  /** Asks when tasks run here: those of the manager here, or of the worker here that renders for another. */
  private async mayStop(why: 'quit' | 'switch'): Promise<boolean> {
    const { host, client } = this.farm ?? {}
    if (!host || !client || host.mode === 'look') return true
    if (host.mode === 'work') return host.ownWorker?.isBusy() !== true || askToStop(why, 1, true, this.texts)
    const running = await client.status().then(
      (status) => status.tasks['active'] ?? 0,
      () => 0,
    )
    return running === 0 || askToStop(why, running, false, this.texts)
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
    await this.nearby.stop()
    this.keepAwake.update(false)
    await this.farm?.host.stop().catch((error: unknown) => this.log.error({ error: messageOf(error) }, 'the farm did not stop cleanly'))
    app.exit(0)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
