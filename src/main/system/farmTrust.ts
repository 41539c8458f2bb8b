/**
 * How a farm proves by TLS that it is itself: its own certificate authority vouches for the server, and what callers remember is the
 * hash of that authority's key, whatever certificate and address the server has today.
 */
import { X509Certificate, createHash, verify } from 'node:crypto'
import type { DetailedPeerCertificate, TLSSocket } from 'node:tls'

/** What a server shows in its handshake. Fingerprints are SHA-256 in hex with colons. */
export interface ShownCertificate {
  /** Of the certificate itself. */
  fingerprint: string
  /** Of the public key of the authority that issued it, verified; undefined: it came without one, or one that did not issue it. */
  authority: string | undefined
  /** An authority that this machine trusts vouches for it, and it is for this name. */
  vouchedFor: boolean
}

/** A certificate that a farm showed before it had an authority, and its signature of the authority's key. */
export interface Endorsement {
  /** PEM. */
  certificate: string
  /** base64. */
  signature: string
}

const SERVER_AUTHENTICATION = '1.3.6.1.5.5.7.3.1'

/** SHA-256 of a certificate's public key (SPKI): what workers pin. */
export function keyFingerprint(certificate: X509Certificate): string {
  const key = certificate.publicKey.export({ type: 'spki', format: 'der' })
  return spaced(createHash('sha256').update(key).digest('hex'))
}

/** Hex digits of a fingerprint as Node writes them: capital, with colons. */
export function spaced(digits: string): string {
  return digits
    .replaceAll(':', '')
    .toUpperCase()
    .replace(/..(?=.)/g, '$&:')
}

/** What the server at the other end of a connection showed; undefined: nothing. @param now milliseconds since the epoch */
export function shownBy(socket: TLSSocket, now: number): ShownCertificate | undefined {
  const peer = socket.getPeerCertificate(true)
  if (!peer.raw) return undefined
  const own = new X509Certificate(peer.raw)
  return { fingerprint: own.fingerprint256, authority: authorityOf(own, issuerOf(peer), now), vouchedFor: socket.authorized }
}

/** The key fingerprint of `issuer` when it is an authority that issued this server's certificate, and both are valid now. */
export function authorityOf(own: X509Certificate, issuer: X509Certificate | undefined, now: number): string | undefined {
  if (issuer === undefined || !issuer.ca || own.ca || !isValid(own, now) || !isValid(issuer, now)) return undefined
  // Of the authority's certificates only servers' count. Node calls this list the key usage.
  if (!(own.keyUsage ?? []).includes(SERVER_AUTHENTICATION)) return undefined
  return own.checkIssued(issuer) && own.verify(issuer.publicKey) ? keyFingerprint(issuer) : undefined
}

/** What the key of an earlier certificate signs. */
export function endorsedText(authority: string): string {
  return `framehouse farm authority ${authority}`
}

/** Whether the farm that showed the certificate `pinned` says that `authority` is its own. Never throws. */
export function isEndorsed(endorsements: readonly Endorsement[], pinned: string, authority: string): boolean {
  return endorsements.some(({ certificate, signature }) => {
    try {
      const earlier = new X509Certificate(certificate)
      const text = Buffer.from(endorsedText(authority))
      return earlier.fingerprint256 === pinned && verify('sha256', text, earlier.publicKey, Buffer.from(signature, 'base64'))
    } catch {
      return false
    }
  })
}

function issuerOf(peer: DetailedPeerCertificate): X509Certificate | undefined {
  // Undefined where the server sent no more, the certificate itself where that is self-signed.
  const issuer: DetailedPeerCertificate | undefined = peer.issuerCertificate
  return issuer === undefined || issuer === peer ? undefined : new X509Certificate(issuer.raw)
}

function isValid(certificate: X509Certificate, now: number): boolean {
  return Date.parse(certificate.validFrom) <= now && now <= Date.parse(certificate.validTo)
}
