/** The dialect's own listener: only its addresses, on the port of the setting. It opens, moves and closes with the settings. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { isIP, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { clientErrorHandler, HTTP_OPTIONS } from '../../../http/connections.ts'
import { isLoopbackAddress } from '../../../security/hosts.ts'
import type { ServerContext } from '../../../http/context.ts'
import { refuseUpgrade } from '../../../http/upgrades.ts'
import { ColoniesSettings } from '../settings.ts'

const ADDRESSES = /^\/(api|health|pubsub)(\?|$)/
const CLOSE_GRACE_MS = 2_000
/** A port that was taken is tried again after this time. */
const RETRY_MS = 5_000
/** Idle connections between requests. */
const KEEP_ALIVE_MS = 120_000

export class OwnListener {
  private server: Server | undefined
  private wanted = ''
  private work: Promise<void> = Promise.resolve()
  private retry: NodeJS.Timeout | undefined

  constructor(
    private readonly app: FastifyInstance,
    private readonly context: Pick<ServerContext, 'settings' | 'log'>,
    /** Development keys are public, so no other machine may reach it. */
    private readonly loopbackOnly: boolean,
    private readonly isOn: () => boolean,
  ) {}

  /** Follows the settings; a port that is taken is logged, and tried again. */
  follow(): Promise<void> {
    this.work = this.work.then(() => this.adjust())
    return this.work
  }

  close(): Promise<void> {
    this.work = this.work.then(() => this.stop())
    return this.work
  }

  /** The port that it has; undefined: it is closed. */
  get port(): number | undefined {
    const address = this.server?.address()
    return typeof address === 'object' && address !== null ? address.port : undefined
  }

  private async adjust(): Promise<void> {
    const { coloniesPort: port, coloniesAddress: host } = this.context.settings.of(ColoniesSettings)
    const wanted = this.isOn() && port !== 0 ? `${host} ${port}` : ''
    if (wanted === this.wanted) return
    await this.stop()
    this.wanted = wanted
    if (wanted === '') return
    if (this.loopbackOnly && !(isIP(host) !== 0 && isLoopbackAddress(host))) {
      this.context.log.error({ host }, 'development keys are allowed: the Colonies listener only opens on a loopback address')
      return
    }
    const server = createServer(HTTP_OPTIONS, (request, response) => {
      if (ADDRESSES.test(request.url ?? '')) this.app.routing(request, response)
      else response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found')
    })
    server.keepAliveTimeout = KEEP_ALIVE_MS
    server.requestTimeout = 0
    server.on('clientError', clientErrorHandler)
    // The shared server has the routes of the WebSockets.
    server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (ADDRESSES.test(request.url ?? '')) this.app.server.emit('upgrade', request, socket, head)
      else refuseUpgrade(socket)
    })
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host, port }, () => resolve())
      })
      this.server = server
      this.context.log.info({ host, port }, 'Colonies clients are answered')
    } catch (error) {
      this.wanted = ''
      this.retry = setTimeout(() => void this.follow(), RETRY_MS).unref()
      this.context.log.error({ host, port, error: String(error) }, 'cannot listen for Colonies clients; trying again')
    }
  }

  private async stop(): Promise<void> {
    clearTimeout(this.retry)
    const { server } = this
    this.server = undefined
    this.wanted = ''
    if (!server) return
    setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS).unref()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}
