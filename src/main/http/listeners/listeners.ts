/**
 * The manager's listeners: those of the command line, which stay, and those of the settings, which come and go while it runs.
 * A change happens as a whole or not at all.
 */
import type { FastifyInstance } from 'fastify'
import type { Listener } from '../../../shared/schemas/listeners.ts'
import type { Logger } from '../../../shared/logger.ts'
import { InvalidInputError } from '../../engine/base/errors.ts'
import type { ServerCertificate } from '../../security/tls/certificate.ts'
import type { Dialect } from '../dialect.ts'
import { openServer, type OpenServer } from './openServer.ts'
import { LoopbackOnlyError, refusedBy } from './loopbackOnly.ts'
import { bindingsFor, conflictIn, dialectsAt, toOpen, type Wanted } from './plan.ts'

export interface ListenersOptions {
  dialects: readonly Pick<Dialect, 'name' | 'owns'>[]
  /** For a TLS listener, as it is now. @throws CertificateError */
  certificate(listener: Wanted): Promise<ServerCertificate>
  /** Keeps the settings' list. */
  keep(listeners: readonly Listener[]): Promise<void>
  /** The switch because of which no other machine may connect; undefined: others may. */
  loopbackOnly?(): string | undefined
  log: Logger
}

export interface OpenListener extends Wanted {
  /** Why it is not open; empty: it is. */
  readonly problem: string
}

interface Opened {
  wanted: Wanted
  servers: OpenServer[]
}

/** APIs of the program itself: pages, and whatever no dialect owns. */
const OWN = 'native'

export class Listeners {
  private app: FastifyInstance | undefined
  private fixed: readonly Wanted[] = []
  private kept: readonly Wanted[] = []
  private opened: Opened[] = []
  private readonly problems = new Map<Wanted, string>()
  private readonly ending = new Set<Promise<void>>()
  private readonly watchers = new Set<() => void>()
  /** Changes run one after another. */
  private changing: Promise<unknown> = Promise.resolve()

  constructor(private readonly options: ListenersOptions) {}

  /**
   * Opens the command line's listeners, and those of the settings as far as possible.
   * @throws Error with `code`, `address` and `port` when one of the command line fails; LoopbackOnlyError; CertificateError
   */
  async start(app: FastifyInstance, fixed: readonly Omit<Wanted, 'source'>[], kept: readonly Listener[]): Promise<void> {
    this.app = app
    const only = this.options.loopbackOnly?.()
    for (const listener of fixed) {
      const refused = refusedBy(only, listener)
      if (refused !== undefined) throw new LoopbackOnlyError(refused)
    }
    for (const listener of fixed) {
      const { servers } = await this.open({ ...listener, source: 'command-line' })
      // The port that was taken where any would do: a wider listener may want the same.
      const wanted = { ...listener, port: servers[0]?.port ?? listener.port, source: 'command-line' as const }
      this.fixed = [...this.fixed, wanted]
      this.opened.push({ wanted, servers })
    }
    const more = kept.map((listener) => ({ ...listener, source: 'settings' as const }))
    for (const wanted of more) {
      const refused = refusedBy(only, wanted)
      if (refused !== undefined) {
        this.kept = [...this.kept, wanted]
        this.problems.set(wanted, refused)
        this.options.log.error({ address: wanted.address, port: wanted.port }, `a listener stays closed: ${refused}`)
        continue
      }
      // One by one: an address that is gone today must not keep the others closed.
      this.kept = [...this.kept, wanted]
      await this.reach(this.allowed([...this.fixed, ...this.kept])).catch((error: unknown) => {
        this.problems.set(wanted, messageOf(error))
        this.options.log.error({ err: error, address: wanted.address, port: wanted.port }, 'a listener cannot be opened')
      })
    }
    this.tell()
  }

  /** All of them, open or not. */
  list(): OpenListener[] {
    return [...this.fixed, ...this.kept].map((wanted) => ({ ...wanted, problem: this.problems.get(wanted) ?? '' }))
  }

  /**
   * Replaces the list of the settings: opens what is new, closes what is gone.
   * @throws InvalidInputError naming the entry that cannot be opened; nothing has changed then
   */
  change(listeners: readonly Listener[]): Promise<void> {
    return this.inTurn(() => this.changeNow(listeners))
  }

