/** The one window: sandboxed, isolated, at its remembered place, and unable to leave our own page. */
import { BrowserWindow, screen } from 'electron'
import type { ShellStore } from './shellStore.ts'
import { placeWindow } from './windowState.ts'

export interface WindowOptions {
  /** Origin of our own page, as long as the window shows one farm. */
  origin(): string
  preload: string
  store: ShellStore
  /** True: it is not shown before it is asked for. */
  hidden: boolean
  /** A link to a page of the manager that is none of the GUI's (its API's documentation), as path: for the system's browser. */
  openOutside(path: string): void
  /** The close button; the window itself stays. */
  onClose(): void
}

export function openWindow({ origin, preload, store, hidden, openOutside, onClose }: WindowOptions): BrowserWindow {
  const main = screen.getPrimaryDisplay()
  const areas = [main, ...screen.getAllDisplays().filter((display) => display.id !== main.id)].map((display) => display.workArea)
  const place = placeWindow(store.get().window, areas)
  const window = new BrowserWindow({
    ...(place.x !== undefined && { x: place.x }),
    ...(place.y !== undefined && { y: place.y }),
    width: place.width,
    height: place.height,
    minWidth: 960,
    minHeight: 600,
    show: false,
    title: 'Framehouse',
    backgroundColor: '#15181b',
    webPreferences: { preload, sandbox: true, contextIsolation: true, nodeIntegration: false, webviewTag: false, spellcheck: false },
  })
  if (!hidden) {
    window.once('ready-to-show', () => {
      // Maximizing shows a window, so not before there is something to see.
      if (place.maximized) window.maximize()
      window.show()
    })
  }

  const contents = window.webContents
  const isOurs = (url: string): boolean => origin() !== '' && url.startsWith(`${origin()}/`)
  contents.on('will-navigate', (event, url) => {
    if (!isOurs(url)) event.preventDefault()
  })
  contents.on('will-redirect', (event, url) => {
    if (!isOurs(url)) event.preventDefault()
  })
  // New windows are refused; a link to the manager's own documents opens in the browser.
  contents.setWindowOpenHandler(({ url }) => {
    if (isOurs(url)) openOutside(url.slice(origin().length))
    return { action: 'deny' }
  })
  contents.session.setPermissionRequestHandler((_contents, permission, answer) => answer(permission === 'clipboard-sanitized-write'))
  contents.on('will-attach-webview', (event) => event.preventDefault())

  const remember = () => {
    const bounds = window.getNormalBounds()
    store.set({ window: { x: bounds.x, y: bounds.y, width: bounds.width, height: bounds.height, maximized: window.isMaximized() } })
  }
  let timer: NodeJS.Timeout | undefined
  const soon = () => {
    clearTimeout(timer)
    timer = setTimeout(() => window.isDestroyed() || remember(), 500)
  }
  window.on('resize', soon)
  window.on('move', soon)
  window.on('close', (event) => {
    event.preventDefault()
    clearTimeout(timer)
    remember()
    onClose()
  })
  return window
}
