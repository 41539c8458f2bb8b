/** The one window: sandboxed, isolated, at its remembered place, and unable to leave our own page. */
import { BrowserWindow, screen, shell } from 'electron'
import type { ShellStore } from './shellStore.ts'
import { placeWindow } from './windowState.ts'

export interface WindowOptions {
  origin: string
  preload: string
  store: ShellStore
  /** True: closing hides it. */
  hideOnClose(): boolean
}

export function openWindow({ origin, preload, store, hideOnClose }: WindowOptions): BrowserWindow {
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
  if (place.maximized) window.maximize()
  window.once('ready-to-show', () => window.show())

  const contents = window.webContents
  contents.on('will-navigate', (event, url) => {
    if (!url.startsWith(`${origin}/`)) event.preventDefault()
  })
  // New windows are refused; a link to our own documents or images opens in the browser.
  contents.setWindowOpenHandler(({ url }) => {
    if (url.startsWith(`${origin}/`)) void shell.openExternal(url)
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
    clearTimeout(timer)
    remember()
    if (!hideOnClose()) return
    event.preventDefault()
    window.hide()
  })
  return window
}
