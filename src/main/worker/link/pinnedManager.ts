/**
 * Trust in a manager that is called by https. One that an authority of this machine vouches for is believed. Of any other, the farm's
 * authority that it shows first is kept ("pinned") in the data folder, and from then on it has to show that one: who steps in between
 * later, or takes its address, learns neither the worker's secret nor a key, and gives it no tasks. A manager with a certificate of
 * its owner's has no such authority: there the certificate itself is kept.
 */
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { buildConnector } from 'undici'
import { CONNECT_TIMEOUT_MS } from './http.ts'
import { readJsonFile, writeJsonFile } from '../data/jsonFile.ts'
import type { Logger } from '../../../shared/logger.ts'
import { FarmAuthority } from '../../../shared/schemas/agent.ts'
import { isEndorsed, shownBy, type ShownCertificate } from '../../system/farmTrust.ts'

const Pin = Type.Object({
  /** `https://host:port` */
  manager: Type.String(),
  /** SHA-256 of its certificate, hex with colons; missing where an authority is pinned. */
  fingerprint: Type.Optional(Type.String()),
  /** SHA-256 of the public key of the farm's authority. */
  authority: Type.Optional(Type.String()),
})
type Pin = Static<typeof Pin>
const Pins = Type.Object({ version: Type.Literal(1), pins: Type.Array(Pin) })

const FILE = 'manager-certificates.json'

/** The manager shows a certificate that this worker must not accept. */
export class CertificateRefusedError extends Error {
  override readonly name = 'CertificateRefusedError'
}

export interface Trust {
  /** The fingerprint that the owner, or a join code or file, named: of the authority's key, or of the certificate. */
  expected?: string | undefined
  pinned?: Omit<Pin, 'manager'> | undefined
  /** Authorities of farms that this worker knows, wherever it met them. */
  known?: readonly string[]
}

/**
 * What to do about a certificate: go on; keep it first; or ask whether what was pinned vouches for the authority of now. Pure.
 * @throws CertificateRefusedError
 */
export function judgeCertificate(shown: ShownCertificate, trust: Trust): 'trusted' | 'pin' | 'ask' {
  const { fingerprint, authority, vouchedFor } = shown
  const { expected, pinned } = trust
  const isPinned = pinned?.authority === undefined ? fingerprint === pinned?.fingerprint : authority === pinned.authority
  if (expected !== undefined) {
    if (fingerprint === expected || authority === expected) return isPinned || (vouchedFor && fingerprint === expected) ? 'trusted' : 'pin'
    throw new CertificateRefusedError(`the manager's certificate is ${nameOf(shown)}, not ${expected} as --fingerprint says`)
  }
  if (vouchedFor || isPinned) return 'trusted'
  if (pinned === undefined) return 'pin'
  if (pinned.authority === undefined && authority !== undefined) return 'ask'
  throw refusal(shown, pinned)
}

/** The authority that is pinned for each manager, by its origin. @throws Error naming the file when it is damaged */
export async function pinnedAuthorities(dataDir: string): Promise<Map<string, string>> {
  const pins = (await readJsonFile(Pins, join(dataDir, FILE)))?.pins ?? []
  return new Map(pins.flatMap(({ manager, authority }): [string, string][] => (authority === undefined ? [] : [[manager, authority]])))
}

export class PinnedManager {
  private refused: string | undefined

  private constructor(
    private readonly file: string,
    private readonly url: URL,
    private readonly trust: Trust,
    private readonly log: Logger,
  ) {}

  /**
   * @param url the manager's; only its origin counts
   * @param expected what the owner, a join code or a join file says
   * @throws Error naming the file when it is damaged: nothing is trusted anew then
   */
  static async open(dataDir: string, url: URL, { expected }: Trust, log: Logger): Promise<PinnedManager> {
    const file = join(dataDir, FILE)
    const pins = (await readJsonFile(Pins, file))?.pins ?? []
    const pinned = pins.find(({ manager }) => manager === url.origin)
    const known = pins.flatMap(({ authority }) => authority ?? [])
    return new PinnedManager(file, url, { expected, pinned, known }, log)
  }

  /** The authority that the manager proved to have, SHA-256 of its key; undefined: none was seen yet, or it has none. */
  get authority(): string | undefined {
    return this.trust.pinned?.authority
  }

