/**
 * Channels: an ordered log of messages between the submitter of a process and its executor, for as long as the process
 * lasts. Entries are on disk before their sender is answered; memory has what is needed to order them.
 */
import type { ApiContext } from '../../../http/context.ts'
import { taskPublicId } from '../../../../shared/ids.ts'
import type { CancelSignal } from '../../../engine/base/cancelSignal.ts'
import type { Processes } from '../processes/processes.ts'
import { RUNNING, specOf, SUCCESS } from '../processes/views.ts'
import type { Watching } from '../processes/watching.ts'
import { deleteEntries, deleteOrphanEntries, entryHeads, insertEntry, loadEntries, type EntryRow } from '../store/entries.ts'
import type { ProcessRow } from '../store/processes.ts'
import { ColoniesError } from '../wire/errors.ts'
import { insertAt, RateLimit } from './rules.ts'

const MOST_PAYLOAD = 10_485_760
const MOST_ENTRIES = 10_000
/** The original keeps 10,000 entries of 10 MiB; ours keeps less. */
const MOST_BYTES = 1_073_741_824
/** Entries that people are shown at once. */
const MOST_LOOKED_AT = 200
/** More than this is not sent in one piece. */
const MOST_AT_ONCE = 67_108_864

interface Head {
  id: number
  sequence: bigint
  senderId: string
  bytes: number
}

interface Channel {
  heads: Head[]
  bytes: number
  followers: Set<Follower>
}

/** The channels of one unfinished process. */
interface OpenProcess {
  taskId: number
  channels: Map<string, Channel>
  rate: RateLimit
  unwatch(): void
  /** Appends run one after the other. */
  tail: Promise<unknown>
}

export interface Follower {
  entries(rows: EntryRow[]): void
  /** The process has ended. */
  ended(): void
}

export interface NewEntry {
  sequence: bigint
  replyTo: bigint
  payload: Buffer
  type: string
}

export class Channels {
  /** By public task id. */
  private readonly open = new Map<string, Promise<OpenProcess>>()

  constructor(
    private readonly context: Pick<ApiContext, 'read' | 'writer' | 'now' | 'log'>,
    private readonly processes: Processes,
    private readonly watching: Watching,
  ) {}

  /** Removes what a crash left. */
  recover(): Promise<void> {
    return this.context.writer.exclusive((tx) => deleteOrphanEntries(tx))
  }

  /** @throws ColoniesError 403, 404, 500 for its limits */
  async append(processId: string, name: string, signer: string, entry: NewEntry): Promise<void> {
    const { process } = await this.need(processId, name, signer, 'write to')
    if (entry.payload.length > MOST_PAYLOAD) throw new ColoniesError(400, `payload has more than ${MOST_PAYLOAD} bytes`)
    if (!process.rate.take(this.context.now())) throw new ColoniesError(500, 'rate limit exceeded')
    const added = process.tail.then(() => this.add(process, name, signer, entry))
    process.tail = added.catch(() => undefined)
    await added
  }

  /** @param after a position in the log, not a sequence @param limit 0: all @throws ColoniesError 403, 404 */
  async read(processId: string, name: string, signer: string, after: bigint, limit: number): Promise<EntryRow[]> {
    const { channel } = await this.need(processId, name, signer, 'read from')
    return this.load(pageOf(channel.heads, after, limit))
  }

  /**
   * What is there, and then what comes, each entry once. @returns the function that ends it
   * @throws ColoniesError 403, 404
   */
  async follow(processId: string, name: string, signer: string, after: bigint, follower: Follower): Promise<() => void> {
    const { process, channel } = await this.need(processId, name, signer, 'subscribe to')
    // Behind what is being appended, and before what comes next.
    const joined = process.tail.then(async () => {
      const rows = await this.load(pageOf(channel.heads, after, 0))
      if (rows.length > 0) follower.entries(rows)
      channel.followers.add(follower)
    })
    process.tail = joined.catch(() => undefined)
    await joined
    return () => channel.followers.delete(follower)
  }

  /**
   * For accounts of the farm, which need not be the submitter or the executor: the newest entries, or those that came
   * after one, in the order in which they came. Undefined: the process has ended, and its channels with it.
   * @param after id of an entry @param waitMs when there is none, how long to wait for one @throws ColoniesError 404
   */
  async peek(
    row: ProcessRow,
    name: string,
    { after, waitMs, signal }: { after: number | undefined; waitMs: number; signal: CancelSignal },
  ): Promise<EntryRow[] | undefined> {
    if (!specOf(row.spec).channels.includes(name)) throw new ColoniesError(404, 'Channel not found')
    if (row.state >= SUCCESS) return undefined
    const taskId = taskPublicId(row.jobPublicId, row.index)
    const channel = (await this.openOf(taskId, row)).channels.get(name)
    if (!channel) throw new ColoniesError(404, 'Channel not found')
    const isNew = ({ id }: { id: number }): boolean => after === undefined || id > after
    if (!channel.heads.some(isNew) && waitMs > 0 && (await nextOf(channel, waitMs, signal)) === 'ended') return undefined
    const found = channel.heads.filter(isNew).toSorted((a, b) => a.id - b.id)
    return this.load(after === undefined ? found.slice(-MOST_LOOKED_AT) : found.slice(0, MOST_LOOKED_AT))
  }

