/** The agent for our own manager: joins once, signs on at each start and after each outage, and runs up to `slots` attempts. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { deferred } from '../../../shared/deferred.ts'
import { Report, type Fence } from '../../../shared/schemas/agent.ts'
import type { Load } from '../../../shared/schemas/worker.ts'
import type { Agent, AgentEnd, AgentOptions, AgentStatus } from '../agent.ts'
import { StoppedError } from '../commands/types.ts'
import type { Credentials } from '../credentials.ts'
import { GivenBackError } from '../errors.ts'
import { Journals } from '../journal.ts'
import { Outbox } from '../outbox.ts'
import { backoffDelay, pause, settlesWithin, type BackoffRule } from '../timing.ts'
import { AgentApi, isUnknownWorker } from './agentApi.ts'
import { CheckoutCopies } from './checkouts.ts'
import { Control } from './control.ts'
import { ErrandRunner } from './errandRunner.ts'
import { HeldAttempts } from './heldAttempts.ts'
import { joinManager, keptIdentity, kindsOf } from './identity.ts'
import { PreviewUploads } from './previewUploads.ts'
import { Session } from './session.ts'
import { SessionTeller } from './sessionTeller.ts'

const RECONNECT: BackoffRule = { firstMs: 100, maxMs: 10_000, factor: 2, jitter: 0.2 }
/** Asked so often in a row before "unknown worker" is believed and a new identity is made. */
const UNKNOWN_BEFORE_REJOIN = 3
const UNKNOWN_PAUSE_MS = 1000
const LOAD_EVERY_MS = 5000
/** Stopping: how long children may take to end, what is said to be delivered, and previews to be uploaded. */
const END_PATIENCE_MS = 15_000
const DELIVER_PATIENCE_MS = 5000
const PREVIEW_PATIENCE_MS = 2000

/** Everything that belongs to one identity at the manager. */
interface Standing {
  credentials: Credentials
  outbox: Outbox
  held: HeldAttempts
  control: Control
  previews: PreviewUploads | undefined
  errands: ErrandRunner
  session: Session
}

const isReport = Compile(Report)

export class NativeAgent implements Agent {
  private readonly options: AgentOptions
  private readonly api: AgentApi
  private readonly ending = new AbortController()
  private readonly ended = deferred<void>()
  private standing: Standing | undefined
  private endReason: AgentEnd = 'stopped'
  private stopping: Promise<void> | undefined
  private failures = 0
  private connected = false
  private signedOn = false
  /** Of kinds and capabilities so far. */
  private changes = 0
  private problem = 'connecting'
  private latestLoad: Load | undefined
  private loadSampledAt = Number.NEGATIVE_INFINITY

  constructor(options: AgentOptions) {
    this.options = options
    this.api = new AgentApi(options.http)
  }

  async run(): Promise<AgentEnd> {
    // Kinds and capabilities are told at sign-on only.
    const watch = this.options.registry.watch?.(() => {
      this.changes += 1
      this.standing?.session.end()
    })
    try {
      let credentials = await keptIdentity(this.options)
      while (!this.ending.signal.aborted) {
        credentials ??= await joinManager(this.api, this.options, (problem) => (this.problem = problem), this.ending.signal)
        if (credentials === undefined) break
        const standing = await this.openStanding(credentials)
        const isForgotten = await this.serve(standing)
        if (!isForgotten) break
        credentials = undefined
        await this.abandon(standing)
      }
      await this.leave()
      return this.endReason
    } finally {
      watch?.stop()
      this.ended.resolve()
    }
  }

  stop(options: { graceful: boolean }): Promise<void> {
    if (this.stopping === undefined) this.stopping = this.stopOnce(options.graceful)
    // A second, impatient call does not wait for what runs.
    else if (!options.graceful) this.giveBackAll()
    return this.stopping
  }

