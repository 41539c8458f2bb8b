/**
 * HTTP to a manager: one keep-alive pool, a path prefix (`http://host:8080/k/KEY/`), time limits, and two kinds of
 * failure: the manager did not answer (try again later) or it refused (trying the same again is pointless).
 */
import type { Readable } from 'node:stream'
import { Pool, type buildConnector, type Dispatcher } from 'undici'

export interface HttpReply {
  status: number
  /** The parsed body; undefined when there is none or it is no JSON. */
  json: unknown
  text: string
  /** Value of Retry-After in milliseconds. */
  retryAfterMs: number | undefined
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT'
  /** Below the manager's URL, without a leading slash, e.g. `api/v1/agent/take`. */
  path: string
  query?: Record<string, string>
  /** JSON text, or bytes together with `contentType`. */
  body?: string | Buffer | Readable
  contentType?: string
  headers?: Record<string, string>
  /** Until the reply begins; default 30 s. */
  timeoutMs?: number
  signal?: AbortSignal
}

/** A call that is passed on as it came. */
export interface ForwardedRequest {
  method: string
  /** With its query. */
  path: string
  headers: Record<string, string | string[]>
  body: Readable | undefined
  signal: AbortSignal
}

/** No usable answer: connection trouble, a time-out, or a gateway's or server's "not now". */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError'
  constructor(
    message: string,
    readonly retryAfterMs?: number,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** The manager answered with an error. `code` is our API's stable word; empty where the dialect has none. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError'
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message)
  }
}

const DEFAULT_TIMEOUT_MS = 30_000
const BODY_TIMEOUT_MS = 60_000
export const CONNECT_TIMEOUT_MS = 10_000
/** Nothing that a manager has to tell a worker is larger; guards memory against a wrong server. */
const MAX_REPLY_BYTES = 256 * 1024 * 1024

export interface HttpClientOptions {
  /** `http://host:port/prefix/`; see parseManagerUrl. */
  url: URL
  userAgent: string
  /** How connections are made; see PinnedManager. */
  connect?: buildConnector.connector
  /** Told of every call: whether the manager answered at all. */
  onOutcome?(isAnswered: boolean): void
}

export class HttpClient {
  private poolOptions: Pool.Options
  private pool: Pool
  /** For files: without a limit of size, and out of the way of the calls that keep leases. */
  private files: Pool | undefined
  private uploads: Pool | undefined
  /** For calls of others, which may take as long as they like. */
  private foreign: Pool | undefined
  private readonly basePath: string
  private readonly userAgent: string
  private readonly onOutcome: (isAnswered: boolean) => void
  /** Scheme, host and port that the calls go to. */
  origin: string

  constructor(options: HttpClientOptions) {
    this.origin = options.url.origin
    this.onOutcome = options.onOutcome ?? (() => undefined)
    this.poolOptions = {
      // One long poll, one report, previews; more would only keep sockets open at the manager.
      connections: 8,
      pipelining: 1,
      keepAliveTimeout: 30_000,
      maxResponseSize: MAX_REPLY_BYTES,
      bodyTimeout: BODY_TIMEOUT_MS,
      connect: options.connect ?? { timeout: CONNECT_TIMEOUT_MS },
    }
    this.pool = new Pool(this.origin, this.poolOptions)
    this.basePath = options.url.pathname.endsWith('/') ? options.url.pathname : `${options.url.pathname}/`
    this.userAgent = options.userAgent
  }

  /** Sends and reads the whole reply, whatever its status. @throws UnreachableError, or the signal's reason when aborted */
  async send(request: HttpRequest): Promise<HttpReply> {
    return this.read(await this.begin(this.pool, request), request)
  }

  /**
   * Sends, and leaves the body of a success to be read as it comes, however long it is; of anything else the reply as `send`
   * gives it. @throws UnreachableError, or the signal's reason when aborted
   */
  async stream(request: HttpRequest): Promise<{ body?: Readable; reply?: HttpReply }> {
    this.files ??= new Pool(this.origin, { ...this.poolOptions, connections: 4, maxResponseSize: -1 })
    const response = await this.begin(this.files, request)
    return response.statusCode === 200 ? { body: response.body } : { reply: await this.read(response, request) }
  }

  /** Sends a body of any length, out of the way of the calls that keep leases, and reads the reply. @throws as `send` does */
  async upload(request: HttpRequest): Promise<HttpReply> {
    this.uploads ??= new Pool(this.origin, { ...this.poolOptions, connections: 4 })
    return this.read(await this.begin(this.uploads, request), request)
  }

