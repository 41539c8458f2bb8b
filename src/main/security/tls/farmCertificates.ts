/**
 * The farm's own certificate authority and the server certificate that it issues. The authority is made once, in
 * `<data>/tls/authority/`, its key encrypted (secretBox.ts). Workers pin its key, so the server's certificate may change at any time:
 * it is issued anew when the machine's names or addresses change, and well before it ends.
 */
import { X509Certificate, createPrivateKey, sign } from 'node:crypto'
import { join } from 'node:path'
import { Type, type Static, type TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { endorsedText, keyFingerprint, type Endorsement } from '../../system/farmTrust.ts'
import { ensureDir } from '../../system/ensureDir.ts'
import { writeFileAtomic } from '../../system/wholeFiles.ts'
import type { SecretBox } from '../secretBox.ts'
import { CertificateError, parsed, readText, type ServerCertificate } from './certificate.ts'
import { certifiableNames, constraintFor, GATEWAY_DOMAIN, isGatewayDomain, type NameConstraint } from './farmNames.ts'
import { issueAuthority, issueForKey, issueServer, type IssuedPair } from './issue.ts'

export interface FarmCertificatesOptions {
  dataDir: string
  farmId: string
  secrets: Pick<SecretBox, 'seal' | 'unseal'>
  /** Host names and addresses of this machine as they are now, and names that the owner added. */
  names(): Iterable<string>
  now(): number
}

/** Below the data folder; part of a backup. */
export const AUTHORITY_FOLDER = join('tls', 'authority')
const DAY_MS = 86_400_000
/** A third of its life is left for whatever keeps a manager from renewing it. */
const RENEW_BEFORE_MS = 130 * DAY_MS

const Endorsements = Type.Array(Type.Object({ certificate: Type.String(), signature: Type.String() }))

export class FarmCertificates {
  private current: { certificate: ServerCertificate; names: string; renewAt: number } | undefined
  private issuing: Promise<ServerCertificate> | undefined

  private constructor(
    private readonly options: FarmCertificatesOptions,
    private readonly folder: string,
    private readonly authority: IssuedPair,
    private readonly constraint: NameConstraint,
    /** SHA-256 of the authority's public key, hex with colons. */
    readonly fingerprint: string,
    /** Of the certificate that the manager showed before it had an authority: workers that pinned that one go on to trust this farm. */
    readonly endorsements: readonly Endorsement[],
  ) {}

  /** Reads the authority of this data folder, or makes one. @throws CertificateError naming the file */
  static async open(options: FarmCertificatesOptions): Promise<FarmCertificates> {
    const folder = join(options.dataDir, AUTHORITY_FOLDER)
    const files = filesIn(folder)
    if ((await readText(files.cert)) === undefined) await makeAuthority(options, folder)
    const authority = await readAuthority(options, folder)
    const certificate = parsed(files.cert, () => new X509Certificate(authority.cert))
    if (!certificate.checkPrivateKey(parsed(files.key, () => createPrivateKey(authority.key)))) {
      throw new CertificateError(`${files.key} is not the key of the certificate in ${files.cert}`)
    }
    const constraint = await readJson(files.constraint, Type.Object({ dns: Type.Array(Type.String()), ranges: Type.Array(Type.String()) }))
    const endorsements = await readJson(files.endorsements, Endorsements)
    const fingerprint = keyFingerprint(certificate)
    return new FarmCertificates(options, folder, authority, constraint ?? constraintFor([]), fingerprint, endorsements ?? [])
  }

  /** PEM of the authority, for browsers and programs that are to trust it. */
  get authorityPem(): string {
    return this.authority.cert
  }

  /** The certificate for the names and addresses of now: the last one while it fits, else a new one. @throws CertificateError */
  server(): Promise<ServerCertificate> {
    this.issuing ??= this.fitting().finally(() => (this.issuing = undefined))
    return this.issuing
  }

  /**
   * A certificate for the gateway of a worker (`*.domain`), with the authority's. @param publicKey PEM
   * @throws CertificateError for a domain that is no gateway's: a worker may not pass for another server of the farm
   */
  async gateway(domain: string, publicKey: string): Promise<string> {
    if (!isGatewayDomain(domain)) throw new CertificateError(`${domain} is not below ${GATEWAY_DOMAIN}`)
    const { authority, options } = this
    const about = { subject: 'CN=Framehouse gateway for containers', names: [`*.${domain}`], publicKey }
    const cert = await issueForKey(authority, about, options.now()).catch(() => {
      throw new CertificateError('the public key is no ECDSA key of the curve P-256')
    })
    return `${cert.trim()}\n${authority.cert.trim()}\n`
  }

  private async fitting(): Promise<ServerCertificate> {
    const { options, constraint } = this
    const names = certifiableNames(options.names(), constraint)
    const now = options.now()
    this.current ??= await this.kept()
    // Sorted: the order in which a machine lists its addresses changes.
    const wanted = [...names].sort().join(' ')
    const { current } = this
    if (current?.names === wanted && now < current.renewAt) return current.certificate
    const issued = await issueServer(this.authority, names, now)
    await this.keep(issued)
    this.current = this.shown(issued)
    return this.current.certificate
  }

  private shown({ cert, key }: IssuedPair) {
    const certificate = new X509Certificate(cert)
    const names = (certificate.subjectAltName ?? '').split(', ').map((name) => plainAddress(name.slice(name.indexOf(':') + 1)))
    return {
      certificate: { cert: `${cert.trim()}\n${this.authority.cert.trim()}\n`, key, fingerprint: this.fingerprint, ofFarm: true },
      names: names.sort().join(' '),
      renewAt: Date.parse(certificate.validTo) - RENEW_BEFORE_MS,
    }
  }

  /** The last certificate that was issued; undefined when there is none, or it is not usable: then a new one is issued. */
  private async kept() {
    const files = filesIn(this.folder)
    const [cert, sealed] = await Promise.all([readText(files.serverCert), readText(files.serverKey)])
    const key = sealed === undefined ? undefined : this.options.secrets.unseal(sealed.trim())
    if (!cert || !key) return undefined
    try {
      const [mine, authority] = [new X509Certificate(cert), new X509Certificate(this.authority.cert)]
      return mine.verify(authority.publicKey) && mine.checkPrivateKey(createPrivateKey(key)) ? this.shown({ cert, key }) : undefined
    } catch {
      return undefined
    }
  }

  private async keep({ cert, key }: IssuedPair): Promise<void> {
    const files = filesIn(this.folder)
    await writeFileAtomic(files.serverKey, this.options.secrets.seal(key), 0o600)
    await writeFileAtomic(files.serverCert, cert, 0o644)
  }
}

function filesIn(folder: string) {
  const file = (name: string) => join(folder, name)
  return {
    cert: file('certificate.pem'),
    key: file('key.sealed'),
    constraint: file('names.json'),
    endorsements: file('endorsements.json'),
    serverCert: file('server.pem'),
    serverKey: file('server-key.sealed'),
  }
}

async function makeAuthority(options: FarmCertificatesOptions, folder: string): Promise<void> {
  const files = filesIn(folder)
  const constraint = constraintFor(options.names())
  const made = await issueAuthority(options.farmId, constraint, options.now())
  await ensureDir(folder, 0o700)
  await writeFileAtomic(files.constraint, JSON.stringify(constraint), 0o600)
  await writeFileAtomic(files.endorsements, JSON.stringify(await endorsementsFor(options.dataDir, made)), 0o600)
  await writeFileAtomic(files.key, options.secrets.seal(made.key), 0o600)
  // The certificate last: when it exists, so does the rest, and no client has seen one that a crash cut off.
  await writeFileAtomic(files.cert, made.cert, 0o644)
}

/** Signed by the self-signed certificate that managers made before farms had an authority. */
async function endorsementsFor(dataDir: string, { cert }: IssuedPair): Promise<Endorsement[]> {
  const [before, key] = await Promise.all(['certificate.pem', 'key.pem'].map((name) => readText(join(dataDir, 'tls', name))))
  if (before === undefined || key === undefined) return []
  const text = endorsedText(keyFingerprint(new X509Certificate(cert)))
  try {
    return [{ certificate: before, signature: sign('sha256', Buffer.from(text), createPrivateKey(key)).toString('base64') }]
  } catch {
    // No worker can have pinned a certificate whose key was unusable.
    return []
  }
}

async function readAuthority({ secrets }: FarmCertificatesOptions, folder: string): Promise<IssuedPair> {
  const files = filesIn(folder)
  const [cert, sealed] = await Promise.all([readText(files.cert), readText(files.key)])
  if (cert === undefined) throw new CertificateError(`${files.cert} does not exist`)
  if (sealed === undefined) throw new CertificateError(`${files.key} does not exist`)
  const key = secrets.unseal(sealed.trim())
  if (!key) {
    throw new CertificateError(
      `${files.key} cannot be read with this data folder's secret.key. Put the farm's own secret.key back; or remove the folder ${folder} ` +
        'to begin with a new authority, which every worker must then receive as its --fingerprint',
    )
  }
  return { cert, key }
}

async function readJson<T extends TSchema>(file: string, schema: T): Promise<Static<T> | undefined> {
  const text = await readText(file)
  if (text === undefined) return undefined
  const value: unknown = parsed(file, () => JSON.parse(text) as unknown)
  if (!Value.Check(schema, value)) throw new CertificateError(`${file} is damaged`)
  return value
}

/** Node writes IPv6 addresses of certificates in full. */
function plainAddress(name: string): string {
  if (!/^([0-9A-F]{1,4}:){7}[0-9A-F]{1,4}$/i.test(name)) return name
  return new URL(`http://[${name}]/`).hostname.slice(1, -1)
}
