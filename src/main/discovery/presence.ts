/**
 * How a manager can be found: announced by DNS-SD while it listens on the network, and by SSDP while plain HTTP is open there. Off
 * means silent: no socket is open.
 */
import type { Logger } from '../../shared/logger.ts'
import { FarmAnnouncer } from './announcer.ts'
import type { FarmAnnouncement } from './announcement.ts'
import { SsdpResponder } from './ssdp.ts'

/** A listener as far as it matters here. */
export interface PresentListener {
  address: string
  port: number
  tls: boolean
  dialects: readonly string[]
  /** Empty: it is open. */
  problem: string
}

export interface PresenceState {
  /** The setting. */
  isDiscoverable: boolean
  farm: Omit<FarmAnnouncement, 'tlsPort' | 'plainPort'>
  listeners: readonly PresentListener[]
}

export interface PresencePlan {
  farm: FarmAnnouncement | undefined
  /** Undefined: all addresses. */
  only: Set<string> | undefined
  ssdp: { port: number; address: string | undefined } | undefined
}

const EVERY = new Set(['*', '0.0.0.0', '::'])

/** What is to be announced. Pure. */
export function planPresence({ isDiscoverable, farm, listeners }: PresenceState): PresencePlan {
  const open = listeners.filter(({ address, problem }) => problem === '' && address !== 'localhost' && !/^(127\.|::1$)/.test(address))
  const serving = (dialect: string) => open.filter(({ dialects }) => dialects.length === 0 || dialects.includes(dialect))
  const [secure, plain] = [serving('native').find(({ tls }) => tls), serving('native').find(({ tls }) => !tls)]
  if (!isDiscoverable || (!secure && !plain)) {
    const [flamenco] = isDiscoverable ? serving('flamenco').filter(({ tls }) => !tls) : []
    return { farm: undefined, only: undefined, ssdp: flamenco && ssdpOf(flamenco) }
  }
  const named = [secure, plain].flatMap((listener) => listener ?? [])
  const isEverywhere = named.some(({ address }) => EVERY.has(address))
  const flamenco = serving('flamenco').find(({ tls }) => !tls)
  return {
    farm: { ...farm, tlsPort: secure?.port ?? 0, plainPort: plain?.port ?? 0 },
    only: isEverywhere ? undefined : new Set(named.map(({ address }) => address)),
    ssdp: flamenco && ssdpOf(flamenco),
  }
}

function ssdpOf({ port, address }: PresentListener): PresencePlan['ssdp'] {
  return { port, address: EVERY.has(address) ? undefined : address }
}

export class Presence {
  private readonly announcer: FarmAnnouncer
  private ssdp: { responder: SsdpResponder; key: string } | undefined
  private working: Promise<void> = Promise.resolve()

  constructor(
    private readonly log: Logger,
    /** `Framehouse/1.2.3` */
    private readonly software: string,
  ) {
    this.announcer = new FarmAnnouncer(log)
  }

  update(state: PresenceState): Promise<void> {
    const plan = planPresence(state)
    this.working = this.working.then(() => this.apply(plan))
    return this.working
  }

  async stop(): Promise<void> {
    this.working = this.working.then(() => this.apply({ farm: undefined, only: undefined, ssdp: undefined }))
    await this.working
  }

  private async apply({ farm, only, ssdp }: PresencePlan): Promise<void> {
    await this.announcer.announce(farm, only)
    const key = JSON.stringify(ssdp ?? null)
    if (this.ssdp && this.ssdp.key !== key) {
      await this.ssdp.responder.stop()
      this.ssdp = undefined
    }
    if (ssdp === undefined || this.ssdp) return
    const { log, software } = this
    const responder = new SsdpResponder({ port: ssdp.port, ...(ssdp.address !== undefined && { address: ssdp.address }), software, log })
    this.ssdp = { responder, key }
    responder.start()
  }
}
