/** The listeners of a manager with the certificates that they present: opened at its start, renewed while it runs. */
import { networkInterfaces } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { reachableAddresses } from '../../../shared/lan/addresses.ts'
import type { Logger } from '../../../shared/logger.ts'
import { CertificateError, readCertificate, type CertificateFiles, type ServerCertificate } from '../../security/tls/certificate.ts'
import { FarmCertificates } from '../../security/tls/farmCertificates.ts'
import type { SecretBox } from '../../security/secretBox.ts'
import { InvalidInputError, UnavailableError } from '../../engine/base/errors.ts'
import { ownNames } from '../../security/hosts.ts'
import type { ReadDatabase } from '../../store/connection.ts'
import type { FarmIdentity } from '../../store/farmIdentity.ts'
import { keepListeners, keptListeners } from '../../store/keptListeners.ts'
import type { Writer } from '../../store/writer.ts'
import type { FarmAuthority } from '../context.ts'
import type { Dialect } from '../dialect.ts'
import type { StoredSettings } from '../../store/settingsStore.ts'
import { Listeners } from './listeners.ts'
import { refusedChange } from './loopbackOnly.ts'
import { isOnNetwork, type Wanted } from './plan.ts'

export interface FarmListenersOptions {
  dataDir: string
  identity: Pick<FarmIdentity, 'id'>
  secrets: SecretBox
  settings: { current(): { allowedHosts: readonly string[] } }
  read: ReadDatabase
  writer: Pick<Writer, 'exclusive'>
  dialects: readonly Dialect[]
  /** The owner's own certificate, for the command line's TLS listener. */
  ownFiles: CertificateFiles | undefined
  /** The switch because of which no other machine may connect; undefined: others may. */
  loopbackOnly(): string | undefined
  log: Logger
  /** Milliseconds since the epoch. */
  now(): number
}

/** How soon a change of the machine's addresses is in its certificate. */
const CHECK_MS = 10_000

export class FarmListeners {
  readonly listeners: Listeners
  private shown: ServerCertificate | undefined
  private own: ServerCertificate | undefined
  private stopChecking: (() => void) | undefined

  private constructor(
    private readonly options: FarmListenersOptions,
    private readonly certificates: FarmCertificates | CertificateError,
  ) {
    const { dialects, writer, now, log, loopbackOnly } = options
    this.listeners = new Listeners({
      dialects,
      certificate: (wanted) => this.certificateFor(wanted),
      keep: (listeners) => keepListeners(writer, listeners, now()),
      loopbackOnly,
      log,
    })
  }

  static async open(options: FarmListenersOptions): Promise<FarmListeners> {
    const { dataDir, identity, secrets, settings, now, log } = options
    const names = () => [...ownNames(), ...settings.current().allowedHosts]
    const certificates = await FarmCertificates.open({ dataDir, farmId: identity.id, secrets, names, now }).catch((error: unknown) => {
      if (!(error instanceof CertificateError)) throw error
      // Plain listeners on this machine need none.
      log.error({ err: error }, "the farm's certificate authority is not usable")
      return error
    })
    return new FarmListeners(options, certificates)
  }

  /** Undefined: it is not usable. */
  get authority(): FarmAuthority | undefined {
    if (this.certificates instanceof CertificateError) return undefined
    const { authorityPem, fingerprint, endorsements } = this.certificates
    return { certificate: authorityPem, fingerprint, endorsements }
  }

  /** See FarmCertificates.gateway. @throws InvalidInputError; UnavailableError without a usable authority */
  async certifyGateway(domain: string, publicKey: string): Promise<string> {
    if (this.certificates instanceof CertificateError) throw new UnavailableError("the farm's certificate authority is not usable")
    return this.certificates.gateway(domain, publicKey).catch((error: unknown) => {
      throw error instanceof CertificateError ? new InvalidInputError('/domain', error.message) : error
    })
  }

  /** What requests may ask of the farm's authority. */
  forContext() {
    return {
      farmAuthority: () => this.authority,
      certifyGateway: (domain: string, publicKey: string) => this.certifyGateway(domain, publicKey),
    }
  }

  /** Of a switch and a listener that rule each other out, the second one is refused: changes of both happen one at a time. */
  guard(settings: Pick<StoredSettings, 'onUpdate'>): void {
    settings.onUpdate(
      (changes) => refusedChange(this.options.dialects, changes, this.listeners.list()),
      (change) => this.listeners.inTurn(change),
    )
  }

  fingerprintOf(listener: Pick<Wanted, 'source'>): string {
    return listener.source === 'command-line' && this.own ? this.own.fingerprint : (this.authority?.fingerprint ?? '')
  }

  /** @throws CertificateError; LoopbackOnlyError; Error with `code`, `address` and `port` when one of the command line cannot be opened */
  async start(
    app: FastifyInstance,
    fixed: readonly { host: string; port: number; tls: boolean }[],
    every: (ms: number, check: () => Promise<void>) => () => void,
  ): Promise<void> {
    const { options } = this
    if (options.ownFiles) this.own = await readCertificate(options.ownFiles)
    // A certificate that cannot be issued stops the start before a port is taken.
    else if (fixed.some(({ tls }) => tls)) this.shown = await this.issued()
    const wanted = fixed.map(({ host, port, tls }) => ({ address: host, port, tls, dialects: [] }))
    await this.listeners.start(app, wanted, await keptListeners(options.read))
    for (const listener of this.listeners.list()) this.warn(listener)
    this.stopChecking = every(CHECK_MS, () => this.renew())
  }

  async close(): Promise<void> {
    this.stopChecking?.()
    await this.listeners.close()
  }

  private async certificateFor({ source }: Wanted): Promise<ServerCertificate> {
    if (source === 'command-line' && this.own) return this.own
    this.shown = await this.issued()
    return this.shown
  }

  private issued(): Promise<ServerCertificate> {
    if (this.certificates instanceof CertificateError) throw this.certificates
    return this.certificates.server()
  }

  private async renew(): Promise<void> {
    if (this.shown === undefined || this.certificates instanceof CertificateError) return
    const before = this.shown
    this.shown = await this.certificates.server()
    if (this.shown === before) return
    await this.listeners.renew()
    const addresses = reachableAddresses(networkInterfaces()).map(({ address }) => address)
    this.options.log.info({ addresses }, 'the certificate of the listeners was issued anew')
  }

  private warn(listener: Wanted & { problem: string }): void {
    if (listener.tls || listener.problem || !isOnNetwork(listener)) return
    const { address, port } = listener
    this.options.log.warn(
      { address, port },
      'plain HTTP on the network: tokens and passwords can be read there; --tls opens an encrypted listener',
    )
  }
}
