/**
 * The Huffman code of PIZ blocks: numbers of 16 bits, the frequent ones in few bits. The lengths of its words alone define the code;
 * one word means "the last number again, so many times".
 */
import { DamagedError } from '../verdict.ts'

/** Numbers of 16 bits, and the word for repetitions. */
const MAX_SYMBOL = 65_536
const HEAD_BYTES = 20
const LENGTH_BITS = 6
/** Lengths from here on stand for runs of symbols without a word: 2, 3, 4 or 5 of them … */
const SHORT_RUN = 59
/** … or 6 and as many more as the next 8 bits say. */
const LONG_RUN = 63
const LONGEST_WORD = 58
/** Words up to this length are found by one look into a table. */
const QUICK_BITS = 14
/** One look shows so many bits. */
const LOOK_BITS = 25
/** Numbers between two pauses in which others have their turn. */
const SLICE = 1 << 17

interface Code {
  /** By the next QUICK_BITS bits: symbol × 16 + length; 0: the word is longer. */
  quick: Int32Array
  /** By length: the first word, how many there are, and where their symbols begin in `symbols`. */
  first: Float64Array
  count: Int32Array
  begin: Int32Array
  symbols: Int32Array
  /** What the last look for a long word found. */
  place: number
}

/**
 * Exactly `wanted` numbers.
 * @param rest called often
 * @throws DamagedError when the bytes do not stand for so many
 */
export function unpackHuffman(bytes: Buffer, wanted: number, rest: () => Promise<void> | undefined): Promise<Uint16Array> {
  if (bytes.length < HEAD_BYTES) throw broken('has no head')
  const [lowest, highest, bits] = [bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(12)]
  if (lowest > MAX_SYMBOL || highest > MAX_SYMBOL) throw broken('has symbols that there are not')
  const { lengths, end } = readLengths(bytes, lowest, highest)
  if (end + Math.ceil(bits / 8) > bytes.length) throw broken('declares more data than it has')
  return decode(bytes.subarray(end), { bits, code: codeOf(lengths), wanted, repeat: highest }, rest)
}

function readLengths(bytes: Buffer, lowest: number, highest: number): { lengths: Uint8Array; end: number } {
  const lengths = new Uint8Array(MAX_SYMBOL + 1)
  let at = HEAD_BYTES
  let held = 0
  let heldBits = 0
  const take = (count: number): number => {
    while (heldBits < count) {
      if (at >= bytes.length) throw broken('ends within its table')
      held = ((held << 8) | (bytes[at++] ?? 0)) & 0xffff
      heldBits += 8
    }
    heldBits -= count
    return (held >> heldBits) & ((1 << count) - 1)
  }
  for (let symbol = lowest; symbol <= highest;) {
    const length = take(LENGTH_BITS)
    if (length < SHORT_RUN) {
      lengths[symbol++] = length
      continue
    }
    symbol += length === LONG_RUN ? take(8) + LONG_RUN - SHORT_RUN + 2 : length - SHORT_RUN + 2
    if (symbol > highest + 1) throw broken('has a table that goes on')
  }
  return { lengths, end: at }
}

/** Words of one length follow each other as their symbols do; shorter words are the larger numbers. */
function codeOf(lengths: Uint8Array): Code {
  const count = new Int32Array(LONGEST_WORD + 1)
  for (const length of lengths) if (length > 0) count[length] = (count[length] ?? 0) + 1
  const first = new Float64Array(LONGEST_WORD + 1)
  for (let length = LONGEST_WORD, word = 0; length > 0; length--) {
    first[length] = word
    word = Math.floor((word + (count[length] ?? 0)) / 2)
  }
  const begin = new Int32Array(LONGEST_WORD + 2)
  for (let length = 1; length <= LONGEST_WORD; length++) begin[length + 1] = (begin[length] ?? 0) + (count[length] ?? 0)
  const symbols = new Int32Array(begin[LONGEST_WORD + 1] ?? 0)
  const next = begin.slice()
  const quick = new Int32Array(1 << QUICK_BITS)
  for (let symbol = 0; symbol < lengths.length; symbol++) {
    const length = lengths[symbol] ?? 0
    if (length === 0) continue
    const place = next[length] ?? 0
    next[length] = place + 1
    symbols[place] = symbol
    if (length > QUICK_BITS) continue
    const word = (first[length] ?? 0) + place - (begin[length] ?? 0)
    const spare = QUICK_BITS - length
    if (word + 1 > 2 ** length) throw broken('has a table with too many words')
    quick.fill(symbol * 16 + length, word << spare, (word + 1) << spare)
  }
  return { quick, first, count, begin, symbols, place: 0 }
}

interface Packed {
  bits: number
  code: Code
  wanted: number
  /** The symbol that stands for repetitions. */
  repeat: number
}

async function decode(data: Buffer, { bits, code, wanted, repeat }: Packed, rest: () => Promise<void> | undefined): Promise<Uint16Array> {
  const out = new Uint16Array(wanted)
  // Looks may go past the end.
  const bytes = new Uint8Array(Math.ceil(bits / 8) + 8)
  bytes.set(data.subarray(0, bytes.length - 8))
  const { quick } = code
  let to = 0
  let at = 0
  while (at < bits) {
    const pauseAt = to + SLICE
    while (at < bits && to < pauseAt) {
      const found = quick[look(bytes, at) >>> (LOOK_BITS - QUICK_BITS)] ?? 0
      let symbol = found >> 4
      if (found > 0) at += found & 15
      else {
        const length = longWord(code, bytes, at)
        symbol = code.symbols[code.place] ?? 0
        at += length
      }
      if (symbol !== repeat) {
        if (to >= wanted) throw broken('unpacks to more than there is')
        out[to++] = symbol
        continue
      }
      const times = look(bytes, at) >>> (LOOK_BITS - 8)
      at += 8
      if (to === 0 || to + times > wanted) throw broken('repeats what there is not')
      out.fill(out[to - 1] ?? 0, to, to + times)
      to += times
    }
    await rest()
  }
  if (at > bits) throw broken('ends within a word')
  if (to !== wanted) throw broken(`unpacks to ${2 * to} bytes instead of ${2 * wanted}`)
  return out
}

/** The next LOOK_BITS bits. */
function look(bytes: Uint8Array, at: number): number {
  const byte = at >>> 3
  const four = ((bytes[byte] ?? 0) << 24) | ((bytes[byte + 1] ?? 0) << 16) | ((bytes[byte + 2] ?? 0) << 8) | (bytes[byte + 3] ?? 0)
  return (four << (at & 7)) >>> (32 - LOOK_BITS)
}

/** The length of a word that the table does not show; `code.place` says where its symbol is. */
function longWord(code: Code, bytes: Uint8Array, at: number): number {
  const { first, count, begin } = code
  const bits = look(bytes, at)
  let word = bits >>> (LOOK_BITS - QUICK_BITS)
  for (let length = QUICK_BITS + 1; length <= LONGEST_WORD; length++) {
    word = length <= LOOK_BITS ? bits >>> (LOOK_BITS - length) : word * 2 + (look(bytes, at + length - 1) >>> (LOOK_BITS - 1))
    const place = word - (first[length] ?? 0)
    if (place >= 0 && place < (count[length] ?? 0)) {
      code.place = (begin[length] ?? 0) + place
      return length
    }
  }
  throw broken('has a word that stands for nothing')
}

function broken(what: string): DamagedError {
  return new DamagedError(`has a block whose packed data ${what}`)
}