  /** Makes connections to the manager; none is used before its certificate was judged. */
  connector(): buildConnector.connector {
    const connect = buildConnector({
      timeout: CONNECT_TIMEOUT_MS,
      // Judged below. Sessions that are taken up again show no certificate.
      rejectUnauthorized: false,
      maxCachedSessions: 0,
    })
    return (options, callback) => {
      connect(options, (...result) => {
        const [error, socket] = result
        if (error !== null) return callback(...result)
        this.admit(socket).then(
          () => callback(null, socket),
          (refusal: unknown) => {
            socket.destroy()
            callback(refusal instanceof Error ? refusal : new Error(String(refusal)), null)
          },
        )
      })
    }
  }

  private async admit(socket: unknown): Promise<void> {
    const shown = socket instanceof TLSSocket ? shownBy(socket, Date.now()) : undefined
    if (shown === undefined) throw new CertificateRefusedError('the manager shows no certificate')
    try {
      const verdict = judgeCertificate(shown, this.trust)
      if (verdict === 'ask' && !(await this.isEndorsed(shown))) throw refusal(shown, this.trust.pinned)
      if (verdict !== 'trusted') await this.pin(shown, verdict === 'ask')
      this.refused = undefined
    } catch (error) {
      // Retried again and again, logged once.
      if (this.refused !== shown.fingerprint) this.log.error({ err: error, manager: this.url.origin }, 'the manager is not trusted')
      this.refused = shown.fingerprint
      throw error
    }
  }

  /** Asks for the proof that the certificate which was pinned stands behind the authority of now. Nothing secret is sent. */
  private async isEndorsed({ authority }: ShownCertificate): Promise<boolean> {
    const pinned = this.trust.pinned?.fingerprint
    if (pinned === undefined || authority === undefined) return false
    const told = await fetchUnverified(new URL('/api/v1/agent/authority', this.url)).catch(() => undefined)
    return Value.Check(FarmAuthority, told) && isEndorsed(told.endorsements, pinned, authority)
  }

  private async pin({ fingerprint, authority }: ShownCertificate, isCarriedOver: boolean): Promise<void> {
    const pin = authority === undefined ? { fingerprint } : { authority }
    const isKnown = authority !== undefined && this.trust.known?.includes(authority)
    // Pin immediately: a second connection opened meanwhile must show the same farm.
    this.trust.pinned = pin
    const manager = this.url.origin
    const kept = await readJsonFile(Pins, this.file)
    const others = (kept?.pins ?? []).filter((other) => other.manager !== manager)
    await writeJsonFile(this.file, { version: 1, pins: [...others, { manager, ...pin }] })
    if (isCarriedOver)
      this.log.info({ manager, authority }, "the manager's earlier certificate vouches for the farm's authority, which is pinned now")
    if (isCarriedOver || isKnown || this.trust.expected !== undefined) return
    this.log.warn(
      { manager, fingerprint: authority ?? fingerprint },
      "no authority vouches for the manager's certificate: this worker keeps it and accepts no other from now on; compare it with what the manager says",
    )
  }
}

function nameOf({ fingerprint, authority }: ShownCertificate): string {
  return authority ?? fingerprint
}

function refusal(shown: ShownCertificate, pinned: Trust['pinned']): CertificateRefusedError {
  return new CertificateRefusedError(
    `the manager's certificate is ${nameOf(shown)}, but it was ${pinned?.authority ?? pinned?.fingerprint} when this worker met it first. ` +
      'If the manager got a new one, start the worker with --fingerprint and the new one; if not, the connection is being intercepted',
  )
}

const MAX_REPLY_CHARS = 100_000

/** A JSON document from a server that is not trusted yet. */
function fetchUnverified(url: URL): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { rejectUnauthorized: false, agent: false, timeout: CONNECT_TIMEOUT_MS }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
        if (text.length > MAX_REPLY_CHARS) request.destroy(new Error('the reply is too long'))
      })
      response.on('error', reject)
      response.on('end', () => {
        try {
          resolve(JSON.parse(text))
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
    })
    request.on('timeout', () => request.destroy(new Error('no reply')))
    request.on('error', reject)
    request.end()
  })
}
