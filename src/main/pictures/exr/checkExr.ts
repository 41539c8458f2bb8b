/** OpenEXR: every block that its table names, and those that can be, unpacked to their end. */
import type { ByteReader } from '../byteReader.ts'
import { breather } from '../breathe.ts'
import { DamagedError, UncheckedError, type Size, type Whole } from '../verdict.ts'
import { readBlock, readOffsets } from './blocks.ts'
import { readExrHeader, sizeOf } from './header.ts'
import { LightWatch } from './pixels.ts'
import { canTell, isRearranged, unpack } from './unpack.ts'

/** `sizes`: of the parts' data windows, which may be smaller or larger than the picture. @throws DamagedError, UncheckedError */
export async function checkExr(reader: ByteReader, signal?: AbortSignal): Promise<{ verdict: Whole; sizes: Size[] }> {
  const header = await readExrHeader(reader)
  const [first] = header.parts
  if (first === undefined) throw new DamagedError('holds no pixels')
  const offsets = await readOffsets(reader, header)
  await requireInOrder(reader, header, offsets)
  const watch = new LightWatch(first)
  const rest = breather()
  const line = new FewAtOnce(UNPACKED_AT_ONCE)
  const spans: [begin: number, end: number][] = []
  for (const [partIndex, table] of offsets.entries()) {
    const places = new Set<string>()
    for (const offset of table) {
      signal?.throwIfAborted()
      await rest()
      const block = await readBlock(reader, header, partIndex, offset)
      places.add(block.place)
      spans.push([block.begin, block.end])
      for (const piece of block.pieces) {
        // Deep blocks without samples.
        if (piece.packed === 0 && piece.unpacked === 0) continue
        // Of what tells nothing, that it is there is known already.
        const isWatched = partIndex === 0 && watch.curious
        if (!canTell(block, piece) && !isWatched) continue
        const bytes = await reader.readAt(piece.at, piece.packed)
        await line.add(async () => {
          const unpacked = await unpack(block, piece, bytes, isWatched)
          if (isWatched) watch.add(block, unpacked, isRearranged(block, piece))
        })
      }
    }
    await line.end()
    if (places.size !== table.length) throw new DamagedError('has a table that names a block twice')
  }
  if (overlap(spans)) throw new DamagedError('has blocks that lie upon each other')
  const unread = header.parts.find(({ compression }) => compression > LAST_READ)
  if (unread)
    throw new UncheckedError(`all of it is there, but nothing here unpacks its pixels (${NAMES[unread.compression] ?? unread.compression})`)
  const verdict: Whole = { state: 'whole', format: 'OpenEXR', ...sizeOf(first.display), facts: watch.facts() }
  return { verdict, sizes: header.parts.map(({ data }) => sizeOf(data)) }
}

/** Blocks that are unpacked side by side: each on a thread of its own, while this one reads on. */
const UNPACKED_AT_ONCE = 3

/** Work that is begun in order, a few pieces at a time. */
class FewAtOnce {
  private readonly running = new Set<Promise<void>>()
  private failure: { error: unknown } | undefined

  constructor(private readonly most: number) {}

  /** Begins the work as soon as there is room. @throws what earlier work threw */
  async add(work: () => Promise<void>): Promise<void> {
    while (this.running.size >= this.most) await Promise.race(this.running)
    this.rethrow()
    const run: Promise<void> = work()
      .catch((error: unknown) => {
        this.failure ??= { error }
      })
      .finally(() => this.running.delete(run))
    this.running.add(run)
  }

  /** Resolves when all of it is done. @throws what any of it threw */
  async end(): Promise<void> {
    await Promise.all(this.running)
    this.rethrow()
  }

  private rethrow(): void {
    if (this.failure) throw this.failure.error
  }
}

/** Ways of packing that came later are only there. */
const LAST_READ = 9
const NAMES: Readonly<Record<number, string>> = { 10: 'HTJ2K256', 11: 'HTJ2K32' }

function overlap(spans: [begin: number, end: number][]): boolean {
  spans.sort(([a], [b]) => a - b)
  return spans.some(([begin], index) => begin < (spans[index - 1]?.[1] ?? 0))
}

/** The cheap look first: a file that was cut is known by the block that is furthest back. */
async function requireInOrder(reader: ByteReader, header: Parameters<typeof readBlock>[1], offsets: readonly number[][]): Promise<void> {
  for (const [partIndex, table] of offsets.entries()) {
    const last = table.reduce((furthest, offset) => Math.max(furthest, offset), 0)
    if (table.length > 0) await readBlock(reader, header, partIndex, last)
  }
}
