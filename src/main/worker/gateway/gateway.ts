/**
 * The way from a container back to the manager: an https server on the address that the engine's bridge has on this machine. Each
 * execution has a host name that cannot be guessed, which is its credential for the actors API while it runs. Only containers of the bridge
 * are answered, and only calls of that API are passed on.
 */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import type { Logger } from '../../../shared/logger.ts'
import type { HttpClient } from '../link/http.ts'
import type { Bridge } from './bridge.ts'
import type { GatewayCertificate } from './certificate.ts'
import { forwardedHeaders, isForwarded, replyHeaders } from './rules.ts'

/** The name of one execution, for its container's hosts file, and the URL below which it reaches the manager. */
export interface ExecutionHost {
  readonly name: string
  readonly address: string
  readonly url: string
}

export interface GatewayOptions {
  bridge: Bridge
  certificate: GatewayCertificate
  /** Host names are one label below it. */
  domain: string
  /** Clients drop their token when the URL has a port, so this should be 443; another one is taken where it may not be had. */
  port: number
  /** That of an earlier run of the worker, whose containers know it. */
  portBefore?: number | undefined
  http: Pick<HttpClient, 'forward'>
  log: Logger
}

const HTTPS_PORT = 443
const NAME_BYTES = 20

export class Gateway {
  /** By host name. Null: its calls have no credential of their own. */
  private readonly executions = new Map<string, { token: string | null }>()

  private constructor(
    private readonly options: GatewayOptions,
    private readonly server: Server,
    /** At the port of an earlier run of the worker. */
    private readonly before: Server | undefined,
  ) {
    for (const each of this.servers)
      each.on('request', (request: IncomingMessage, response: ServerResponse) => void this.answer(request, response))
  }

  private get servers(): Server[] {
    return this.before ? [this.server, this.before] : [this.server]
  }

  /** @throws Error when no port can be had */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const { log, port, portBefore = 0 } = options
    const { address } = options.bridge
    const server = newServer(options.certificate)
    await listen(server, address, port).catch(async (error: NodeJS.ErrnoException) => {
      if (port === 0 || !isTaken(error)) throw error
      log.warn(
        { address, port, problem: error.message },
        'the gateway for containers takes another port: agavepy sends no token then, and containers are known by their host name alone',
      )
      await listenAtAny(server, address, portBefore)
    })
    if (portBefore === 0 || portOf(server) === portBefore) return new Gateway(options, server, undefined)
    const before = newServer(options.certificate)
    const problem = await listen(before, address, portBefore).catch((error: Error) => error)
    if (problem)
      log.warn({ address, port: portBefore, problem: problem.message }, 'containers that run since before cannot reach the manager')
    return new Gateway(options, server, problem ? undefined : before)
  }

  get port(): number {
    return portOf(this.server)
  }

  /** Shows another certificate from now on. */
  show({ cert, key }: GatewayCertificate): void {
    for (const server of this.servers) server.setSecureContext({ cert, key })
  }

  /** A new name, or that of an execution that an earlier run of the worker began; `close` ends it. */
  admit(token: string | null, known?: string): ExecutionHost {
    const name = known ?? `${randomBytes(NAME_BYTES).toString('hex')}.${this.options.domain}`
    this.executions.set(name, { token })
    return { name, address: this.options.bridge.address, url: `https://${name}${this.port === HTTPS_PORT ? '' : `:${this.port}`}` }
  }

  dismiss({ name }: Pick<ExecutionHost, 'name'>): void {
    this.executions.delete(name)
  }

  async close(): Promise<void> {
    this.executions.clear()
    for (const server of this.servers) {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { bridge, http, log } = this.options
    const peer = request.socket.remoteAddress ?? ''
    const name = (request.headers.host ?? '').replace(/:\d+$/, '').toLowerCase()
    const execution = bridge.has(peer) ? this.executions.get(name) : undefined
    if (execution === undefined) return refuse(response, 403, 'this address is for containers of running executions only')
    const url = request.url ?? '/'
    if (!isForwarded(url)) return refuse(response, 404, 'only the actors API can be called here')
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    try {
      const hasBody = request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined
      const reply = await http.forward({
        method: request.method ?? 'GET',
        path: url,
        headers: forwardedHeaders(request.headers, { url, token: execution.token, peer }),
        body: hasBody ? request : undefined,
        signal: gone.signal,
      })
      response.writeHead(reply.statusCode, replyHeaders(reply.headers))
      await pipeline(reply.body, response)
    } catch (error) {
      if (gone.signal.aborted) return
      log.warn({ err: error }, 'a call from a container could not be passed on')
      if (response.headersSent) response.destroy()
      else refuse(response, 502, 'the manager does not answer')
    }
  }
}

/** In the form of the actors API, which is what its clients read. */
function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify({ status: 'error', message, result: null, version: '' }))
}

function newServer({ cert, key }: GatewayCertificate): Server {
  // Messages may be long, and synchronous ones are answered late.
  return createServer({ cert, key, requestTimeout: 0, keepAliveTimeout: 5000 })
}

/** A listening TCP server's address is an object. */
const portOf = (server: Server): number => (server.address() as AddressInfo).port

const isTaken = ({ code }: NodeJS.ErrnoException): boolean => code === 'EACCES' || code === 'EADDRINUSE'

/** At this port if it is free, else at any. */
async function listenAtAny(server: Server, host: string, port: number): Promise<void> {
  await listen(server, host, port).catch((error: NodeJS.ErrnoException) => {
    if (!isTaken(error)) throw error
    return listen(server, host, 0)
  })
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
