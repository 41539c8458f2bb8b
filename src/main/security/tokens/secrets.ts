/**
 * Hashes secrets. Secrets that people choose are hashed with scrypt at a cost that slows down guessing; generated
 * secrets have enough entropy for a cheaper hash. Our tokens are random, so a plain SHA-256 of them serves as the
 * look-up key.
 */
import { hash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** Cost of scrypt as log2(N), r = 8, p = 1: 'password' takes about 50 ms and 16 MB, 'machine' about 3 ms and 1 MB. */
const COSTS = { password: 14, machine: 10 } as const
export type SecretCost = keyof typeof COSTS

const KEY_BYTES = 32
const SALT_BYTES = 16
const MAX_SECRET_CHARS = 1024

/**
 * Hashes a password ('password') or a generated secret ('machine', for example a worker's).
 * @returns `scrypt$<log2 N>$<salt>$<key>`, base64url; verifySecret reads the cost from it
 */
export async function hashSecret(secret: string, cost: SecretCost = 'machine'): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(secret, salt, COSTS[cost])
  return `scrypt$${COSTS[cost]}$${salt.toString('base64url')}$${key.toString('base64url')}`
}

/** Whether `secret` matches the hash. A malformed `stored` matches nothing. Takes the same time either way. */
export async function verifySecret(secret: string, stored: string): Promise<boolean> {
  const parts = stored.split('$')
  const [kind, cost, salt, key] = parts
  if (parts.length !== 4 || kind !== 'scrypt' || !salt || !key || !/^\d{1,2}$/.test(cost ?? '') || Number(cost) > 20) return false
  if (secret.length > MAX_SECRET_CHARS) return false
  const expected = Buffer.from(key, 'base64url')
  const actual = await derive(secret, Buffer.from(salt, 'base64url'), Number(cost))
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

/** A hash that matches no secret, so that an unknown name costs the caller as much time as a wrong secret. */
export const UNMATCHABLE_HASH = `scrypt$${COSTS.machine}$${'A'.repeat(22)}$${'A'.repeat(43)}`

/** A random token of 256 bits, safe in URLs, for example `fht_…`. The prefix shows the kind of token. */
export function randomToken(prefix: string): string {
  return `${prefix}_${randomBytes(32).toString('base64url')}`
}

/** The stored look-up key of a random token: SHA-256, base64url. Not for secrets that people choose. */
export function hashToken(token: string): string {
  return hash('sha256', token, 'base64url')
}

function derive(secret: string, salt: Buffer, log2N: number): Promise<Buffer> {
  const N = 2 ** log2N
  return new Promise((resolve, reject) => {
    scrypt(secret.normalize('NFKC'), salt, KEY_BYTES, { N, r: 8, p: 1, maxmem: 256 * N * 8 + 1_048_576 }, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })
}