  /** After the changes before it, and before those that follow: for what depends on which listeners there are. */
  inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.changing.then(change)
    this.changing = result.then(
      () => undefined,
      () => undefined,
    )
    return result
  }

  /** Presents renewed certificates. @throws CertificateError */
  async renew(): Promise<void> {
    for (const { wanted, servers } of this.opened) {
      if (!wanted.tls) continue
      const pair = await this.options.certificate(wanted)
      for (const server of servers) server.present(pair)
    }
  }

  onChange(watcher: () => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  async close(): Promise<void> {
    await this.changing
    await Promise.all([...this.opened.splice(0).flatMap(({ servers }) => servers.map((server) => server.close())), ...this.ending])
  }

  private async changeNow(listeners: readonly Listener[]): Promise<void> {
    const conflict = conflictIn(listeners)
    if (conflict) throw new InvalidInputError(`/listeners/${conflict.index}`, conflict.message)
    const only = this.options.loopbackOnly?.()
    for (const [index, listener] of listeners.entries()) {
      const refused = refusedBy(only, listener)
      if (refused !== undefined) throw new InvalidInputError(`/listeners/${index}/address`, refused)
    }
    const names = new Set(this.options.dialects.map(({ name }) => name))
    for (const [index, { dialects }] of listeners.entries()) {
      const unknown = dialects.find((name) => !names.has(name))
      if (unknown !== undefined) throw new InvalidInputError(`/listeners/${index}/dialects`, `there is no API named "${unknown}"`)
    }
    const before = this.kept
    // The same listener stays the same object, and open.
    const after = listeners.map((listener) => before.find((one) => isSame(one, listener)) ?? { ...listener, source: 'settings' as const })
    try {
      await this.reach(toOpen([...this.fixed, ...after]))
    } catch (error) {
      const index = error instanceof OpenError ? after.indexOf(error.wanted) : -1
      throw new InvalidInputError(index < 0 ? '/listeners' : `/listeners/${index}`, `cannot listen there: ${messageOf(error)}`)
    }
    this.kept = after
    await this.options.keep(listeners)
    for (const wanted of before) this.problems.delete(wanted)
    this.tell()
  }

  /** What is opened of a list. */
  private allowed(all: readonly Wanted[]): Wanted[] {
    const only = this.options.loopbackOnly?.()
    return toOpen(all.filter((listener) => refusedBy(only, listener) === undefined))
  }

  /** Closes and opens until exactly these are open. @throws OpenError; what was open before is open again then */
  private async reach(target: readonly Wanted[]): Promise<void> {
    const gone = this.opened.filter(({ wanted }) => !target.includes(wanted))
    const stays = this.opened.filter(({ wanted }) => target.includes(wanted))
    const missing = target.filter((wanted) => !stays.some((one) => one.wanted === wanted))
    // A listener of the command line is only replaced by a wider one: connected clients stay.
    for (const one of gone) this.shut(one, one.wanted.source === 'command-line')
    const added: Opened[] = []
    try {
      for (const wanted of missing) added.push(await this.open(wanted))
      this.opened = [...stays, ...added]
    } catch (error) {
      for (const one of added) this.shut(one, false)
      const back: Opened[] = []
      for (const { wanted } of gone) {
        const again = await this.open(wanted).catch((failure: unknown) => {
          this.problems.set(wanted, messageOf(failure))
          this.options.log.error({ err: failure, address: wanted.address, port: wanted.port }, 'a listener cannot be opened again')
        })
        if (again) back.push(again)
      }
      this.opened = [...stays, ...back]
      throw error
    }
  }

  private shut({ servers }: Opened, mayFinish: boolean): void {
    for (const server of servers) {
      const ended: Promise<void> = server.close(mayFinish).finally(() => this.ending.delete(ended))
      // Those that may finish are cut off by the app when it closes.
      if (!mayFinish) this.ending.add(ended)
    }
  }

  private async open(wanted: Wanted): Promise<Opened> {
    const { app } = this
    if (!app) throw new Error('listeners are opened after start')
    const tls = wanted.tls ? await this.options.certificate(wanted) : undefined
    const serves = this.filterFor(wanted)
    const servers: OpenServer[] = []
    try {
      for (const { candidates, isOptional } of bindingsFor(wanted.address)) {
        const sharedPort = servers[0]?.port ?? wanted.port
        const server = await firstThatOpens(candidates, (host) =>
          openServer(app, { host, port: sharedPort, ...(tls && { tls }), ...(serves && { serves }) }),
        ).catch((error: unknown) => {
          if (!isOptional) throw error
        })
        if (server) servers.push(server)
      }
    } catch (error) {
      await Promise.all(servers.map((server) => server.close()))
      throw wanted.source === 'command-line' ? error : new OpenError(wanted, error)
    }
    return { wanted, servers }
  }

  private filterFor(wanted: Wanted): ((url: string, localAddress: string) => boolean) | undefined {
    if (wanted.dialects.length === 0) return undefined
    return (url, localAddress) => {
      const allowed = dialectsAt(wanted, [...this.fixed, ...this.kept], localAddress)
      const path = url.replace(/^\/k\/[^/]*(?=\/|$)/, '') || '/'
      return allowed.length === 0 || allowed.includes(this.options.dialects.find(({ owns }) => owns(path))?.name ?? OWN)
    }
  }

  private tell(): void {
    for (const watcher of this.watchers) watcher()
  }
}

class OpenError extends Error {
  constructor(
    readonly wanted: Wanted,
    cause: unknown,
  ) {
    super(messageOf(cause), { cause })
  }
}

/** The next candidate counts only where the machine lacks the address family. */
async function firstThatOpens<T>(hosts: readonly string[], open: (host: string) => Promise<T>): Promise<T> {
  let failure: unknown
  for (const host of hosts) {
    try {
      return await open(host)
    } catch (error) {
      failure ??= error
      const code = error instanceof Error && 'code' in error ? error.code : undefined
      if (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL' && code !== 'EINVAL') throw error
    }
  }
  throw failure
}

function isSame(one: Listener, other: Listener): boolean {
  const key = ({ address, port, tls, dialects }: Listener) => JSON.stringify([address, port, tls, dialects])
  return key(one) === key(other)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
