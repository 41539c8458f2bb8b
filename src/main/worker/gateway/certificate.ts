/**
 * The gateway's certificate for all names below its domain: the owner's own files, or one with a key of the worker's own. It vouches for itself
 * until the farm's authority does, which a worker can ask once it is approved.
 */
import { createPublicKey, KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureDir } from '../../system/ensureDir.ts'
import { readIfThere, writeFileAtomic } from '../../system/wholeFiles.ts'

export interface GatewayCertificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
}

const VALID_DAYS = 3650
const SIGNING = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const MS_PER_DAY = 86_400_000

/** @param folder where a certificate of the worker's own lies; @param domain of the gateway's names. @throws Error for unreadable files */
export async function gatewayCertificate(
  folder: string,
  domain: string,
  files: { cert: string; key: string } | undefined,
  now: number,
): Promise<GatewayCertificate> {
  if (files !== undefined) {
    const [cert, key] = await Promise.all([readFile(files.cert, 'utf8'), readFile(files.key, 'utf8')])
    return { cert, key }
  }
  const [certFile, keyFile] = [join(folder, 'gateway-certificate.pem'), join(folder, 'gateway-key.pem')]
  const [cert, key] = [await readIfThere(certFile), await readIfThere(keyFile)]
  if (cert !== undefined && key !== undefined && fits(cert, domain)) return { cert, key }
  await ensureDir(folder, 0o700)
  const made = await make(domain, now)
  // The certificate last: when it exists, its key exists.
  await writeFileAtomic(keyFile, made.key, 0o600)
  await writeFileAtomic(certFile, made.cert, 0o644)
  return made
}

/** The public key, for the farm's authority. PEM. */
export const publicKeyOf = ({ key }: GatewayCertificate): string => createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()

/** Keeps a certificate that the farm's authority issued. */
export async function keepCertificate(folder: string, cert: string): Promise<void> {
  await writeFileAtomic(join(folder, 'gateway-certificate.pem'), cert, 0o644)
}

/** Whether it is one for names below this domain. */
function fits(cert: string, domain: string): boolean {
  try {
    return new X509Certificate(cert).checkHost(`x.${domain}`) !== undefined
  } catch {
    return false
  }
}

async function make(domain: string, now: number): Promise<GatewayCertificate> {
  // It takes a while to load, and is needed once in a worker's life.
  const x509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(webcrypto)
  const keys = await webcrypto.subtle.generateKey(SIGNING, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: `01${randomBytes(15).toString('hex')}`,
    name: 'CN=Framehouse gateway for containers',
    notBefore: new Date(now - MS_PER_DAY),
    notAfter: new Date(now + VALID_DAYS * MS_PER_DAY),
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: `*.${domain}` }]),
    ],
  })
  const key = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' })
  return { cert: `${certificate.toString('pem').trim()}\n`, key: key.toString() }
}
