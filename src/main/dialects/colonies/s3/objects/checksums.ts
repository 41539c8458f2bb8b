/** Checks that a client sends beside a body: in a header, or after the body in a trailer. Pure. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Crc32c, Crc64Nvme, joinCrcs } from '../../../../files/content/crc.ts'
import type { DigestName, DigestValues } from '../../../../files/content/digests.ts'
import { S3Error } from '../wire/errors.ts'
import type { Checksum } from '../store/objects.ts'

/** Bytes of each, by its name in `x-amz-checksum-…`. */
const BYTES = { crc32: 4, crc32c: 4, crc64nvme: 8, sha1: 20, sha256: 32 } as const
export type ChecksumName = keyof typeof BYTES
const PREFIX = 'x-amz-checksum-'
const APART = new Set(['algorithm', 'mode', 'type'])

export interface Announced {
  /** Undefined: the client sends none. */
  readonly algorithm: ChecksumName | undefined
  /** Base64; undefined: it comes in the trailer. */
  readonly value: string | undefined
  /** Base64 of `Content-MD5`. */
  readonly md5: string | undefined
}

export function isChecksumName(text: string): text is ChecksumName {
  return Object.hasOwn(BYTES, text)
}

/** @throws S3Error InvalidRequest, InvalidDigest */
export function readAnnounced(headers: ReadonlyMap<string, string>): Announced {
  const md5 = headers.get('content-md5')
  if (md5 !== undefined && !isBase64Of(md5, 16)) throw new S3Error('InvalidDigest', 'The Content-MD5 you specified was invalid')
  const named = [...headers].filter(([name]) => name.startsWith(PREFIX) && !APART.has(name.slice(PREFIX.length)))
  const trailing = (headers.get('x-amz-trailer') ?? '')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name.startsWith(PREFIX))
  if (named.length + trailing.length > 1)
    throw new S3Error('InvalidRequest', 'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.')
  const [header] = named
  const algorithm = (header?.[0] ?? trailing[0])?.slice(PREFIX.length)
  if (algorithm === undefined) return { algorithm, value: undefined, md5 }
  if (!isChecksumName(algorithm)) throw new S3Error('InvalidRequest', `The algorithm ${algorithm} is not supported`)
  if (header && !isBase64Of(header[1], BYTES[algorithm])) throw new S3Error('InvalidRequest', `Value for ${header[0]} header is invalid.`)
  return { algorithm, value: header?.[1], md5 }
}

/** What has to be computed while the body comes. */
export function digestsFor({ algorithm }: Announced): DigestName[] {
  return algorithm === undefined || algorithm === 'sha256' ? ['md5'] : ['md5', algorithm]
}

/** @param trailers those of the body @returns the check to keep @throws S3Error BadDigest, InvalidRequest */
export function checkAnnounced(announced: Announced, values: DigestValues, trailers: ReadonlyMap<string, string>): Checksum | undefined {
  const base64 = (name: DigestName): string => Buffer.from(values[name] ?? '', 'hex').toString('base64')
  if (announced.md5 !== undefined && announced.md5 !== base64('md5')) {
    throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.')
  }
  const { algorithm } = announced
  if (algorithm === undefined) return undefined
  const value = announced.value ?? trailers.get(PREFIX + algorithm)
  if (value === undefined || !isBase64Of(value, BYTES[algorithm])) {
    throw new S3Error('InvalidRequest', `The value of the trailer ${PREFIX}${algorithm} is missing or invalid.`)
  }
  if (value !== base64(algorithm))
    throw new S3Error('BadDigest', `The ${algorithm.toUpperCase()} you specified did not match the calculated checksum.`)
  return { algorithm, value, type: 'FULL_OBJECT' }
}

/** The check of an object from those of its parts; undefined: one of them has none. */
export function joinChecksums(
  algorithm: ChecksumName,
  type: Checksum['type'],
  parts: readonly { checksum: string | null; bytes: number }[],
): Checksum | undefined {
  const values = parts.map(({ checksum }) => Buffer.from(checksum ?? '', 'base64'))
  if (values.some((value) => value.length !== BYTES[algorithm])) return undefined
  if (type === 'COMPOSITE') {
    return { algorithm, type, value: `${digest(algorithm, Buffer.concat(values)).toString('base64')}-${parts.length}` }
  }
  if (algorithm === 'sha1' || algorithm === 'sha256') return undefined
  const [first, ...rest] = values
  if (!first) return undefined
  const joined = rest.reduce<Buffer>((sum, value, at) => joinCrcs(algorithm, sum, value, parts[at + 1]?.bytes ?? 0), first)
  return { algorithm, type, value: joined.toString('base64') }
}

/** Of little, at once. */
export function digest(algorithm: ChecksumName, bytes: Buffer): Buffer {
  if (algorithm === 'sha1' || algorithm === 'sha256') return createHash(algorithm).update(bytes).digest()
  if (algorithm === 'crc32') {
    const out = Buffer.alloc(4)
    out.writeUInt32BE(crc32(bytes))
    return out
  }
  const crc = algorithm === 'crc32c' ? new Crc32c() : new Crc64Nvme()
  crc.update(bytes)
  return crc.digest()
}

function isBase64Of(text: string, bytes: number): boolean {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && Buffer.from(text, 'base64').length === bytes
}
