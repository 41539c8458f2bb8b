/** Cyclic redundancy checks that zlib lacks: CRC32C and CRC64NVME, eight bytes a step; and the check of two joined texts. Pure. */

/** A check of bytes as they come. */
export interface Crc {
  update(bytes: Uint8Array): void
  /** Big endian. */
  digest(): Buffer
}

const STEPS = 8

/** Tables for a step of eight bytes; a polynomial of 64 bits has a high and a low word for each entry. */
interface Tables {
  high: Int32Array
  low: Int32Array
}

/** @param polynomial reversed */
function tablesOf(highWord: number, lowWord: number): Tables {
  const high = new Int32Array(STEPS * 256)
  const low = new Int32Array(STEPS * 256)
  for (let byte = 0; byte < 256; byte++) {
    let [h, l] = [0, byte]
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = l & 1
      l = (l >>> 1) | (h << 31)
      h >>>= 1
      if (isOdd) {
        l ^= lowWord
        h ^= highWord
      }
    }
    high[byte] = h
    low[byte] = l
  }
  for (let at = 256; at < STEPS * 256; at++) {
    const [h, l] = [high[at - 256] ?? 0, low[at - 256] ?? 0]
    high[at] = (h >>> 8) ^ (high[l & 255] ?? 0)
    low[at] = ((l >>> 8) | (h << 24)) ^ (low[l & 255] ?? 0)
  }
  return { high, low }
}

let castagnoli: Tables | undefined
let nvme: Tables | undefined

/** CRC32C, by Castagnoli's polynomial. */
export class Crc32c implements Crc {
  private value = -1
  private readonly table = (castagnoli ??= tablesOf(0, 0x82f63b78)).low

  update(bytes: Uint8Array): void {
    const t = this.table
    let c = this.value
    let at = 0
    const whole = bytes.length - (bytes.length % STEPS)
    // The tables cover every byte.
    const of = (table: number, byte: number): number => t[table * 256 + byte] as number
    const b = bytes as ArrayLike<number> & { [at: number]: number }
    for (; at < whole; at += STEPS) {
      c =
        of(7, (c ^ (b[at] as number)) & 255) ^
        of(6, ((c >>> 8) ^ (b[at + 1] as number)) & 255) ^
        of(5, ((c >>> 16) ^ (b[at + 2] as number)) & 255) ^
        of(4, ((c >>> 24) ^ (b[at + 3] as number)) & 255) ^
        of(3, b[at + 4] as number) ^
        of(2, b[at + 5] as number) ^
        of(1, b[at + 6] as number) ^
        of(0, b[at + 7] as number)
    }
    for (; at < bytes.length; at++) c = (c >>> 8) ^ of(0, (c ^ (b[at] as number)) & 255)
    this.value = c
  }

  digest(): Buffer {
    const out = Buffer.alloc(4)
    out.writeInt32BE(~this.value)
    return out
  }
}

/** CRC64NVME, as S3 names it. */
export class Crc64Nvme implements Crc {
  private high = -1
  private low = -1
  private readonly tables = (nvme ??= tablesOf(0x9a6c9329, 0xac4bc9b5))

  update(bytes: Uint8Array): void {
    const { high: th, low: tl } = this.tables
    const b = bytes as ArrayLike<number> & { [at: number]: number }
    let { high: h, low: l } = this
    let at = 0
    const whole = bytes.length - (bytes.length % STEPS)
    for (; at < whole; at += STEPS) {
      const i7 = 7 * 256 + ((l ^ (b[at] as number)) & 255)
      const i6 = 6 * 256 + (((l >>> 8) ^ (b[at + 1] as number)) & 255)
      const i5 = 5 * 256 + (((l >>> 16) ^ (b[at + 2] as number)) & 255)
      const i4 = 4 * 256 + (((l >>> 24) ^ (b[at + 3] as number)) & 255)
      const i3 = 3 * 256 + ((h ^ (b[at + 4] as number)) & 255)
      const i2 = 2 * 256 + (((h >>> 8) ^ (b[at + 5] as number)) & 255)
      const i1 = 256 + (((h >>> 16) ^ (b[at + 6] as number)) & 255)
      const i0 = ((h >>> 24) ^ (b[at + 7] as number)) & 255
      h = xor8(th, i7, i6, i5, i4, i3, i2, i1, i0)
      l = xor8(tl, i7, i6, i5, i4, i3, i2, i1, i0)
    }
    for (; at < bytes.length; at++) {
      const index = (l ^ (b[at] as number)) & 255
      l = ((l >>> 8) | (h << 24)) ^ (tl[index] as number)
      h = (h >>> 8) ^ (th[index] as number)
    }
    this.high = h
    this.low = l
  }

  digest(): Buffer {
    const out = Buffer.alloc(8)
    out.writeInt32BE(~this.high)
    out.writeInt32BE(~this.low, 4)
    return out
  }
}

function xor8(t: Int32Array, a: number, b: number, c: number, d: number, e: number, f: number, g: number, h: number): number {
  // Indices of eight times 256 entries.
  return (
    (t[a] as number) ^
    (t[b] as number) ^
    (t[c] as number) ^
    (t[d] as number) ^
    (t[e] as number) ^
    (t[f] as number) ^
    (t[g] as number) ^
    (t[h] as number)
  )
}

/** Reversed polynomials, by the name of the algorithm. */
const POLYNOMIALS = { crc32: [32n, 0xedb88320n], crc32c: [32n, 0x82f63b78n], crc64nvme: [64n, 0x9a6c9329ac4bc9b5n] } as const
export type CrcName = keyof typeof POLYNOMIALS

/** The check of two texts one after the other, from those of each and the length of the second. */
export function joinCrcs(name: CrcName, first: Buffer, second: Buffer, secondBytes: number): Buffer {
  const [bits, polynomial] = POLYNOMIALS[name]
  // A zero byte behind the first text is a linear map of its check; its powers of two make up the length.
  let map = matrix(bits, (row) => (row === 0n ? polynomial : 1n << (row - 1n)))
  for (let square = 0; square < 3; square++) map = squared(map)
  let value = BigInt(`0x${first.toString('hex')}`)
  for (let left = BigInt(secondBytes); left > 0n; left >>= 1n) {
    if (left & 1n) value = applied(map, value)
    map = squared(map)
  }
  value ^= BigInt(`0x${second.toString('hex')}`)
  return Buffer.from(value.toString(16).padStart(first.length * 2, '0'), 'hex')
}

const matrix = (bits: bigint, row: (at: bigint) => bigint): bigint[] => Array.from({ length: Number(bits) }, (_, at) => row(BigInt(at)))

function applied(map: readonly bigint[], vector: bigint): bigint {
  let sum = 0n
  for (let at = 0; vector > 0n; vector >>= 1n, at++) if (vector & 1n) sum ^= map[at] ?? 0n
  return sum
}

const squared = (map: readonly bigint[]): bigint[] => map.map((row) => applied(map, row))
