/** SSDP as Flamenco speaks it (protocols of Flamenco 3): a Manager that answers searches, and the search of a Worker. IPv4 only. */
import { createSocket, type Socket } from 'node:dgram'
import { networkInterfaces } from 'node:os'
import type { Logger } from '../../shared/logger.ts'
import { networksOf, isFrom } from './networks.ts'
import { aliveNotice, isSearchForManager, managerIn, searchReply, searchRequest, SSDP_ADDRESS, SSDP_PORT } from './ssdpMessages.ts'

const REFRESH_MS = 5_000
/** When a Manager says that it is there, after its start. */
const ALIVE_AFTER_MS = [1_000, 3_000]
const ALIVE_EVERY_MS = 3_600_000
const ASK_EVERY_MS = 1_000

/** Without looking names up, which takes a turn of the event loop, a datagram leaves through the interface that was set right before. */
function asItIs(host: string, _options: unknown, callback: (error: null, address: string, family: number) => void): void {
  callback(null, host, 4)
}

export interface SsdpOptions {
  /** Port of the plain HTTP listener. */
  port: number
  /** Its address; undefined: all of the machine. */
  address?: string
  /** `Framehouse/1.2.3` */
  software: string
  log: Logger
}

/** Answers searches for a Flamenco Manager until it is stopped. */
export class SsdpResponder {
  private socket: Socket | undefined
  private readonly joined = new Set<string>()
  private timers: NodeJS.Timeout[] = []

  constructor(private readonly options: SsdpOptions) {}

  start(): void {
    const { log } = this.options
    const socket = createSocket({ type: 'udp4', reuseAddr: true, lookup: asItIs })
    this.socket = socket
    socket.on('error', (error) => {
      log.warn({ err: error }, 'SSDP is off: Flamenco Workers have to be given the address of this manager')
      void this.stop()
    })
    socket.on('message', (datagram, sender) => {
      if (!isSearchForManager(datagram.toString('latin1'))) return
      for (const url of this.urls(sender.address)) this.send(searchReply(url, this.server, Date.now()), sender.port, sender.address)
    })
    socket.bind(SSDP_PORT, '0.0.0.0', () => {
      this.refresh()
      this.timers = ALIVE_AFTER_MS.map((ms) => setTimeout(() => this.alive(), ms).unref())
      this.timers.push(setInterval(() => this.refresh(), REFRESH_MS).unref(), setInterval(() => this.alive(), ALIVE_EVERY_MS).unref())
    })
  }

  stop(): Promise<void> {
    for (const timer of this.timers) clearTimeout(timer)
    this.timers = []
    const { socket } = this
    this.socket = undefined
    this.joined.clear()
    return new Promise((resolve) => {
      if (!socket) return resolve()
      try {
        socket.close(() => resolve())
      } catch {
        // It failed before it was open.
        resolve()
      }
    })
  }

  private get server(): string {
    return `${process.platform}/0.0 UPnP/1.0 ${this.options.software}`
  }

  private networks() {
    const { address } = this.options
    const all = networksOf(networkInterfaces()).filter(({ family }) => family === 4)
    return address === undefined ? all : all.filter(({ addresses }) => addresses.includes(address))
  }

  /** The address on the asker's own network; all of them where it is on none. */
  private urls(asker: string): string[] {
    const networks = this.networks()
    const near = networks.filter((network) => isFrom(network, asker))
    return (near.length > 0 ? near : networks).flatMap(({ addresses }) => addresses.map((one) => `http://${one}:${this.options.port}`))
  }

  private refresh(): void {
    const present = new Set(this.networks().flatMap(({ addresses }) => addresses))
    for (const address of this.joined) if (!present.has(address)) this.joined.delete(address)
    for (const address of present) {
      if (this.joined.has(address)) continue
      try {
        this.socket?.addMembership(SSDP_ADDRESS, address)
        this.joined.add(address)
      } catch {
        // The interface is coming or going: the next time tries again.
      }
    }
  }

  private alive(): void {
    for (const address of this.joined) {
      try {
        this.socket?.setMulticastInterface(address)
      } catch {
        continue
      }
      this.send(aliveNotice(`http://${address}:${this.options.port}`, this.server), SSDP_PORT, SSDP_ADDRESS)
    }
  }

  private send(text: string, port: number, address: string): void {
    // A network that went away meanwhile is no fault.
    this.socket?.send(text, port, address, () => undefined)
  }
}

/** Asks for Flamenco Managers, as a Flamenco Worker does, until the signal aborts. @param onManager called once for each address */
export function searchManagers(onManager: (url: string) => void, signal: AbortSignal): void {
  const known = new Set<string>()
  const socket = createSocket({ type: 'udp4', lookup: asItIs })
  socket.on('error', () => undefined)
  socket.on('message', (datagram) => {
    const url = managerIn(datagram.toString('latin1'))
    if (url === undefined || known.has(url) || known.size > 100) return
    known.add(url)
    onManager(url)
  })
  const ask = (): void => {
    for (const { addresses } of networksOf(networkInterfaces()).filter(({ family }) => family === 4)) {
      try {
        socket.setMulticastInterface(addresses[0] ?? '')
      } catch {
        continue
      }
      socket.send(searchRequest(), SSDP_PORT, SSDP_ADDRESS, () => undefined)
    }
  }
  socket.bind(0, '0.0.0.0', ask)
  const timer = setInterval(ask, ASK_EVERY_MS)
  signal.addEventListener(
    'abort',
    () => {
      clearInterval(timer)
      socket.close()
    },
    { once: true },
  )
}
