/** Checks of one content as its bytes come: of all of it, and of pieces of it. Runs in the threads of `hashThreads.ts`, and beside them for little. */
import { createHash, type Hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Crc32c, Crc64Nvme, type Crc } from './crc.ts'

export type DigestName = 'sha256' | 'md5' | 'sha1' | 'crc32' | 'crc32c' | 'crc64nvme'

/** In hexadecimal, by name. */
export type DigestValues = Partial<Record<DigestName, string>>

export class Digests {
  private readonly running: Map<DigestName, Crc | Hash>
  private piece: Hash | undefined

  constructor(names: readonly DigestName[]) {
    this.running = new Map(names.map((name) => [name, begin(name)]))
  }

  /** @param cuts where pieces end, as offsets in `bytes`; undefined: no pieces are wanted @returns the SHA-256 of each piece that ended */
  update(bytes: Uint8Array, cuts?: readonly number[]): string[] {
    for (const digest of this.running.values()) digest.update(bytes)
    if (cuts === undefined) return []
    const ended: string[] = []
    let from = 0
    for (const cut of cuts) {
      ended.push((this.piece ?? createHash('sha256')).update(bytes.subarray(from, cut)).digest('hex'))
      this.piece = undefined
      from = cut
    }
    if (from < bytes.length) (this.piece ??= createHash('sha256')).update(bytes.subarray(from))
    return ended
  }

  finish(): DigestValues {
    return Object.fromEntries([...this.running].map(([name, digest]) => [name, digest.digest().toString('hex')]))
  }
}

function begin(name: DigestName): Crc | Hash {
  if (name === 'crc32') return new Crc32()
  if (name === 'crc32c') return new Crc32c()
  if (name === 'crc64nvme') return new Crc64Nvme()
  return createHash(name)
}

class Crc32 implements Crc {
  private value = 0
  update(bytes: Uint8Array): void {
    this.value = crc32(bytes, this.value)
  }
  digest(): Buffer {
    const out = Buffer.alloc(4)
    out.writeUInt32BE(this.value)
    return out
  }
}
