/** What Electron 9 and its Node 12 lack, as far as the shell uses it. Imported before everything else. */
import { get, request as httpRequest } from 'node:http'
import { app, ipcMain, type WebContents } from 'electron'

interface Reply {
  ok: boolean
  status: number
  json(): Promise<unknown>
}

/** `fetch` for JSON over plain HTTP. */
function fetchJson(address: string, options: { method?: string; headers?: Record<string, string>; body?: string } = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const send = options.method === undefined ? get : httpRequest
    const request = send(address, { method: options.method ?? 'GET', headers: options.headers ?? {} }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => {
        const status = response.statusCode ?? 0
        resolve({ ok: status >= 200 && status < 300, status, json: async () => JSON.parse(text) as unknown })
      })
    })
    request.on('error', (error) => reject(Object.assign(new TypeError('fetch failed'), { cause: error })))
    request.setTimeout(10_000, () => request.abort())
    request.end(options.body)
  })
}

Object.assign(globalThis, { fetch: fetchJson, AbortSignal: { timeout: () => undefined } })

const missing: [object, string, unknown][] = [
  [
    Array.prototype,
    'at',
    function (this: unknown[], index: number) {
      return this[index < 0 ? this.length + index : index]
    },
  ],
  [Object, 'hasOwn', (object: object, key: PropertyKey) => Object.prototype.hasOwnProperty.call(object, key)],
  [
    String.prototype,
    'replaceAll',
    function (this: string, from: string, to: string) {
      return this.split(from).join(to)
    },
  ],
]
for (const [target, name, value] of missing) {
  if (!(name in target)) Object.defineProperty(target, name, { value, writable: true, configurable: true })
}

/** The event that `setWindowOpenHandler` replaced. */
type OldContents = WebContents & { on(event: 'new-window', listener: (event: { preventDefault(): void }, url: string) => void): void }

app.on('web-contents-created', (_event, contents) => {
  contents.setWindowOpenHandler ??= (handler) => {
    ;(contents as OldContents).on('new-window', (event, url) => {
      event.preventDefault()
      // The shell's handler looks at the address alone.
      handler({ url } as Parameters<typeof handler>[0])
    })
  }
})

// Which frame of the page a message came from; there is one frame here.
const { handle } = ipcMain
ipcMain.handle = (channel, listener) => {
  handle.call(ipcMain, channel, (event, ...args: unknown[]) => {
    const senderFrame = { url: event.sender.getURL() }
    return listener(Object.assign(event, { senderFrame }) as typeof event, ...args)
  })
}

// No keychain: a token is kept for one run only. The bundle is CommonJS, and the module itself, not a view of it, is extended.
declare const require: (name: string) => object
Object.defineProperty(require('electron'), 'safeStorage', { value: { isEncryptionAvailable: () => false } })
