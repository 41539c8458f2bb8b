/**
 * Assertions of a gateway: `X-JWT-Assertion-TENANT` holds a JSON Web Token that the gateway signed with its key, and
 * names a user and roles. RS256 only, also under the name that WSO2's gateway gives it.
 */
import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

export interface Assertion {
  tenant: string
  user: string
  roles: string[]
}

export interface AssertionRules {
  /** PEM; empty: there is no gateway. */
  key: string
  /** Tokens without a signature count. */
  unsigned: boolean
  /** Milliseconds since the epoch. */
  now: number
}

const PREFIX = 'x-jwt-assertion-'
const ALGORITHMS: readonly unknown[] = ['RS256', 'SHA256withRSA']
const USER_CLAIM = 'http://wso2.org/claims/enduser'
const ROLE_CLAIM = 'http://wso2.org/claims/role'
const MAX_CHARS = 16_384
const LEEWAY_MS = 60_000

/** The header with an assertion, and the tenant that it names; undefined: there is none. */
export function findAssertion(headers: IncomingHttpHeaders): { tenant: string; token: string } | undefined {
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') continue
    if (name === 'assertion') return { tenant: 'DEV_STAGING', token: value }
    const tenant = name.startsWith(PREFIX) ? name.slice(PREFIX.length).toUpperCase() : ''
    if (/^[A-Z0-9][A-Z0-9_-]{0,39}$/.test(tenant)) return { tenant, token: value }
  }
  return undefined
}

/** What the token says; undefined when it is not the gateway's, or its time is over. */
export function readAssertion({ tenant, token }: { tenant: string; token: string }, rules: AssertionRules): Assertion | undefined {
  if (token.length > MAX_CHARS) return undefined
  const [head, body, signature] = token.split('.')
  if (head === undefined || body === undefined) return undefined
  const header = objectOf(head)
  const claims = objectOf(body)
  if (!header || !claims) return undefined
  if (!isSigned({ header, content: `${head}.${body}`, signature: signature ?? '' }, rules)) return undefined
  const expires = claims['exp']
  if (typeof expires === 'number' && expires * 1000 + LEEWAY_MS < rules.now) return undefined
  const begins = claims['nbf']
  if (typeof begins === 'number' && begins * 1000 - LEEWAY_MS > rules.now) return undefined
  const user = claims[USER_CLAIM]
  if (typeof user !== 'string') return undefined
  const name = user.split('@', 1)[0]?.trim() ?? ''
  if (!/^[^\s/:]{1,200}$/.test(name)) return undefined
  const roles = claims[ROLE_CLAIM]
  return { tenant, user: name, roles: typeof roles === 'string' ? roles.split(',').flatMap((role) => role.trim() || []) : [] }
}

function isSigned(
  { header, content, signature }: { header: Record<string, unknown>; content: string; signature: string },
  { key, unsigned }: AssertionRules,
): boolean {
  const publicKey = keyOf(key)
  if (publicKey && ALGORITHMS.includes(header['alg'])) {
    if (verify('sha256', Buffer.from(content), publicKey, Buffer.from(signature, 'base64url'))) return true
  }
  return unsigned
}

let known: { pem: string; key: KeyObject | undefined } = { pem: '', key: undefined }

/** Undefined for a text that is no RSA key. */
function keyOf(pem: string): KeyObject | undefined {
  if (known.pem !== pem) known = { pem, key: parseKey(pem) }
  return known.key
}

function parseKey(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey(pem)
    return key.asymmetricKeyType === 'rsa' ? key : undefined
  } catch {
    return undefined
  }
}

function objectOf(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : undefined
  } catch {
    return undefined
  }
}
