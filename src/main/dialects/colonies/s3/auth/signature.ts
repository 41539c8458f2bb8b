/** Signature V4 of a request, in its header or in a presigned address. Pure: the clock and the secret are given. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { encodeStrictly, parameter, type Address, type Parameter } from '../wire/address.ts'
import { S3Error } from '../wire/errors.ts'

/** How far a client's clock may be off. */
const SKEW_MS = 900_000
const LONGEST_EXPIRY_S = 604_800
const ALGORITHM = 'AWS4-HMAC-SHA256'

/** What a signature is about. */
export interface SignedRequest {
  readonly method: string
  readonly address: Address
  /** By lower-case name; several of one name joined by commas. */
  readonly headers: ReadonlyMap<string, string>
}

/** What a request says about its signature, before the secret is known. */
export interface Claim {
  readonly accessKey: string
  /** `20261201T120000Z` */
  readonly date: string
  /** `20261201/region/s3/aws4_request` */
  readonly scope: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  /** What was signed in place of the body's hash: a hash, or a word. */
  readonly payload: string
  readonly isPresigned: boolean
}

/** What chunks of a signed stream are signed with. */
export interface SigningContext {
  readonly key: Buffer
  readonly date: string
  readonly scope: string
  /** The signature before the first chunk. */
  readonly seed: string
}

/** @throws S3Error: none, malformed, too old or from the future */
export function readClaim({ headers, address }: SignedRequest, now: number): Claim {
  const { query } = address
  const header = headers.get('authorization')
  if (parameter(query, 'X-Amz-Algorithm') !== undefined || parameter(query, 'X-Amz-Signature') !== undefined) {
    if (header !== undefined) throw new S3Error('InvalidArgument', 'Only one auth mechanism allowed')
    return presignedClaim(query, headers, now)
  }
  if (header === undefined) throw new S3Error('AccessDenied', 'Access Denied: the request is not signed')
  return headerClaim(header, headers, now)
}

function headerClaim(header: string, headers: ReadonlyMap<string, string>, now: number): Claim {
  if (!header.startsWith(`${ALGORITHM} `)) {
    throw new S3Error('InvalidRequest', `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`)
  }
  const parts = new Map(
    header
      .slice(ALGORITHM.length)
      .split(',')
      .map((part) => {
        const [name = '', ...value] = part.trim().split('=')
        return [name, value.join('=')]
      }),
  )
  const malformed = (what: string): S3Error => new S3Error('AuthorizationHeaderMalformed', `The authorization header is malformed; ${what}`)
  const { accessKey, scope, day } = readCredential(parts.get('Credential') ?? '', malformed)
  const date = dateOf(headers)
  if (!date.startsWith(day)) throw malformed('the date of its credential is not that of the request')
  const skew = Math.abs(timeOf(date) - now)
  if (!(skew <= SKEW_MS)) {
    throw new S3Error('RequestTimeTooSkewed', "The difference between the request time and the server's time is too large")
  }
  const payload = headers.get('x-amz-content-sha256')
  if (payload === undefined) throw new S3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256')
  const signature = parts.get('Signature') ?? ''
  const signedHeaders = (parts.get('SignedHeaders') ?? '').split(';').filter(Boolean)
  if (signature === '') throw malformed('it has no Signature')
  return { accessKey, date, scope, signedHeaders, signature, payload, isPresigned: false }
}

