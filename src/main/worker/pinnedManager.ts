/**
 * Trust in a manager that is called by https. One that an authority vouches for is believed. Of any other, the certificate that it
 * shows first is kept ("pinned") in the data folder, and from then on it has to show that one: who steps in between later, or takes
 * its address, learns neither the worker's secret nor a key, and gives it no tasks.
 */
import { join } from 'node:path'
import { TLSSocket } from 'node:tls'
import { Type } from 'typebox'
import { buildConnector } from 'undici'
import { CONNECT_TIMEOUT_MS } from './http.ts'
import { readJsonFile, writeJsonFile } from './jsonFile.ts'
import type { Logger } from './logger.ts'

const Pins = Type.Object({
  version: Type.Literal(1),
  pins: Type.Array(
    Type.Object({
      /** `https://host:port` */
      manager: Type.String(),
      /** SHA-256 of its certificate, hex with colons. */
      fingerprint: Type.String(),
    }),
  ),
})

/** The manager shows a certificate that this worker must not accept. */
export class CertificateRefusedError extends Error {
  override readonly name = 'CertificateRefusedError'
}

export interface ShownCertificate {
  fingerprint: string
  /** An authority that this machine trusts vouches for it, and it is for this name. */
  vouchedFor: boolean
}

/**
 * What to do about a certificate: go on, or keep it first. Pure.
 * @param expected the fingerprint that the owner named @param pinned the one that was kept @throws CertificateRefusedError
 */
export function judgeCertificate(
  { fingerprint, vouchedFor }: ShownCertificate,
  { expected, pinned }: { expected: string | undefined; pinned: string | undefined },
): 'trusted' | 'pin' {
  if (expected !== undefined) {
    if (fingerprint === expected) return vouchedFor || fingerprint === pinned ? 'trusted' : 'pin'
    throw new CertificateRefusedError(`the manager's certificate is ${fingerprint}, not ${expected} as --fingerprint says`)
  }
  if (vouchedFor || fingerprint === pinned) return 'trusted'
  if (pinned === undefined) return 'pin'
  throw new CertificateRefusedError(
    `the manager's certificate is ${fingerprint}, but it was ${pinned} when this worker met it first. If the manager got a new one, ` +
      `start the worker with --fingerprint and the new one's; if not, somebody stands in between`,
  )
}

export class PinnedManager {
  private refused: string | undefined

  private constructor(
    private readonly file: string,
    private readonly manager: string,
    private readonly expected: string | undefined,
    private pinned: string | undefined,
    private readonly log: Logger,
  ) {}

  /** @param url the manager's; only its origin counts @throws Error naming the file when it is damaged: nothing is trusted anew then */
  static async open(dataDir: string, url: URL, expected: string | undefined, log: Logger): Promise<PinnedManager> {
    const file = join(dataDir, 'manager-certificates.json')
    const kept = await readJsonFile(Pins, file)
    const pinned = kept?.pins.find(({ manager }) => manager === url.origin)?.fingerprint
    return new PinnedManager(file, url.origin, expected, pinned, log)
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
    if (!(socket instanceof TLSSocket)) throw new CertificateRefusedError('the manager shows no certificate')
    const certificate = socket.getPeerX509Certificate()
    if (certificate === undefined) throw new CertificateRefusedError('the manager shows no certificate')
    const shown = { fingerprint: certificate.fingerprint256, vouchedFor: socket.authorized }
    try {
      if (judgeCertificate(shown, { expected: this.expected, pinned: this.pinned }) === 'pin') await this.pin(shown.fingerprint)
      this.refused = undefined
    } catch (error) {
      // Tried again and again, told once.
      if (this.refused !== shown.fingerprint) this.log.error({ err: error, manager: this.manager }, 'the manager is not trusted')
      this.refused = shown.fingerprint
      throw error
    }
  }

  private async pin(fingerprint: string): Promise<void> {
    // At once: a second connection that is made meanwhile has to show the same one.
    this.pinned = fingerprint
    const kept = await readJsonFile(Pins, this.file)
    const others = (kept?.pins ?? []).filter(({ manager }) => manager !== this.manager)
    await writeJsonFile(this.file, { version: 1, pins: [...others, { manager: this.manager, fingerprint }] })
    if (this.expected !== undefined) return
    this.log.warn(
      { manager: this.manager, fingerprint },
      "no authority vouches for the manager's certificate: this worker keeps it and accepts no other from now on; compare it with what the manager says",
    )
  }
}
