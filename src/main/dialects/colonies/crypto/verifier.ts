/**
 * Who signed a payload. Signatures of this protocol do not change from one call to the next (an executor's `assign` is
 * the same bytes every time), so the newest ones that were verified are kept.
 */
import { sha3 } from './sha3.ts'
import type { Recovery } from './recovery.ts'

const MOST_KEPT = 8_192
/** Longer payloads are hardly ever sent again, and would fill the memory. */
const LONGEST_KEPT = 2_048

export class Verifier {
  hits = 0
  misses = 0
  /** By signature. Two payloads with one signature have different signers. */
  private readonly known = new Map<string, { payload: string; id: string }>()

  constructor(
    private readonly recovery: Pick<Recovery, 'signer'>,
    private readonly mostKept = MOST_KEPT,
  ) {}

  /** @param digest the payload's hash, if it is known already @throws SignatureError */
  async signer(payload: string, signature: string, digest?: Uint8Array): Promise<string> {
    const known = this.known.get(signature)
    if (known?.payload === payload) {
      this.hits++
      return known.id
    }
    this.misses++
    const id = await this.recovery.signer(digest ?? sha3(payload), signature)
    if (payload.length <= LONGEST_KEPT && this.mostKept > 0) {
      const [oldest] = this.known.keys()
      if (this.known.size >= this.mostKept && oldest !== undefined) this.known.delete(oldest)
      this.known.set(signature, { payload, id })
    }
    return id
  }
}