  private async add(process: OpenProcess, name: string, senderId: string, { sequence, replyTo, payload, type }: NewEntry): Promise<void> {
    const channel = process.channels.get(name)
    if (!channel) throw new ColoniesError(404, 'Channel not found')
    if (channel.heads.length >= MOST_ENTRIES || channel.bytes + payload.length > MOST_BYTES)
      throw new ColoniesError(500, 'channel log is full')
    const row = {
      taskId: process.taskId,
      channel: name,
      sequence: sequence.toString(),
      replyTo: replyTo.toString(),
      senderId,
      type: type === '' ? 'data' : type.slice(0, 1_000),
      payload,
      at: this.context.now(),
    }
    const id = await this.context.writer.exclusive((tx) => insertEntry(tx, row))
    const head = { id, sequence, senderId, bytes: payload.length }
    channel.heads.splice(insertAt(channel.heads, head), 0, head)
    channel.bytes += payload.length
    for (const follower of channel.followers) follower.entries([{ ...row, id }])
  }

  private load(heads: readonly Head[]): Promise<EntryRow[]> {
    return loadEntries(
      this.context.read,
      heads.map(({ id }) => id),
    )
  }

  private async need(processId: string, name: string, signer: string, verb: string): Promise<{ process: OpenProcess; channel: Channel }> {
    const { row, taskId } = await this.processes.need(processId, signer)
    const isOpen = row.state < SUCCESS && specOf(row.spec).channels.includes(name)
    if (!isOpen) throw new ColoniesError(404, 'Channel not found')
    const isIts = row.initiatorId === signer || (row.state === RUNNING && row.executorId === signer)
    if (!isIts) throw new ColoniesError(403, `Not authorized to ${verb} channel`)
    const process = await this.openOf(taskId, row)
    const channel = process.channels.get(name)
    if (!channel) throw new ColoniesError(404, 'Channel not found')
    return { process, channel }
  }

  private openOf(taskId: string, row: ProcessRow): Promise<OpenProcess> {
    let known = this.open.get(taskId)
    if (!known) {
      known = this.loadChannels(taskId, row)
      this.open.set(taskId, known)
      known.catch(() => this.open.delete(taskId))
    }
    return known
  }

  private async loadChannels(taskId: string, row: ProcessRow): Promise<OpenProcess> {
    const channels = new Map(
      specOf(row.spec).channels.map((name): [string, Channel] => [name, { heads: [], bytes: 0, followers: new Set() }]),
    )
    for (const { id, channel: name, sequence, senderId, bytes } of await entryHeads(this.context.read, row.taskId)) {
      const channel = channels.get(name)
      if (!channel) continue
      const head = { id, sequence: BigInt(sequence), senderId, bytes }
      channel.heads.splice(insertAt(channel.heads, head), 0, head)
      channel.bytes += bytes
    }
    const unwatch = this.watching.watch(taskId, row.isGraph === 1, () => void this.look(taskId, row))
    const process: OpenProcess = { taskId: row.taskId, channels, rate: new RateLimit(), unwatch, tail: Promise.resolve() }
    // It may have ended while its entries were loaded.
    setImmediate(() => void this.look(taskId, row))
    return process
  }

  /** The process changed: when it has ended, so have its channels. */
  private async look(taskId: string, { jobPublicId, index }: ProcessRow): Promise<void> {
    try {
      const row = await this.processes.findByJob(jobPublicId, index)
      if (row && row.state < SUCCESS) return
      const process = await this.open.get(taskId)
      if (!process || !this.open.delete(taskId)) return
      process.unwatch()
      for (const channel of process.channels.values()) for (const follower of channel.followers) follower.ended()
      await this.context.writer.exclusive((tx) => deleteEntries(tx, process.taskId))
    } catch (error) {
      this.context.log.error({ err: error, taskId }, 'cannot close the channels of a process')
    }
  }
}

/** Waits for an entry, the end of the process, the time or the caller, whichever comes first. */
function nextOf({ followers }: Channel, waitMs: number, signal: CancelSignal): Promise<'entry' | 'ended' | 'nothing'> {
  return new Promise((resolve) => {
    const finish = (how: 'entry' | 'ended' | 'nothing'): void => {
      clearTimeout(timer)
      followers.delete(follower)
      resolve(how)
    }
    const follower: Follower = { entries: () => finish('entry'), ended: () => finish('ended') }
    const timer = setTimeout(() => finish('nothing'), waitMs)
    followers.add(follower)
    if (signal.aborted) finish('nothing')
    else signal.addEventListener('abort', () => finish('nothing'), { once: true })
  })
}

function pageOf(heads: readonly Head[], after: bigint, limit: number): Head[] {
  const start = after < 0n ? 0 : Number(after > BigInt(heads.length) ? BigInt(heads.length) : after)
  const page: Head[] = []
  let bytes = 0
  for (const head of heads.slice(start, limit > 0 ? start + limit : undefined)) {
    bytes += head.bytes
    if (page.length > 0 && bytes > MOST_AT_ONCE) break
    page.push(head)
  }
  return page
}
