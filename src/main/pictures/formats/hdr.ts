/** Radiance HDR (RGBE): every scanline, packed in runs or not. */
import type { ByteReader } from '../byteReader.ts'
import { breather } from '../breathe.ts'
import { SampleWatch } from '../facts.ts'
import { DamagedError, UncheckedError, type Size, type Whole } from '../verdict.ts'

const MAX_HEADER_BYTES = 64 * 1024

/** @throws DamagedError, UncheckedError */
export async function checkHdr(reader: ByteReader): Promise<Whole> {
  const { lines, width, height } = await readHeader(reader)
  const watch = new SampleWatch(4, 3)
  const breathe = breather()
  const line = Buffer.alloc(lines.length * 4)
  for (let row = 0; row < lines.count; row++) {
    await readScanline(reader, line)
    if (watch.curious) watch.add(line)
    await breathe()
  }
  return { state: 'whole', format: 'Radiance HDR', width, height, facts: watch.facts() }
}

/** The lines of text up to the one that tells how the pixels lie. */
async function readHeader(reader: ByteReader): Promise<Size & { lines: { count: number; length: number } }> {
  const text = (await reader.head(MAX_HEADER_BYTES)).toString('latin1')
  const blank = text.indexOf('\n\n')
  const end = text.indexOf('\n', blank + 2)
  if (blank < 0 || end < 0) throw new DamagedError('has a header without an end')
  const format = /^FORMAT=(.*)$/m.exec(text.slice(0, blank))?.[1] ?? '32-bit_rle_rgbe'
  if (!format.startsWith('32-bit_rle_')) throw new UncheckedError(`has pixels in a form (${format}) that nothing here reads`)
  const found = /^[-+]([XY]) (\d+) [-+]([XY]) (\d+)\s*$/.exec(text.slice(blank + 2, end))
  const [count, length] = [Number(found?.[2]), Number(found?.[4])]
  if (found === null || !(count > 0) || !(length > 0) || found[1] === found[3]) throw new DamagedError('does not say how large it is')
  reader.at = end + 1
  return { lines: { count, length }, ...(found[1] === 'Y' ? { width: length, height: count } : { width: count, height: length }) }
}

async function readScanline(reader: ByteReader, line: Buffer): Promise<void> {
  const length = line.length / 4
  const start = await reader.readAt(reader.at, 4)
  const [first, second, high = 0, low = 0] = start
  if (first !== 2 || second !== 2 || high >= 128 || length < 8 || length > 32_767) return readOldScanline(reader, line)
  if (high * 256 + low !== length) throw new DamagedError('has a scanline of another length')
  reader.skip(4)
  // Read ahead: a packed line is at most this long, and the last ones of a file are followed by nothing.
  const most = Math.min(reader.left, line.length + Math.ceil(line.length / 128) + 8)
  const bytes = await reader.readAt(reader.at, most)
  let at = 0
  for (let part = 0; part < 4; part++) {
    for (let pixel = 0; pixel < length;) {
      const code = bytes[at++] ?? endOf(reader)
      const run = code > 128
      const count = run ? code - 128 : code
      if (count === 0 || pixel + count > length) throw new DamagedError('has a scanline whose runs are broken')
      if (at + (run ? 1 : count) > bytes.length) endOf(reader)
      for (let copied = 0; copied < count; copied++) line[(pixel + copied) * 4 + part] = bytes[run ? at : at + copied] ?? 0
      at += run ? 1 : count
      pixel += count
    }
  }
  reader.skip(at)
}

/** Pixels of four bytes; 1, 1, 1, n repeats the one before. */
async function readOldScanline(reader: ByteReader, line: Buffer): Promise<void> {
  let shift = 0
  for (let pixel = 0; pixel < line.length;) {
    const bytes = await reader.read(4)
    if (bytes[0] !== 1 || bytes[1] !== 1 || bytes[2] !== 1) {
      bytes.copy(line, pixel)
      pixel += 4
      shift = 0
      continue
    }
    const repeated = (bytes[3] ?? 0) * 2 ** shift
    const to = Math.min(line.length, pixel + repeated * 4)
    if (pixel >= 4) for (; pixel < to; pixel += 4) line.copyWithin(pixel, pixel - 4, pixel)
    else pixel = to
    shift += 8
    if (shift > 32) throw new DamagedError('has a scanline whose runs are broken')
  }
}

function endOf(reader: ByteReader): never {
  throw new DamagedError(`ends too early, after ${reader.size} bytes`)
}
