/**
 * Ids of actors, executions and workers: 13 letters and digits that carry the actor's key and a number, so that looking
 * one up needs no index and nothing but our own ids is mistaken for one: every other word is an alias. None ends in `v`
 * or `2`, which old clients cut off the end of an address. Pure.
 */
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LAST_DIGITS = DIGITS.replace(/[v2]/g, '')
const LENGTH = 13

const BITS = 71n
const MASK = (1n << BITS) - 1n
const HALF = 36n
const FACTOR = 0x2545f4914f6cdd1d3bn | 1n
const INVERSE = inverseOf(FACTOR)

/** Numbers of an actor's own: 0 is the actor, below this one executions (the index of their task), above it workers. */
const FIRST_WORKER = 0x8000_0000

export type Identified = { actorKey: number } & ({ kind: 'actor' } | { kind: 'execution' | 'worker'; number: number })

export const actorId = (actorKey: number): string => encode(actorKey, 0)
/** @param index of its task in the actor's job, from 1 */
export const executionId = (actorKey: number, index: number): string => encode(actorKey, index)
/** @param number from 0 */
export const workerId = (actorKey: number, number: number): string => encode(actorKey, FIRST_WORKER + number)

/** What an id names; undefined for every other text. */
export function parseId(text: string): Identified | undefined {
  if (!/^[0-9A-Za-z]{13}$/.test(text)) return undefined
  let mixed = 0n
  for (const digit of text.slice(0, LENGTH - 1)) mixed = mixed * 62n + BigInt(DIGITS.indexOf(digit))
  if (mixed > MASK || text[LENGTH - 1] !== LAST_DIGITS[Number(mixed % 60n)]) return undefined
  const value = unmix(mixed)
  if ((value & 0xffn) !== checkOf(value >> 8n)) return undefined
  const actorKey = Number(value >> 40n)
  const number = Number((value >> 8n) & 0xffff_ffffn)
  if (actorKey === 0) return undefined
  if (number === 0) return { actorKey, kind: 'actor' }
  return number < FIRST_WORKER ? { actorKey, kind: 'execution', number } : { actorKey, kind: 'worker', number: number - FIRST_WORKER }
}

function encode(actorKey: number, number: number): string {
  const content = (BigInt(actorKey) << 32n) | BigInt(number)
  let mixed = mix((content << 8n) | checkOf(content))
  const last = LAST_DIGITS[Number(mixed % 60n)] ?? ''
  let text = ''
  for (let i = 1; i < LENGTH; i++, mixed /= 62n) text = `${DIGITS[Number(mixed % 62n)] ?? ''}${text}`
  return text + last
}

const checkOf = (content: bigint): bigint => ((content * 0x9e37_79b9_7f4a_7c15n) >> 56n) & 0xffn

function mix(value: bigint): bigint {
  const once = (value * FACTOR) & MASK
  return ((once ^ (once >> HALF)) * FACTOR) & MASK
}

function unmix(mixed: bigint): bigint {
  const once = (mixed * INVERSE) & MASK
  return ((once ^ (once >> HALF)) * INVERSE) & MASK
}

/** The inverse of an odd number modulo 2^71, by Newton's iteration. */
function inverseOf(odd: bigint): bigint {
  let inverse = 1n
  for (let bits = 1n; bits < BITS; bits *= 2n) inverse = (inverse * (2n - odd * inverse)) & MASK
  return inverse & MASK
}
