/** The listener of the S3 endpoint, on the port of its setting. It opens, moves and closes with the settings. */
import { createServer, type Server } from 'node:http'
import { isIP } from 'node:net'
import { CLOSE_GRACE_MS, clientErrorHandler, HTTP_OPTIONS, SILENCE_TIMEOUT_MS } from '../../../http/connections.ts'
import type { ServerContext } from '../../../http/context.ts'
import { isLoopbackAddress } from '../../../security/hosts.ts'
import { ColoniesSettings } from '../settings.ts'
import type { Endpoint } from './endpoint.ts'

/** A port that was taken is tried again after this time. */
const RETRY_MS = 5_000

export interface S3ListenerOptions {
  context: Pick<ServerContext, 'settings' | 'log'>
  endpoint: Pick<Endpoint, 'handle'>
  /** Development keys are public, so no other machine may reach it. */
  loopbackOnly: boolean
  isOn(): boolean
}

export class S3Listener {
  private server: Server | undefined
  private wanted = ''
  private work: Promise<void> = Promise.resolve()
  private retry: NodeJS.Timeout | undefined

  constructor(private readonly options: S3ListenerOptions) {}

  /** Follows the settings; a port that is taken is logged, and tried again. */
  follow(): Promise<void> {
    this.work = this.work.then(() => this.adjust())
    return this.work
  }

  close(): Promise<void> {
    this.work = this.work.then(() => this.stop())
    return this.work
  }

  private async adjust(): Promise<void> {
    const { context, isOn, loopbackOnly } = this.options
    const { coloniesS3Port: port, coloniesS3Address: host } = context.settings.of(ColoniesSettings)
    const wanted = isOn() && port !== 0 ? `${host} ${port}` : ''
    if (wanted === this.wanted) return
    await this.stop()
    this.wanted = wanted
    if (wanted === '') return
    if (loopbackOnly && !(isIP(host) !== 0 && isLoopbackAddress(host))) {
      context.log.error({ host }, 'development keys are allowed: the S3 endpoint only opens on a loopback address')
      return
    }
    const server = this.makeServer()
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host, port }, () => resolve())
      })
      this.server = server
      context.log.info({ host, port }, 'S3 clients are answered')
    } catch (error) {
      this.wanted = ''
      this.retry = setTimeout(() => void this.follow(), RETRY_MS).unref()
      context.log.error({ host, port, error: String(error) }, 'cannot listen for S3 clients; trying again')
    }
  }

  private makeServer(): Server {
    const { endpoint } = this.options
    const server = createServer(HTTP_OPTIONS, (request, response) => void endpoint.handle(request, response, false))
    server.on('checkContinue', (request, response) => void endpoint.handle(request, response, true))
    server.keepAliveTimeout = 0
    // A large object may take long; one that stands still does not.
    server.requestTimeout = 0
    server.setTimeout(SILENCE_TIMEOUT_MS)
    server.on('clientError', clientErrorHandler)
    return server
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
