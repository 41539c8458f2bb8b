/** The menus as data: the application's and the tray's. Pure; the labels follow the platform's habits. */
import type { MenuItemConstructorOptions } from 'electron'
import type { FarmStatus } from '../../shared/enums.ts'
import type { PushPayload } from '../../shared/ipc.ts'

export interface MenuActions {
  show(page?: string): void
  command(command: PushPayload<'push:command'>['command']): void
  pauseWorker(pause: boolean): void
  quit(): void
}

export function appMenu(actions: MenuActions, platform: NodeJS.Platform): MenuItemConstructorOptions[] {
  const page = (label: string, path: string, accelerator: string): MenuItemConstructorOptions => ({
    label,
    accelerator,
    click: () => actions.show(path),
  })
  const quit: MenuItemConstructorOptions = { label: 'Quit Framehouse', accelerator: 'CmdOrCtrl+Q', click: () => actions.quit() }
  return [
    ...(platform === 'darwin'
      ? [{ label: 'Framehouse', submenu: [{ role: 'about' as const }, { type: 'separator' as const }, { role: 'hide' as const }, quit] }]
      : []),
    {
      label: 'File',
      submenu: [
        { label: 'Submit a job…', accelerator: 'CmdOrCtrl+N', click: () => actions.command('submit') },
        { label: 'Search or run a command…', accelerator: 'CmdOrCtrl+K', click: () => actions.command('palette') },
        { label: 'Find', accelerator: 'CmdOrCtrl+F', click: () => actions.command('find') },
        { type: 'separator' },
        page('Connect to a farm…', '/settings/machine', 'CmdOrCtrl+Shift+C'),
        { type: 'separator' },
        { role: 'close' },
        ...(platform === 'darwin' ? [] : [quit]),
      ],
    },
    { role: 'editMenu' },
    {
      label: 'View',
      submenu: [
        page('Dashboard', '/', 'CmdOrCtrl+1'),
        page('Jobs', '/jobs', 'CmdOrCtrl+2'),
        page('Workers', '/workers', 'CmdOrCtrl+3'),
        page('Statistics', '/statistics', 'CmdOrCtrl+4'),
        page('Settings', '/settings', 'CmdOrCtrl+,'),
        { type: 'separator' },
        { label: 'Light or dark', click: () => actions.command('toggle-theme') },
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
    { role: 'help', submenu: [{ label: 'Keyboard shortcuts', click: () => actions.command('shortcuts') }] },
  ]
}

export interface TrayFacts {
  /** Null: the manager does not answer. */
  farm: FarmStatus | null
  running: number
  queued: number
  /** The local worker: whether it may take tasks; null: there is none. */
  workerAwake: boolean | null
  /** It runs a task now. */
  workerBusy: boolean
}

const FARM_WORDS: Record<FarmStatus, string> = {
  active: 'Rendering',
  idle: 'Idle',
  waiting: 'Waiting for workers',
  asleep: 'Asleep',
  inoperative: 'No worker',
  unknown: 'Unknown',
  starting: 'Starting',
}

export function trayTooltip(facts: TrayFacts): string {
  if (facts.farm === null) return 'Framehouse: the manager does not answer'
  return `Framehouse: ${FARM_WORDS[facts.farm]}, ${facts.running} running, ${facts.queued} queued`
}

export function trayMenu(facts: TrayFacts, actions: MenuActions): MenuItemConstructorOptions[] {
  return [
    { label: trayTooltip(facts), enabled: false },
    { type: 'separator' },
    { label: 'Show Framehouse', click: () => actions.show() },
    { label: 'Submit a job…', click: () => actions.command('submit') },
    ...(facts.workerAwake === null
      ? []
      : [
          {
            label: facts.workerAwake ? 'Pause this machine after its task' : 'Resume this machine',
            click: () => actions.pauseWorker(facts.workerAwake === true),
          },
        ]),
    { type: 'separator' },
    { label: 'Quit Framehouse', click: () => actions.quit() },
  ]
}