  status(): AgentStatus {
    const standing = this.standing
    return {
      adapter: 'native',
      connected: this.connected,
      workerIds: standing === undefined ? [] : [standing.credentials.workerId],
      status: this.stopping !== undefined ? 'stopping' : this.connected ? (standing?.control.status ?? 'starting') : 'starting',
      approved: standing?.control.approved ?? false,
      running: standing?.held.running() ?? [],
      undelivered: standing?.outbox.size ?? 0,
      problem: this.connected ? '' : this.problem,
    }
  }

  /** Opens outbox and the rest for an identity, and remembers which ends an earlier run could not deliver. */
  private async openStanding(credentials: Credentials): Promise<Standing> {
    const { options } = this
    this.api.authenticate(credentials.workerId, credentials.secret)
    const undeliveredEnds: { fence: Fence; seq: number }[] = []
    const outbox = await Outbox.open({ directory: this.outboxFolder(credentials), log: options.log }, (entry) => {
      if (!entry.json.includes('"type":"finished"')) return
      const report: unknown = JSON.parse(entry.json)
      if (!isReport.Check(report) || report.event.type !== 'finished') return
      undeliveredEnds.push({ fence: { taskId: report.taskId, attempt: report.attempt }, seq: report.seq })
    })
    const previews = this.openPreviews(credentials, outbox)
    const journals = new Journals(options.dataDir, options.log)
    const checkouts = new CheckoutCopies(join(options.dataDir, 'checkouts'), this.api, options.log)
    const errands = new ErrandRunner({
      api: this.api,
      deps: options.attempts,
      checkouts,
      previews: options.previews,
      log: options.log,
    })
    const held: HeldAttempts = new HeldAttempts({
      capacity: options.slots,
      outbox,
      checkouts,
      deps: options.attempts,
      journals,
      onOutput: (fence, file, seq) => previews?.add(fence, file.path, seq),
      accepting: () => control.accepting,
      onEnded: () => control.evaluate(),
    })
    for (const { fence, seq } of undeliveredEnds) if (seq > outbox.acked) held.addEnded(fence, seq)
    for (const journal of journals.load()) held.addInterrupted(journal)
    const control = new Control({ workerName: options.name, log: options.log, onEnd: (status) => this.endBecause(status) }, held)
    const session = new Session({
      api: this.api,
      outbox,
      held,
      control,
      sessions: options.attempts.sessions && new SessionTeller(options.attempts.sessions),
      errands,
      workerName: options.name,
      load: () => this.load(),
      onAnswer: () => {
        this.failures = 0
      },
      log: options.log,
    })
    this.standing = { credentials, outbox, held, control, previews, errands, session }
    return this.standing
  }

  private openPreviews(credentials: Credentials, outbox: Outbox): PreviewUploads | undefined {
    const { previews: maker, log, random } = this.options
    if (maker === undefined) return undefined
    const file = join(this.outboxFolder(credentials), 'previews.json')
    const uploads = new PreviewUploads({ file, api: this.api, outbox, maker, log, random })
    void uploads.resume()
    return uploads
  }

  /** Signs on and works, again and again. True when the manager no longer knows this worker. */
  private async serve(standing: Standing): Promise<boolean> {
    const { signal } = this.ending
    let unknown = 0
    while (!signal.aborted) {
      let failure: unknown
      try {
        const { changes } = this
        const leaseSeconds = await this.signOn(standing)
        unknown = 0
        // What changed while it was told may have been told as it was before.
        if (changes !== this.changes) continue
        failure = await standing.session.run(leaseSeconds)
        // Ended by us, to tell what changed: nothing was lost.
        if (failure === undefined && !signal.aborted) continue
      } catch (error) {
        failure = error
      }
      if (signal.aborted) return false
      this.lost(failure)
      if (isUnknownWorker(failure)) {
        if (++unknown >= UNKNOWN_BEFORE_REJOIN) return true
        await pause(UNKNOWN_PAUSE_MS, signal)
      } else await pause(backoffDelay(++this.failures, RECONNECT, this.options.random()), signal)
    }
    return false
  }

