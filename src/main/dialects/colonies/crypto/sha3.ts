/** SHA3-256 (FIPS 202, not Keccak), in hex. Node's own where it has it; Electron's Node has none, so a library steps in there. */
import { createHash, getHashes } from 'node:crypto'
import { sha3_256 } from '@noble/hashes/sha3.js'

const PIECE_BYTES = 131_072
const NATIVE = getHashes().includes('sha3-256')

/** Texts are hashed as UTF-8. */
export function sha3(data: string | Uint8Array): Buffer {
  if (NATIVE) return createHash('sha3-256').update(data).digest()
  return Buffer.from(sha3_256(typeof data === 'string' ? Buffer.from(data, 'utf8') : data))
}

/** The same for a long text, in pieces with pauses: the library would keep the thread busy for seconds. */
export async function sha3InPieces(text: string): Promise<Uint8Array> {
  const hash = sha3_256.create()
  const bytes = Buffer.from(text, 'utf8')
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    hash.update(bytes.subarray(at, at + PIECE_BYTES))
    await new Promise((resolve) => setImmediate(resolve))
  }
  return hash.digest()
}

export function sha3Hex(data: string | Uint8Array): string {
  return sha3(data).toString('hex')
}
