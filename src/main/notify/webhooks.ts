/** One HTTP call to an address that a user named: limited in time and size, certificates verified, redirects followed with care. */
import type { Agent, Dispatcher, request } from 'undici'
import { assertAllowedHost, guardedLookup } from './addresses.ts'

export interface WebhookCall {
  url: string
  method: string
  headers: Record<string, string>
  body: string
}

/** What came back. `body`: at most MAX_KEPT_CHARS of it. */
export interface WebhookReply {
  status: number
  headers: Record<string, string>
  body: string
}

export interface WebhookLimits {
  timeoutMs: number
  /** Loopback and link-local addresses are allowed. */
  toLocal: boolean
}

const MAX_REDIRECTS = 5
const MAX_KEPT_CHARS = 4_096
/** More than this of a reply is not read; the connection is closed. */
const MAX_READ_BYTES = 65_536
const REDIRECTS = new Set([301, 302, 303, 307, 308])

/** The connections for calls. One for each of the two kinds of reach, since each has its own look-up of names. */
interface Connections {
  request: typeof request
  guarded: Agent
  open: Agent
}

export class WebhookCaller {
  private connections: Promise<Connections> | undefined

  async close(): Promise<void> {
    const { guarded, open } = (await this.connections) ?? {}
    await Promise.all([guarded?.destroy(), open?.destroy()])
  }

  /**
   * Any status is an answer; what is no answer is thrown.
   * @throws ForbiddenAddressError; Error for what went wrong on the way, or when it took too long
   */
  async call(call: WebhookCall, { timeoutMs, toLocal }: WebhookLimits): Promise<WebhookReply> {
    const signal = AbortSignal.timeout(timeoutMs)
    const { request, open, guarded } = await (this.connections ??= connect())
    const dispatcher = toLocal ? open : guarded
    let next = { ...call }
    for (let hops = 0; ; hops++) {
      const url = new URL(next.url)
      if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`webhooks support HTTP and HTTPS, not ${url.protocol}`)
      if (!toLocal) assertAllowedHost(url)
      const reply = await request(url, {
        dispatcher,
        signal,
        // Which methods there are is checked where webhooks are taken in.
        method: next.method as Dispatcher.HttpMethod,
        headers: next.headers,
        ...(next.method === 'GET' ? {} : { body: next.body }),
      })
      // An unread body ends with an error that does not matter.
      reply.body.on('error', () => undefined)
      const location = reply.headers.location
      if (!REDIRECTS.has(reply.statusCode) || typeof location !== 'string') return kept(reply)
      reply.body.destroy()
      if (hops >= MAX_REDIRECTS) throw new Error(`more than ${MAX_REDIRECTS} redirects`)
      next = redirected(next, url, new URL(location, url), reply.statusCode)
    }
  }
}

/** undici is loaded with the first call: loading takes a tenth of the manager's start time, and most farms send no webhooks. */
async function connect(): Promise<Connections> {
  const { Agent, request } = await import('undici')
  const keepAliveTimeout = 4_000
  return {
    request,
    guarded: new Agent({ connect: { lookup: guardedLookup() }, keepAliveTimeout }),
    open: new Agent({ keepAliveTimeout }),
  }
}

/** What to send after a redirect. Headers may hold secrets that are meant for one host only. */
export function redirected(call: WebhookCall, from: URL, to: URL, status: number): WebhookCall {
  const keepsMethod = status === 307 || status === 308 || call.method === 'GET'
  const sameOrigin = from.origin === to.origin
  const contentType = Object.entries(call.headers).filter(([name]) => name.toLowerCase() === 'content-type')
  return {
    url: to.href,
    method: keepsMethod ? call.method : 'GET',
    headers: sameOrigin ? call.headers : Object.fromEntries(contentType),
    body: keepsMethod ? call.body : '',
  }
}

async function kept(reply: Dispatcher.ResponseData): Promise<WebhookReply> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of reply.body) {
    // undici's bodies are streams of Buffers unless an encoding is set.
    const buffer = chunk as Buffer
    chunks.push(buffer)
    bytes += buffer.length
    // Leaving the loop destroys the stream.
    if (bytes >= MAX_READ_BYTES) break
  }
  const headers = Object.entries(reply.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')])
  return {
    status: reply.statusCode,
    headers: Object.fromEntries(headers),
    body: Buffer.concat(chunks).toString('utf8').slice(0, MAX_KEPT_CHARS),
  }
}
