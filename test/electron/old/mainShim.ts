/** What Electron 9 and its Node 12 lack, as far as the shell uses it. Imported before everything else. */
import { execFileSync } from 'node:child_process'
import { Hash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { get, request as httpRequest } from 'node:http'
import { performance } from 'node:perf_hooks'
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

/** Enough of AbortController for timeouts and for ending a search. */
class OldAbortController {
  readonly signal = Object.assign(new EventEmitter().setMaxListeners(0), {
    aborted: false,
    addEventListener(this: EventEmitter, name: string, listener: () => void) {
      this.once(name, listener)
    },
    removeEventListener(this: EventEmitter, name: string, listener: () => void) {
      this.removeListener(name, listener)
    },
  })
  abort(): void {
    if (this.signal.aborted) return
    this.signal.aborted = true
    this.signal.emit('abort')
  }
}

Object.assign(globalThis, { fetch: fetchJson, AbortSignal: { timeout: () => undefined }, AbortController: OldAbortController, performance })

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

// Node 12 does not know base64url.
const inBase64Url = (bytes: Buffer): string => bytes.toString('base64').replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')
for (const [target, name] of [
  [Buffer.prototype, 'toString'],
  [Hash.prototype, 'digest'],
] as const) {
  const original: unknown = Reflect.get(target, name)
  if (typeof original !== 'function') throw new Error(`there is no ${name}`)
  const replaced = function (this: Buffer | Hash, ...given: unknown[]): unknown {
    if (given[0] !== 'base64url') return original.apply(this, given)
    return inBase64Url(this instanceof Hash ? this.digest() : this)
  }
  Object.defineProperty(target, name, { value: replaced, writable: true, configurable: true })
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

/** Certificates are read and verified by the system's Node: Node 12 has no class for them. */
class OldCertificate {
  readonly fingerprint256: string
  readonly ca: boolean
  readonly keyUsage: string[]
  readonly validFrom: string
  readonly validTo: string
  readonly publicKey: { export(): Buffer }

  constructor(private readonly raw: Buffer) {
    const { spki, ...facts } = askNode<{
      spki: string
      fingerprint256: string
      ca: boolean
      keyUsage: string[]
      validFrom: string
      validTo: string
    }>(
      `const c = new X509Certificate(Buffer.from(given[0], 'base64'))
       return { fingerprint256: c.fingerprint256, ca: c.ca, keyUsage: c.keyUsage || [], validFrom: c.validFrom, validTo: c.validTo,
         spki: c.publicKey.export({ type: 'spki', format: 'der' }).toString('base64') }`,
      [raw],
    )
    this.fingerprint256 = facts.fingerprint256
    this.ca = facts.ca
    this.keyUsage = facts.keyUsage
    this.validFrom = facts.validFrom
    this.validTo = facts.validTo
    const key = Buffer.from(spki, 'base64')
    this.publicKey = Object.assign({ export: () => key }, { raw })
  }

  checkIssued(issuer: OldCertificate): boolean {
    return askNode<boolean>(
      `const [own, issuer] = given.map((one) => new X509Certificate(Buffer.from(one, 'base64')))
       return own.checkIssued(issuer)`,
      [this.raw, issuer.raw],
    )
  }

  verify(key: { raw: Buffer }): boolean {
    return askNode<boolean>(
      `const [own, issuer] = given.map((one) => new X509Certificate(Buffer.from(one, 'base64')))
       return own.verify(issuer.publicKey)`,
      [this.raw, key.raw],
    )
  }
}

function askNode<T>(body: string, certificates: readonly Buffer[]): T {
  const script = `const { X509Certificate } = require('crypto')
    const given = ${JSON.stringify(certificates.map((raw) => raw.toString('base64')))}
    console.log(JSON.stringify((() => { ${body} })()))`
  return JSON.parse(execFileSync(process.env['FRAMEHOUSE_NODE'] || 'node', ['-e', script], { encoding: 'utf8' })) as T
}
Object.defineProperty(require('crypto'), 'X509Certificate', { value: OldCertificate })
