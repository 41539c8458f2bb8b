/** Makes X.509 certificates: the authority's own, and those of servers that it vouches for. All keys are ECDSA P-256. */
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type { NameConstraint } from './farmNames.ts'

export interface IssuedPair {
  /** PEM. */
  cert: string
  /** PEM (PKCS #8). */
  key: string
}

const DAY_MS = 86_400_000
/** Allows for clock differences between a studio's machines. */
const BACKDATED_MS = DAY_MS
const AUTHORITY_YEARS = 20
/** Browsers refuse certificates that are valid for longer than 398 days. */
const SERVER_DAYS = 397
const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const NAME_CONSTRAINTS = '2.5.29.30'

/** The farm's authority. @param farmId shown in its name, which distinguishes the authorities of two farms @param now epoch ms */
export async function issueAuthority(farmId: string, constraint: NameConstraint, now: number): Promise<IssuedPair> {
  const { x509, asn1 } = await library()
  const keys = await newKeys()
  const until = new Date(now)
  until.setUTCFullYear(until.getUTCFullYear() + AUTHORITY_YEARS)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=Framehouse farm ${farmId}`,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: until,
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      new x509.Extension(NAME_CONSTRAINTS, true, asn1.nameConstraints(constraint)),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
    ],
  })
  return { cert: `${certificate.toString('pem').trim()}\n`, key: await privatePem(keys.privateKey) }
}

/** A server's certificate. @param names host names and addresses, all within the authority's constraint */
export async function issueServer(authority: IssuedPair, names: readonly string[], now: number): Promise<IssuedPair> {
  await library()
  const keys = await newKeys()
  const cert = await issueFor(authority, { subject: 'CN=Framehouse manager', names, publicKey: keys.publicKey }, now)
  return { cert, key: await privatePem(keys.privateKey) }
}

/** A certificate for a server that keeps its key to itself. @param publicKey PEM (SPKI), ECDSA P-256 @throws Error for another one */
export async function issueForKey(
  authority: IssuedPair,
  { subject, names, publicKey }: { subject: string; names: readonly string[]; publicKey: string },
  now: number,
): Promise<string> {
  await library()
  const key = await webcrypto.subtle.importKey('spki', pemBytes(publicKey), SIGNING, true, ['verify'])
  return issueFor(authority, { subject, names, publicKey: key }, now)
}

async function issueFor(
  authority: IssuedPair,
  { subject, names, publicKey }: { subject: string; names: readonly string[]; publicKey: webcrypto.CryptoKey },
  now: number,
): Promise<string> {
  const { x509 } = await library()
  const issuer = new x509.X509Certificate(authority.cert)
  const signingKey = await webcrypto.subtle.importKey('pkcs8', pemBytes(authority.key), SIGNING, false, ['sign'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject,
    issuer: issuer.subject,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(now - BACKDATED_MS + SERVER_DAYS * DAY_MS),
    signingAlgorithm: SIGNING,
    publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
    ],
  })
  return `${certificate.toString('pem').trim()}\n`
}

/** Loaded only here: it takes longer than the rest of the manager's start, and a farm rarely needs a certificate. */
async function library() {
  const [x509, { AsnConvert }, asn1] = await Promise.all([
    import('@peculiar/x509'),
    import('@peculiar/asn1-schema'),
    import('@peculiar/asn1-x509'),
  ])
  x509.cryptoProvider.set(webcrypto)
  const nameConstraints = ({ dns, ranges }: NameConstraint): ArrayBuffer => {
    const names = [...dns.map((dNSName) => ({ dNSName })), ...ranges.map((iPAddress) => ({ iPAddress }))]
    const subtrees = names.map((name) => new asn1.GeneralSubtree({ base: new asn1.GeneralName(name) }))
    return AsnConvert.serialize(new asn1.NameConstraints({ permittedSubtrees: new asn1.GeneralSubtrees(subtrees) }))
  }
  return { x509, asn1: { nameConstraints } }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify'])
}

/** Positive, and without a leading zero byte, as the standard wants it. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const text = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${text.replace(/.{64}(?=.)/g, '$&\n')}\n-----END PRIVATE KEY-----\n`
}

function pemBytes(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
}
