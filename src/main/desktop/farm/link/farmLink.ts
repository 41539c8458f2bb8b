/**
 * The way to a farm elsewhere: where it is now, and the connections that it has to prove itself for. Follows the farm to another address,
 * by the key of its authority; a farm without one (plain HTTP, a certificate of the owner's) stays where it was.
 */
import { request as httpRequest, type ClientRequest, type RequestOptions } from 'node:http'
import { request as httpsRequest, type Agent } from 'node:https'
import type { Logger } from '../../../../shared/logger.ts'
import { Relocation } from '../../../worker/link/relocation.ts'
import { farmAgent } from './farmTls.ts'

export interface FarmLinkOptions {
  managerUrl: string
  /** Fingerprint of the key of the farm's authority; empty: none is known. */
  authority: string
  /** It is at another address now. */
  onMoved(managerUrl: string): void
  log: Logger
}

export class FarmLink {
  private target: URL
  private agent: Agent | undefined
  private readonly relocation: Relocation

  constructor(private readonly options: FarmLinkOptions) {
    this.target = new URL(options.managerUrl)
    this.agent = this.newAgent()
    this.relocation = new Relocation({
      origin: () => this.target.origin,
      moveTo: async (url) => {
        const former = this.agent
        this.target = url
        this.agent = this.newAgent()
        // What is still connected there waits in vain.
        former?.destroy()
        options.onMoved(url.origin)
      },
      authority: () => options.authority || undefined,
      log: options.log,
    })
  }

  get url(): string {
    return this.target.origin
  }

  /** @param path with the query */
  request(path: string, options: RequestOptions): ClientRequest {
    const url = new URL(path, this.target)
    return this.agent ? httpsRequest(url, { ...options, agent: this.agent }) : httpRequest(url, options)
  }

  answered(): void {
    this.relocation.answered()
  }

  unreachable(): void {
    this.relocation.unreachable()
  }

  /** The machine slept, so its networks may be others. Connections of before are given up: their other end may be gone. */
  wokeUp(): void {
    const former = this.agent
    this.agent = this.newAgent()
    former?.destroy()
    this.relocation.lookNow()
  }

  close(): void {
    this.relocation.stop()
    this.agent?.destroy()
  }

  private newAgent(): Agent | undefined {
    return this.target.protocol === 'https:' ? farmAgent(this.options.authority) : undefined
  }
}