function presignedClaim(query: readonly Parameter[], headers: ReadonlyMap<string, string>, now: number): Claim {
  const wrong = (what: string): S3Error => new S3Error('AuthorizationQueryParametersError', what)
  const value = (name: string): string => {
    const found = parameter(query, name)
    if (found === undefined)
      throw wrong(
        'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
      )
    return found
  }
  if (value('X-Amz-Algorithm') !== ALGORITHM) throw wrong(`X-Amz-Algorithm only supports "${ALGORITHM}"`)
  const { accessKey, scope, day } = readCredential(value('X-Amz-Credential'), (what) => wrong(`X-Amz-Credential: ${what}`))
  const date = value('X-Amz-Date')
  const expires = value('X-Amz-Expires')
  if (!/^\d{1,9}$/.test(expires) || Number(expires) < 1 || Number(expires) > LONGEST_EXPIRY_S) {
    throw wrong('X-Amz-Expires must be between 1 and 604800 seconds')
  }
  const made = timeOf(date)
  if (Number.isNaN(made) || !date.startsWith(day)) throw wrong("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
  if (made - now > SKEW_MS) throw new S3Error('AccessDenied', 'Request is not valid yet')
  if (now > made + Number(expires) * 1_000) throw new S3Error('AccessDenied', 'Request has expired')
  const signedHeaders = value('X-Amz-SignedHeaders').split(';').filter(Boolean)
  const hash = signedHeaders.includes('x-amz-content-sha256') ? headers.get('x-amz-content-sha256') : undefined
  const payload = hash ?? parameter(query, 'X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD'
  return { accessKey, date, scope, signedHeaders, signature: value('X-Amz-Signature'), payload, isPresigned: true }
}

function readCredential(text: string, malformed: (what: string) => S3Error): { accessKey: string; scope: string; day: string } {
  const parts = text.split('/')
  // The region may be empty: pycolonies signs so when its environment names none.
  const [day = '', , service, end] = parts.slice(-4)
  if (parts.length !== 5 || !/^\d{8}$/.test(day) || end !== 'aws4_request') {
    throw malformed('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".')
  }
  if (service !== 's3') throw malformed(`incorrect service "${service}". This endpoint belongs to "s3".`)
  return { accessKey: parts[0] ?? '', scope: parts.slice(1).join('/'), day }
}

function dateOf(headers: ReadonlyMap<string, string>): string {
  const own = headers.get('x-amz-date')
  if (own !== undefined && !Number.isNaN(timeOf(own))) return own
  const time = Date.parse(headers.get('date') ?? '')
  if (own !== undefined || Number.isNaN(time)) {
    throw new S3Error('AccessDenied', 'AWS authentication requires a valid Date or x-amz-date header')
  }
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, '')
}

/** Milliseconds of `20261201T120000Z`; NaN when it is no such text. */
function timeOf(text: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? []
  return year === undefined ? Number.NaN : Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
}

/** @returns what chunks are signed with @throws S3Error SignatureDoesNotMatch; AccessDenied for headers that must be signed and are not */
export function verify(request: SignedRequest, claim: Claim, secret: string): SigningContext {
  assertSigned(request, claim)
  const key = signingKey(secret, claim.scope)
  const canonical = canonicalRequest(request, claim)
  const text = [ALGORITHM, claim.date, claim.scope, sha256(canonical)].join('\n')
  if (!isSame(hmac(key, text).toString('hex'), claim.signature)) {
    throw new S3Error(
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
    )
  }
  return { key, date: claim.date, scope: claim.scope, seed: claim.signature }
}

/** What is not signed could have been added by another program. */
function assertSigned({ headers }: SignedRequest, { signedHeaders }: Claim): void {
  const signed = new Set(signedHeaders)
  const missing = [...headers.keys()].filter((name) => !signed.has(name) && (name === 'host' || name.startsWith('x-amz-')))
  // Clients that presign leave the hash of the body to the client that sends it.
  const unsigned = missing.filter((name) => name !== 'x-amz-content-sha256')
  if (unsigned.length > 0)
    throw new S3Error('AccessDenied', `There were headers present in the request which were not signed: ${unsigned.join(', ')}`)
}

export function canonicalRequest(
  { method, address, headers }: SignedRequest,
  { signedHeaders, payload }: Pick<Claim, 'signedHeaders' | 'payload'>,
): string {
  const query = address.query
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encodeStrictly(name), encodeStrictly(value)] as const)
    .toSorted(([a, av], [b, bv]) => compare(a, b) || compare(av, bv))
    .map(([name, value]) => `${name}=${value}`)
    .join('&')
  const lines = signedHeaders.map((name) => `${name}:${(headers.get(name) ?? '').trim().replace(/ +/g, ' ')}\n`).join('')
  return [method, address.canonicalPath, query, lines, signedHeaders.join(';'), payload].join('\n')
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export function signingKey(secret: string, scope: string): Buffer {
  return scope.split('/').reduce<Buffer>((key, part) => hmac(key, part), Buffer.from(`AWS4${secret}`))
}

/** The signature of a chunk, or of the trailer, that follows another one. */
export function nextSignature({ key, date, scope }: SigningContext, previous: string, sha: string, isTrailer = false): string {
  const hashes = isTrailer ? [sha] : [sha256(''), sha]
  return hmac(key, [`${ALGORITHM}-${isTrailer ? 'TRAILER' : 'PAYLOAD'}`, date, scope, previous, ...hashes].join('\n')).toString('hex')
}

export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
export const sha256 = (text: string | Uint8Array): string => createHash('sha256').update(text).digest('hex')
