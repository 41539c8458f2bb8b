/** The certificate that a TLS listener presents: of the farm's own authority (farmCertificates.ts), or the owner's files. */
import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readIfThere } from '../../system/wholeFiles.ts'

export interface ServerCertificate {
  /** PEM: the manager's own certificate, then those above it. */
  cert: string
  /** PEM. */
  key: string
  /**
   * What workers expect (`--fingerprint`), 32 bytes in hex with colons: the SHA-256 of the authority's public key, or
   * of the owner's certificate.
   */
  fingerprint: string
  /** From the farm's authority; false: the owner's. */
  ofFarm: boolean
}

export interface CertificateFiles {
  certFile: string
  keyFile: string
}

/** Why a TLS listener cannot start; names the file. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
}

/** The owner's own certificate. @throws CertificateError when a file is unreadable, or the key does not match the certificate */
export async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<ServerCertificate> {
  const [cert, key] = await Promise.all([certFile, keyFile].map(readText))
  if (cert === undefined) throw new CertificateError(`${certFile} does not exist`)
  if (key === undefined) throw new CertificateError(`${keyFile} does not exist`)
  const own = parsed(certFile, () => new X509Certificate(cert))
  const privateKey = parsed(keyFile, () => createPrivateKey(key))
  if (!own.checkPrivateKey(privateKey)) throw new CertificateError(`${keyFile} is not the key of the certificate in ${certFile}`)
  return { cert, key, fingerprint: own.fingerprint256, ofFarm: false }
}

/** Undefined when the file does not exist. @throws CertificateError when it is unreadable */
export function readText(file: string): Promise<string | undefined> {
  return readIfThere(file).catch((error: unknown) => {
    throw new CertificateError(`cannot read ${file}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  })
}

/** @throws CertificateError naming the file when it holds something else */
export function parsed<T>(file: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new CertificateError(`${file} contains no usable PEM: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
}
