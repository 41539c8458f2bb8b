/** Workers that join: which are admitted, and their first row. */
import { Sequencer } from '../../../shared/async.ts'
import type { Core } from '../base/core.ts'
import { TooManyError } from '../base/errors.ts'
import type { NewWorker } from '../base/farmRecords.ts'
import type { WorkerState } from '../base/model.ts'
import { joinDecision } from '../rules/workers/joinRules.ts'
import type { WorkerRoster } from './workerRoster.ts'

export class Joining {
  private readonly joins = new Sequencer<'unapproved'>()

  constructor(
    private readonly core: Core,
    private readonly roster: WorkerRoster,
  ) {}

  /** @throws TooManyError when too many wait for approval already */
  register(input: NewWorker): Promise<WorkerState> {
    if (input.approved) return this.insert(input)
    // One after the other: of many that ask at once, each would find room for itself.
    return this.joins.run('unapproved', async () => {
      await this.makeRoom(input.address)
      return this.insert(input)
    })
  }

  /** @throws TooManyError */
  private async makeRoom(address: string): Promise<void> {
    const { maxPendingWorkers, maxPendingPerAddress } = this.core.settings()
    const pending = this.roster.all().filter((worker) => worker.approvedAt === null)
    const decision = joinDecision(pending, address, { inAll: maxPendingWorkers, perAddress: maxPendingPerAddress })
    if (decision.kind === 'refuse') throw new TooManyError(decision.reason)
    if (decision.drop) await this.roster.remove(decision.drop.publicId)
  }

  private async insert(input: NewWorker): Promise<WorkerState> {
    const now = this.core.now()
    const machineId = input.machine ? await this.core.store.workers.saveMachine(input.machine, input.address, now) : null
    const worker = await this.core.store.workers.insert({
      publicId: this.core.newId(),
      namespaceId: 1,
      adapter: input.adapter,
      secretHash: input.secretHash,
      machineId,
      name: input.name,
      platform: input.platform,
      address: input.address,
      software: '',
      status: 'offline',
      statusRequested: null,
      statusRequestLazy: false,
      canRestart: false,
      kinds: cleanKinds(input.kinds),
      capabilities: {},
      folders: input.allowedFolders ?? [],
      allowedFolders: input.allowedFolders ?? [],
      person: input.person ?? '',
      isRenamed: false,
      capacity: 1,
      approvedAt: input.approved ? now : null,
      lastSeenAt: null,
      reportSeq: 0,
      lastTaskId: null,
      tagIds: new Set(),
      sleepSchedule: null,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    })
    this.roster.remember(worker)
    this.roster.announce(worker, null)
    this.core.log.info({ worker: worker.publicId, name: worker.name, address: worker.address, approved: input.approved }, 'worker joined')
    return worker
  }
}

/** Trimmed, lower case, each once. */
export function cleanKinds(kinds: string[]): string[] {
  return [...new Set(kinds.map((kind) => kind.trim().toLowerCase()).filter((kind) => kind !== ''))]
}
