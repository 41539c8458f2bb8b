/**
 * The certificate of the encrypted door: the owner's own files, or one that the manager makes once and keeps in `tls` in its
 * data folder. Nobody vouches for a made one: workers keep the certificate that they meet first, people compare fingerprints.
 */
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { makeFolders } from '../system/makeFolders.ts'
import { readIfThere, writeWhole } from '../system/wholeFiles.ts'

export interface ServerCertificate {
  /** PEM: the manager's own certificate, then those that lead to an authority, where there are any. */
  cert: string
  /** PEM. */
  key: string
  /** SHA-256 of the manager's own certificate: 32 bytes in hex, with colons. */
  fingerprint: string
}

export interface CertificateFiles {
  certFile: string
  keyFile: string
}

/** Why there can be no encrypted door; names the file. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
}

/** Workers keep the certificate itself, so it lives as long as a farm may. */
const VALID_YEARS = 10

/** The owner's own certificate. @throws CertificateError when a file cannot be read, or the key is another certificate's */
export async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<ServerCertificate> {
  const [cert, key] = await Promise.all([certFile, keyFile].map(readText))
  if (cert === undefined) throw new CertificateError(`${certFile} does not exist`)
  if (key === undefined) throw new CertificateError(`${keyFile} does not exist`)
  const own = parsed(certFile, () => new X509Certificate(cert))
  const privateKey = parsed(keyFile, () => createPrivateKey(key))
  if (!own.checkPrivateKey(privateKey)) throw new CertificateError(`${keyFile} is not the key of the certificate in ${certFile}`)
  return { cert, key, fingerprint: own.fingerprint256 }
}

/**
 * The certificate that is kept in `<dataDir>/tls/`, made when there is none.
 * @param names host names and addresses that stand in a new one
 * @param now milliseconds since the epoch
 * @throws CertificateError
 */
export async function ownCertificate(dataDir: string, names: Iterable<string>, now: number): Promise<ServerCertificate> {
  const folder = join(dataDir, 'tls')
  const files = { certFile: join(folder, 'certificate.pem'), keyFile: join(folder, 'key.pem') }
  if ((await readText(files.certFile)) !== undefined) return readCertificate(files)
  await makeFolders(folder, 0o700)
  const made = await makeCertificate(names, now)
  // The certificate last: where it is, its key is, and nobody has seen one that a crash cut off.
  await writeWhole(files.keyFile, made.key, 0o600)
  await writeWhole(files.certFile, made.cert, 0o644)
  return readCertificate(files)
}

async function makeCertificate(names: Iterable<string>, now: number): Promise<{ cert: string; key: string }> {
  // Loaded only here: it takes longer than the rest of a manager's start, and is needed once in a farm's life.
  const { generate } = await import('selfsigned')
  // Names that are no ASCII cannot stand in a certificate as they are.
  const known = [...new Set(['localhost', '127.0.0.1', '::1', ...names])].filter((name) => /^[\x21-\x7e]+$/.test(name))
  const until = new Date(now)
  until.setUTCFullYear(until.getUTCFullYear() + VALID_YEARS)
  const { cert, private: key } = await generate([{ name: 'commonName', value: 'Framehouse manager' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    // Clocks of a studio's machines differ.
    notBeforeDate: new Date(now - 86_400_000),
    notAfterDate: until,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: known.map((name) => (isIP(name) ? { type: 7, ip: name } : { type: 2, value: name })) },
    ],
  })
  return { cert, key }
}

/** Undefined when there is no such file. @throws CertificateError when it cannot be read */
function readText(file: string): Promise<string | undefined> {
  return readIfThere(file).catch((error: unknown) => {
    throw new CertificateError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  })
}

function parsed<T>(file: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new CertificateError(`${file} holds no usable PEM: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
