/** The menus as data: the application's and the tray's. Pure; the labels follow the platform's habits. */
import type { MenuItemConstructorOptions } from 'electron'
import type { FarmStatus } from '../../shared/enums.ts'
import type { PushPayload } from '../../shared/ipc.ts'
import type { ShellTexts } from './texts/index.ts'

export interface MenuActions {
  show(page?: string): void
  command(command: PushPayload<'push:command'>['command']): void
  pauseWorker(pause: boolean): void
  quit(): void
}

export function appMenu(actions: MenuActions, platform: NodeJS.Platform, { menu }: ShellTexts): MenuItemConstructorOptions[] {
  const page = (label: string, path: string, accelerator: string): MenuItemConstructorOptions => ({
    label,
    accelerator,
    click: () => actions.show(path),
  })
  const quit: MenuItemConstructorOptions = { label: menu.quit, accelerator: 'CmdOrCtrl+Q', click: () => actions.quit() }
  return [
    ...(platform === 'darwin'
      ? [{ label: 'Framehouse', submenu: [{ role: 'about' as const }, { type: 'separator' as const }, { role: 'hide' as const }, quit] }]
      : []),
    {
      label: menu.file,
      submenu: [
        { label: menu.submit, accelerator: 'CmdOrCtrl+N', click: () => actions.command('submit') },
        { label: menu.palette, accelerator: 'CmdOrCtrl+K', click: () => actions.command('palette') },
        { label: menu.find, accelerator: 'CmdOrCtrl+F', click: () => actions.command('find') },
        { type: 'separator' },
        page(menu.connect, '/settings/machine', 'CmdOrCtrl+Shift+C'),
        { type: 'separator' },
        { role: 'close' },
        ...(platform === 'darwin' ? [] : [quit]),
      ],
    },
    { role: 'editMenu' },
    {
      label: menu.view,
      submenu: [
        page(menu.dashboard, '/', 'CmdOrCtrl+1'),
        page(menu.jobs, '/jobs', 'CmdOrCtrl+2'),
        page(menu.workers, '/workers', 'CmdOrCtrl+3'),
        page(menu.statistics, '/statistics', 'CmdOrCtrl+4'),
        page(menu.settings, '/settings', 'CmdOrCtrl+,'),
        { type: 'separator' },
        { label: menu.theme, click: () => actions.command('toggle-theme') },
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        { type: 'separator' },
        { role: 'reload' },
        { role: 'toggleDevTools' },
      ],
    },
    { role: 'windowMenu' },
    { role: 'help', submenu: [{ label: menu.shortcuts, click: () => actions.command('shortcuts') }] },
  ]
}

export interface TrayFacts {
  /** Null: the manager does not answer. */
  farm: FarmStatus | null
  running: number
  queued: number
  /** The farm answers, but does not let this window in yet. */
  isWaiting: boolean
  /** The local worker: whether it may take tasks; null: there is none. */
  workerAwake: boolean | null
  /** It is paused by ending it: at a farm elsewhere. */
  workerStops: boolean
  /** It runs a task now. */
  workerBusy: boolean
}

export function trayTooltip(facts: TrayFacts, { tray, farm }: ShellTexts): string {
  if (facts.isWaiting) return tray.waiting
  if (facts.farm === null) return tray.noAnswer
  return tray.state(farm[facts.farm], facts.running, facts.queued)
}

export function trayMenu(facts: TrayFacts, actions: MenuActions, texts: ShellTexts): MenuItemConstructorOptions[] {
  const { menu, tray } = texts
  const [pause, resume] = facts.workerStops ? [tray.stopWorker, tray.startWorker] : [tray.pause, tray.resume]
  return [
    { label: trayTooltip(facts, texts), enabled: false },
    { type: 'separator' },
    { label: tray.show, click: () => actions.show() },
    { label: menu.submit, click: () => actions.command('submit') },
    ...(facts.workerAwake === null
      ? []
      : [{ label: facts.workerAwake ? pause : resume, click: () => actions.pauseWorker(facts.workerAwake === true) }]),
    { type: 'separator' },
    { label: menu.quit, click: () => actions.quit() },
  ]
}
