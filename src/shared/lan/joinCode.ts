/**
 * Join codes: 26 characters that a person can read to another. 64 bits of the hash of the farm's authority key, by which the joining
 * machine recognises the farm before it says anything, and 64 bits of secret, by which the farm lets it in. Pure.
 */

/** Crockford's base32: without letters that look like digits or each other. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const CODE_CHARS = 26
const BYTES = 16
const HALF = BYTES / 2

export interface JoinCode {
  /** The first 16 hex digits, capital, of the authority's key fingerprint. */
  authorityPrefix: string
  /** 16 hex digits. */
  secret: string
}

/** @param fingerprint of the authority's key, with or without colons @param secret 8 random bytes, hex */
export function writeJoinCode(fingerprint: string, secret: string): string {
  const hex = fingerprint.replaceAll(':', '').slice(0, HALF * 2) + secret
  let value = BigInt(`0x${hex}`) << 2n
  let text = ''
  for (let i = 0; i < CODE_CHARS; i++) {
    text = (ALPHABET[Number(value & 31n)] ?? '') + text
    value >>= 5n
  }
  return text.replace(/.{1,5}(?=.)/g, '$&-')
}

/** As a person types it: any case, with or without dashes and spaces. Undefined: it is no join code. */
export function readJoinCode(typed: string): JoinCode | undefined {
  const text = typed.toUpperCase().replace(/[\s-]/g, '').replaceAll('O', '0').replace(/[IL]/g, '1')
  if (text.length !== CODE_CHARS) return undefined
  let value = 0n
  for (const char of text) {
    const digit = ALPHABET.indexOf(char)
    if (digit < 0) return undefined
    value = (value << 5n) | BigInt(digit)
  }
  // 130 bits hold 128: the last two are zero.
  if ((value & 3n) !== 0n) return undefined
  const hex = (value >> 2n)
    .toString(16)
    .padStart(BYTES * 2, '0')
    .toUpperCase()
  return { authorityPrefix: hex.slice(0, HALF * 2), secret: hex.slice(HALF * 2).toLowerCase() }
}
