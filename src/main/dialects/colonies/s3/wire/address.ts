/** Bucket and key of a request, from its path or, for names that a setting lists, from its host. Pure. */
import { hostName } from '../../../../security/hosts.ts'
import { S3Error } from './errors.ts'

export const LONGEST_KEY_BYTES = 1_024

export interface Address {
  /** Empty: the service itself. */
  readonly bucket: string
  /** Empty: the bucket itself. */
  readonly key: string
  /** The path as it was signed: decoded once and encoded anew. */
  readonly canonicalPath: string
  readonly query: readonly Parameter[]
}

export type Parameter = readonly [name: string, value: string]

/** @param hosts names whose subdomains are buckets @throws S3Error InvalidURI, KeyTooLongError */
export function readAddress(url: string, host: string, hosts: readonly string[]): Address {
  const [path = '', ...rest] = url.split('?')
  // Proxies may send the whole address.
  const local = path.replace(/^https?:\/\/[^/]*/i, '')
  const decoded = decode(local.startsWith('/') ? local : `/${local}`)
  const inHost = bucketInHost(host, hosts)
  const cut = decoded.indexOf('/', 1)
  const bucket = inHost ?? (cut < 0 ? decoded.slice(1) : decoded.slice(1, cut))
  const key = inHost === undefined ? (cut < 0 ? '' : decoded.slice(cut + 1)) : decoded.slice(1)
  if (Buffer.byteLength(key) > LONGEST_KEY_BYTES) throw new S3Error('KeyTooLongError', 'Your key is too long')
  return { bucket, key, canonicalPath: decoded.split('/').map(encodeStrictly).join('/'), query: readQuery(rest.join('?')) }
}

/** The value of a parameter; undefined: there is none. */
export function parameter(query: readonly Parameter[], name: string): string | undefined {
  return query.find(([each]) => each === name)?.[1]
}

function bucketInHost(host: string, hosts: readonly string[]): string | undefined {
  const name = hostName(host) ?? ''
  for (const base of hosts) {
    if (name.endsWith(`.${base}`) && name.length > base.length + 1) return name.slice(0, -base.length - 1)
  }
  return undefined
}

function readQuery(text: string): Parameter[] {
  if (text === '') return []
  return text
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const cut = part.indexOf('=')
      const [name, value] = cut < 0 ? [part, ''] : [part.slice(0, cut), part.slice(cut + 1)]
      return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))] as const
    })
}

/** @throws S3Error InvalidURI for what is no UTF-8 */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new S3Error('InvalidURI', "Couldn't parse the specified URI")
  }
}

/** Percent-encodes all but letters, digits and `-._~`, as signatures want it. */
export function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

/** As listings with `encoding-type=url` have keys. */
export function encodeKey(key: string): string {
  return key.split('/').map(encodeStrictly).join('/')
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

/** @throws S3Error InvalidBucketName */
export function checkBucketName(name: string): void {
  if (!BUCKET.test(name) || name.includes('..') || /^\d+\.\d+\.\d+\.\d+$/.test(name)) {
    throw new S3Error('InvalidBucketName', 'The specified bucket is not valid')
  }
}