  private async signOn(standing: Standing): Promise<number> {
    const { options } = this
    const { held, outbox, control } = standing
    const reply = await this.api.signOn(
      {
        name: options.name,
        software: options.software,
        kinds: kindsOf(options),
        capacity: options.slots,
        canRestart: options.canRestart,
        machine: await options.describeMachine?.(),
        capabilities: await options.registry.capabilities?.(),
        running: held.fences(),
      },
      this.ending.signal,
    )
    this.signedOn = true
    outbox.ack(reply.reportSeq)
    held.delivered(reply.reportSeq)
    held.keepOnly(reply.keep)
    held.resume(reply.keep)
    options.registry.sweep?.(() => held.keys()).catch((error: unknown) => options.log.warn({ err: error }, 'cannot look for leftovers'))
    if (reply.lost.length > 0) {
      options.log.warn({ lost: reply.lost }, 'the manager requeued attempts that this worker does not run any more')
    }
    control.signedOn(reply.status, reply.approved)
    this.connected = true
    options.log.info({ workerId: standing.credentials.workerId, status: control.status, approved: reply.approved }, 'signed on')
    return reply.leaseSeconds
  }

  private lost(failure: unknown): void {
    this.problem = failure instanceof Error ? failure.message : String(failure)
    if (this.connected) this.options.log.warn({ err: failure }, 'lost the manager; what runs goes on, reports are kept')
    this.connected = false
  }

  /** The manager has forgotten this worker: what it ran belongs to nobody, and what it had to say has no reader. */
  private async abandon(standing: Standing): Promise<void> {
    this.options.log.warn({ workerId: standing.credentials.workerId }, 'the manager does not know this worker any more; joining anew')
    standing.held.stopAll(() => new StoppedError('the manager does not know this worker any more'))
    await standing.held.idle()
    standing.errands.end()
    await standing.previews?.end()
    await standing.outbox.close()
    await rm(this.outboxFolder(standing.credentials), { recursive: true, force: true })
    this.standing = undefined
  }

  private async stopOnce(graceful: boolean): Promise<void> {
    const standing = this.standing
    standing?.control.close()
    standing?.session.giveNextBack()
    if (graceful) await standing?.held.idle()
    this.giveBackAll()
    if (standing !== undefined) {
      await settlesWithin(standing.held.idle(), END_PATIENCE_MS)
      await standing.outbox.written()
      if (this.connected) {
        await settlesWithin(standing.outbox.whenAcked(standing.outbox.lastSeq), DELIVER_PATIENCE_MS)
        if (standing.previews !== undefined) await settlesWithin(standing.previews.idle(), PREVIEW_PATIENCE_MS)
      }
    }
    this.ending.abort()
    standing?.session.end()
    await this.ended.promise
  }

  private giveBackAll(): void {
    this.standing?.held.stopAll(() => new GivenBackError(`worker "${this.options.name}" was shut down`))
  }

  /** The manager asked for it, and nothing runs: as if stopped, with another reason. */
  private endBecause(status: 'offline' | 'restart'): void {
    this.endReason = status
    void this.stop({ graceful: false })
  }

  private async leave(): Promise<void> {
    const standing = this.standing
    if (standing === undefined) return
    standing.errands.end()
    await standing.previews?.end()
    if (this.signedOn) await this.api.signOff().catch((error: unknown) => this.options.log.warn({ err: error }, 'could not sign off'))
    await standing.outbox.close()
    this.connected = false
    this.problem = 'stopped'
  }

  private outboxFolder(credentials: Credentials): string {
    return join(this.options.dataDir, 'outbox', credentials.workerId)
  }

  /** The latest sample; starts a new one when it is old, without waiting for it. */
  private load(): Load | undefined {
    const { load, log } = this.options
    if (load !== undefined && performance.now() - this.loadSampledAt >= LOAD_EVERY_MS) {
      this.loadSampledAt = performance.now()
      load.sample().then(
        (sample) => (this.latestLoad = sample),
        (error: unknown) => log.debug({ err: error }, 'no load sample'),
      )
    }
    return this.latestLoad
  }
}