  /** Sends all further calls to another address of the same manager; those that are under way fail as if it were unreachable. */
  async retarget(url: URL, connect: buildConnector.connector): Promise<void> {
    const former = [this.pool, this.files, this.uploads, this.foreign]
    this.origin = url.origin
    this.poolOptions = { ...this.poolOptions, connect }
    this.pool = new Pool(this.origin, this.poolOptions)
    this.files = undefined
    this.uploads = undefined
    this.foreign = undefined
    await Promise.all(former.map(async (pool) => pool?.destroy()))
  }

  /**
   * Forwards a call of another program, body and reply as streams, without a limit of time or size: the path goes below the manager's
   * URL. @throws Error when there is no answer, or the signal aborts
   */
  async forward(request: ForwardedRequest): Promise<Dispatcher.ResponseData> {
    this.foreign ??= new Pool(this.origin, { ...this.poolOptions, connections: 64, maxResponseSize: -1, headersTimeout: 0, bodyTimeout: 0 })
    const { path, method, headers, body, signal } = request
    // undici takes any method that HTTP has; its type lists the usual ones.
    return this.foreign.request({
      path: this.basePath + path.replace(/^\/+/, ''),
      method: method as Dispatcher.HttpMethod,
      headers,
      body,
      signal,
    })
  }

  private async begin(pool: Pool, request: HttpRequest): Promise<Dispatcher.ResponseData> {
    try {
      const response = await pool.request({
        method: request.method,
        path: this.basePath + request.path + queryText(request.query),
        headers: {
          'user-agent': this.userAgent,
          accept: 'application/json',
          ...(request.body === undefined ? {} : { 'content-type': request.contentType ?? 'application/json' }),
          ...request.headers,
        },
        body: request.body,
        headersTimeout: request.timeoutMs ?? DEFAULT_TIMEOUT_MS,
        signal: request.signal,
      })
      this.onOutcome(true)
      return response
    } catch (error) {
      if (request.signal?.aborted) throw error
      this.onOutcome(false)
      throw new UnreachableError(describeFailure(error), undefined, { cause: error })
    }
  }

  private async read(response: Dispatcher.ResponseData, request: HttpRequest): Promise<HttpReply> {
    let text: string
    try {
      text = await response.body.text()
    } catch (error) {
      if (request.signal?.aborted) throw error
      throw new UnreachableError(describeFailure(error), undefined, { cause: error })
    }
    const retryAfter = Number(response.headers['retry-after'])
    return {
      status: response.statusCode,
      json: parseJson(text, response.headers['content-type']),
      text,
      retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : undefined,
    }
  }

  /** Ends open requests and closes the connections. */
  async close(): Promise<void> {
    await Promise.all([this.pool.destroy(), this.files?.destroy(), this.uploads?.destroy(), this.foreign?.destroy()])
  }
}

/** The header of HTTP Basic. */
export function basicAuth(user: string, secret: string): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`
}

/**
 * The manager's address as people type it: `host`, `host:8080` or a full URL, with or without a path prefix.
 * @throws Error naming what is wrong
 */
export function parseManagerUrl(text: string): URL {
  const trimmed = text.trim()
  const full = /^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`
  let url: URL
  try {
    url = new URL(full)
  } catch {
    throw new Error(`manager URL "${text}" is not a URL such as http://host:8080/`)
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new Error(`manager URL "${text}" must be http or https`)
  if (url.hostname === '') throw new Error(`manager URL "${text}" names no host`)
  if (url.search !== '' || url.hash !== '' || url.username !== '') {
    throw new Error(`manager URL "${text}" must be a plain address without user, query or fragment`)
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function queryText(query: Record<string, string> | undefined): string {
  return query === undefined ? '' : `?${new URLSearchParams(query).toString()}`
}

function parseJson(text: string, contentType: string | string[] | undefined): unknown {
  if (text === '' || !String(contentType ?? '').includes('json')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // Several addresses were tried (localhost as ::1 and 127.0.0.1): the first tells enough.
  const inner = error instanceof AggregateError ? error.errors[0] : error.cause
  const detail: unknown = inner instanceof Error ? inner.message : ''
  const message = error.message || error.name
  return typeof detail === 'string' && detail !== '' && detail !== message ? `${message}: ${detail}` : message
}
