/**
 * Which worker sees which storage root: what the manager marked, and what each worker read there. In memory: workers prove it anew when
 * they sign on (files/roots/storageRoots.ts).
 */
import { Signal } from '../../../shared/async.ts'
import type { WorkerState } from '../base/model.ts'
import { unseenRoot, type RootProof, type UnseenRoot } from '../rules/storageRoots.ts'

export class StorageProofs {
  /** Something changed: tasks may have other workers now. */
  readonly changed = new Signal()
  private marked: ReadonlyMap<string, string> = new Map()
  private readonly proofs = new Map<number, ReadonlyMap<string, RootProof>>()

  /** @param roots that can be proven, with the manager's path of each */
  setMarked(roots: ReadonlyMap<string, string>): void {
    this.marked = roots
    this.changed.emit()
  }

  /** What a worker found; undefined: it is gone, or has to prove it again. */
  setProofs(workerId: number, proofs: ReadonlyMap<string, RootProof> | undefined): void {
    if (proofs === undefined) this.proofs.delete(workerId)
    else this.proofs.set(workerId, proofs)
    this.changed.emit()
  }

  proofsOf(workerId: number): ReadonlyMap<string, RootProof> | undefined {
    return this.proofs.get(workerId)
  }

  /** Only workers of this program can prove anything; those of other protocols count as having all storage, as their protocols assume. */
  unseen(needed: readonly string[], worker: Pick<WorkerState, 'id' | 'adapter'>): UnseenRoot | undefined {
    if (needed.length === 0 || worker.adapter !== 'native') return undefined
    return unseenRoot(needed, this.marked, this.proofs.get(worker.id))
  }
}
