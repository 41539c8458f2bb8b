/**
 * Whether a write-ahead log contains everything that was committed to it. SQLite reads one as far as its checksums
 * match and silently drops the rest, which is right for a transaction that a crash interrupted, and wrong for one that
 * was acknowledged. Pure.
 */

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const MAGIC_LITTLE = 0x377f0682
const MAGIC_BIG = 0x377f0683

export interface WalVerdict {
  /** Frames (pages) that SQLite will read. */
  readonly frames: number
  /** The problem; undefined: everything that was committed is there, as far as can be determined. */
  readonly problem: string | undefined
}

/** @param index the file `-shm` beside it, which records how many frames were committed; undefined: there is none */
export function checkWal(wal: Buffer, index: Buffer | undefined): WalVerdict {
  const committed = committedFrames(wal, index)
  if (wal.length < HEADER_BYTES) {
    return { frames: 0, problem: committed ? `it is empty, and ${committed} pages were committed to it` : undefined }
  }
  const magic = wal.readUInt32BE(0)
  const isBig = magic === MAGIC_BIG
  const headerSum = checksum(wal, 0, 24, isBig, [0, 0])
  const headerIsRight = (magic === MAGIC_LITTLE || isBig) && headerSum[0] === wal.readUInt32BE(24) && headerSum[1] === wal.readUInt32BE(28)
  if (!headerIsRight) {
    // A log that was never used, or not since it was restarted, has nothing to lose.
    const mayBeEmpty = wal.length <= HEADER_BYTES || committed === 0
    return { frames: 0, problem: mayBeEmpty ? undefined : 'its header is damaged, so nothing of it can be read' }
  }
  const pageSize = wal.readUInt32BE(8)
  const frameBytes = FRAME_HEADER_BYTES + pageSize
  const count = Math.floor((wal.length - HEADER_BYTES) / frameBytes)
  let sum = headerSum
  let frames = 0
  for (; frames < count; frames++) {
    const at = HEADER_BYTES + frames * frameBytes
    if (!isOfThisLog(wal, at)) break
    const next = frameChecksum(wal, at, pageSize, isBig, sum)
    if (!hasChecksum(wal, at, next)) break
    sum = next
  }
  if (committed !== undefined) {
    const lost = committed - frames
    return { frames, problem: lost > 0 ? `${lost} of the ${committed} pages that were committed to it are damaged or missing` : undefined }
  }
  // Without the index: the frame after a corrupt one is valid itself; after an interrupted write nothing valid follows.
  const after = HEADER_BYTES + (frames + 1) * frameBytes
  if (frames + 1 < count && isOfThisLog(wal, after)) {
    const stored: Sum = [wal.readUInt32BE(after - frameBytes + 16), wal.readUInt32BE(after - frameBytes + 20)]
    if (hasChecksum(wal, after, frameChecksum(wal, after, pageSize, isBig, stored))) {
      return { frames, problem: `page ${frames + 1} of ${count} in it is damaged` }
    }
  }
  return { frames, problem: undefined }
}

type Sum = readonly [number, number]

/** From the index, if it belongs to this log. It is written after the frames are on disk, so it never claims too much. */
function committedFrames(wal: Buffer, index: Buffer | undefined): number | undefined {
  if (!index || index.length < 136) return undefined
  // Two copies: one that was being written when everything stopped differs from the other.
  if (!index.subarray(0, 48).equals(index.subarray(48, 96)) || index[12] !== 1) return undefined
  const frames = index.readUInt32LE(16)
  if (frames === 0) return 0
  const isSameLog = wal.length < HEADER_BYTES || index.subarray(32, 40).equals(wal.subarray(16, 24))
  return isSameLog ? frames : undefined
}

/** The salts of a frame match those of the header; others remain from before the log was restarted. */
function isOfThisLog(wal: Buffer, at: number): boolean {
  return wal.subarray(at + 8, at + 16).equals(wal.subarray(16, 24))
}

function hasChecksum(wal: Buffer, at: number, sum: Sum): boolean {
  return wal.readUInt32BE(at + 16) === sum[0] && wal.readUInt32BE(at + 20) === sum[1]
}

function frameChecksum(wal: Buffer, at: number, pageSize: number, isBig: boolean, before: Sum): Sum {
  return checksum(wal, at + FRAME_HEADER_BYTES, pageSize, isBig, checksum(wal, at, 8, isBig, before))
}

/** SQLite's own (walChecksumBytes): over pairs of 32-bit words. */
function checksum(data: Buffer, from: number, length: number, isBig: boolean, [first, second]: Sum): Sum {
  let a = first
  let b = second
  for (let at = from; at < from + length; at += 8) {
    a = (a + (isBig ? data.readUInt32BE(at) : data.readUInt32LE(at)) + b) >>> 0
    b = (b + (isBig ? data.readUInt32BE(at + 4) : data.readUInt32LE(at + 4)) + a) >>> 0
  }
  return [a, b]
}
