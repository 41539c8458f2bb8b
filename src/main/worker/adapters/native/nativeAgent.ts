/** The agent for our own manager: joins once, signs on at each start and after each outage, and runs up to `slots` attempts. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Compile } from 'typebox/compile'
import { deferred } from '../../../../shared/async.ts'
import { Report, type Fence } from '../../../../shared/schemas/agent.ts'
import type { Load } from '../../../../shared/schemas/worker.ts'
import type { Agent, AgentEnd, AgentOptions, AgentStatus } from '../../agent.ts'
import { StoppedError } from '../../contract/commands.ts'
import type { Credentials } from '../../link/credentials.ts'
import { GivenBackError } from '../../contract/errors.ts'
import { Journals } from '../../reporting/journal.ts'
import { ReportLog } from '../../reporting/reportLog.ts'
import { backoffDelay, pause, settlesWithin, type BackoffRule } from '../../../../shared/async.ts'
import { AgentApi, isClone, isUnknownWorker } from './agentApi.ts'
import { CheckoutCopies } from './checkouts.ts'
import { Control } from './control.ts'
import { WorkerRequestRunner } from './workerRequestRunner.ts'
import { HeldAttempts } from './heldAttempts.ts'
import { JobResults } from './results/jobResults.ts'
import { ResultsApi } from './results/resultsApi.ts'
import { joinManager, keepFarm, keptIdentity, kindsOf, foldersOf } from './identity.ts'
import { PreviewUploads } from './previewUploads.ts'
import { ManagerConnection } from './managerConnection.ts'
import { WarmAppReporter } from './warmAppReporter.ts'

const RECONNECT: BackoffRule = { firstMs: 100, maxMs: 10_000, factor: 2, jitter: 0.2 }
/** Consecutive "unknown worker" replies before the worker accepts it and joins again. */
const UNKNOWN_BEFORE_REJOIN = 3
const UNKNOWN_PAUSE_MS = 1000
const LOAD_EVERY_MS = 5000
/** At shutdown: time limits for children to end, reports to be delivered, and previews to be uploaded. */
const END_PATIENCE_MS = 15_000
const DELIVER_PATIENCE_MS = 5000
const PREVIEW_PATIENCE_MS = 2000
/** What is not sent by then is sent at the next start. */
const RESULT_PATIENCE_MS = 10_000

/** Everything that belongs to one identity at the manager. */
interface WorkerIdentity {
  credentials: Credentials
  reportLog: ReportLog
  held: HeldAttempts
  control: Control
  previews: PreviewUploads | undefined
  results: JobResults
  requests: WorkerRequestRunner
  session: ManagerConnection
}

const isReport = Compile(Report)

export class NativeAgent implements Agent {
  private readonly options: AgentOptions
  private readonly api: AgentApi
  private readonly ending = new AbortController()
  private readonly ended = deferred<void>()
  private identity: WorkerIdentity | undefined
  private endReason: AgentEnd = 'stopped'
  private stopping: Promise<void> | undefined
  private failures = 0
  private connected = false
  private signedOn = false
  /** Of the kinds and capabilities reported so far. */
  private changes = 0
  private problem = 'connecting'
  private latestLoad: Load | undefined
  private loadSampledAt = Number.NEGATIVE_INFINITY

  constructor(options: AgentOptions) {
    this.options = options
    this.api = new AgentApi(options.http)
  }

  async run(): Promise<AgentEnd> {
    // Kinds and capabilities are reported only at sign-on.
    const watch = this.options.registry.watch?.(() => {
      this.changes += 1
      this.identity?.session.end()
    })
    try {
      const refused = new Set<string>()
      let credentials = await keptIdentity(this.options)
      while (!this.ending.signal.aborted) {
        credentials ??= await joinManager(this.api, this.options, refused, (problem) => (this.problem = problem), this.ending.signal)
        if (credentials === undefined) break
        const identity = await this.openIdentity(credentials)
        const isForgotten = await this.serve(identity)
        if (!isForgotten) break
        refused.add(credentials.workerId)
        credentials = undefined
        await this.abandon(identity)
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
    // A second, impatient call does not wait for running attempts.
    else if (!options.graceful) this.giveBackAll()
    return this.stopping
  }

  status(): AgentStatus {
    const identity = this.identity
    return {
      adapter: 'native',
      connected: this.connected,
      workerIds: identity === undefined ? [] : [identity.credentials.workerId],
      status: this.stopping !== undefined ? 'stopping' : this.connected ? (identity?.control.status ?? 'starting') : 'starting',
      approved: identity?.control.approved ?? false,
      running: identity?.held.running() ?? [],
      undelivered: identity?.reportLog.size ?? 0,
      problem: this.connected ? '' : this.problem,
    }
  }

  /** Opens the report log and the rest for an identity, and restores the ends that an earlier run could not deliver. */
  private async openIdentity(credentials: Credentials): Promise<WorkerIdentity> {
    const { options } = this
    this.api.authenticate(credentials.workerId, credentials.secret)
    const undeliveredEnds: { fence: Fence; seq: number }[] = []
    const reportLog = await ReportLog.open({ directory: this.reportLogFolder(credentials), log: options.log }, (entry) => {
      if (!entry.json.includes('"type":"finished"')) return
      const report: unknown = JSON.parse(entry.json)
      if (!isReport.Check(report) || report.event.type !== 'finished') return
      undeliveredEnds.push({ fence: { taskId: report.taskId, attempt: report.attempt }, seq: report.seq })
    })
    const previews = this.openPreviews(credentials, reportLog)
    const journals = new Journals(options.dataDir, options.log)
    const checkouts = new CheckoutCopies(join(options.dataDir, 'checkouts'), this.api, options.log)
    const results = new JobResults({
      folder: join(options.dataDir, 'results', credentials.workerId),
      api: new ResultsApi(this.api),
      reportLog,
      log: options.log,
      random: options.random,
      isInUse: (folder) => previews?.hasBelow(folder) ?? false,
    })
    if (previews !== undefined) previews.onDone = () => void results.sender.releaseUnused()
    const requests = new WorkerRequestRunner({
      api: this.api,
      deps: options.attempts,
      checkouts,
      previews: options.previews,
      log: options.log,
    })
    const held: HeldAttempts = new HeldAttempts({
      capacity: options.slots,
      reportLog,
      checkouts,
      storedFile: ({ sha, size }, signal) => this.api.file(sha, size, signal),
      deps: options.attempts,
      journals,
      results,
      onOutput: (fence, file, seq, shownPath) => previews?.add(fence, file.path, seq, shownPath),
      accepting: () => control.accepting,
      onEnded: () => control.evaluate(),
    })
    for (const { fence, seq } of undeliveredEnds) if (seq > reportLog.acked) held.addEnded(fence, seq)
    const interrupted = journals.load()
    for (const journal of interrupted) held.addInterrupted(journal)
    await results.resume(interrupted.map(({ assignment }) => assignment))
    const certify = (domain: string, publicKey: string) => this.api.certifyGateway(domain, publicKey, this.ending.signal)
    const control = new Control(
      {
        workerName: options.name,
        log: options.log,
        onEnd: (status) => this.endBecause(status),
        onApproved: () => options.onApproved?.(certify),
      },
      held,
    )
    const session = new ManagerConnection({
      api: this.api,
      reportLog,
      held,
      control,
      sessions: options.attempts.sessions && new WarmAppReporter(options.attempts.sessions),
      requests,
      workerName: options.name,
      load: () => this.load(),
      onAnswer: () => {
        this.failures = 0
      },
      log: options.log,
    })
    this.identity = { credentials, reportLog, held, control, previews, results, requests, session }
    return this.identity
  }

  private openPreviews(credentials: Credentials, reportLog: ReportLog): PreviewUploads | undefined {
    const { previews: maker, log, random } = this.options
    if (maker === undefined) return undefined
    const file = join(this.reportLogFolder(credentials), 'previews.json')
    const uploads = new PreviewUploads({ file, api: this.api, reportLog, maker, log, random })
    void uploads.resume()
    return uploads
  }

  /** Signs on and works, repeatedly. True when the manager no longer accepts its credentials. */
  private async serve(identity: WorkerIdentity): Promise<boolean> {
    const { signal } = this.ending
    let unknown = 0
    while (!signal.aborted) {
      let failure: unknown
      try {
        const { changes } = this
        const leaseSeconds = await this.signOn(identity)
        unknown = 0
        // A change during the sign-on may not be included in it.
        if (changes !== this.changes) continue
        failure = await identity.session.run(leaseSeconds, signal)
        // We closed the connection to report a change: nothing was lost.
        if (failure === undefined && !signal.aborted) continue
      } catch (error) {
        failure = error
      }
      if (signal.aborted) return false
      this.lost(failure)
      if (isClone(failure)) {
        this.options.log.error(
          { workerId: identity.credentials.workerId, data: this.options.dataDir },
          "this worker's data folder is a copy of the data folder of a running worker; joining as a new worker. Exclude the folder from machine images",
        )
        return true
      }
      if (isUnknownWorker(failure)) {
        if (++unknown >= UNKNOWN_BEFORE_REJOIN) return true
        await pause(UNKNOWN_PAUSE_MS, signal)
      } else await pause(backoffDelay(++this.failures, RECONNECT, this.options.random()), signal)
    }
    return false
  }

  private async signOn(identity: WorkerIdentity): Promise<number> {
    const { options } = this
    const { held, reportLog, control } = identity
    const reply = await this.api.signOn(
      {
        name: options.name,
        software: options.software,
        kinds: kindsOf(options),
        capacity: options.slots,
        canRestart: options.canRestart,
        machine: await options.describeMachine?.(),
        capabilities: await options.registry.capabilities?.(),
        folders: foldersOf(options.folders),
        running: held.fences(),
        ...(options.signInKey !== undefined && { signIn: { key: options.signInKey, person: options.person ?? '' } }),
      },
      this.ending.signal,
    )
    this.signedOn = true
    await keepFarm(options, identity.credentials, reply.knownAt)
    reportLog.ack(reply.reportSeq)
    held.delivered(reply.reportSeq)
    held.keepOnly(reply.keep)
    held.resume(reply.keep)
    options.registry.sweep?.(() => held.keys()).catch((error: unknown) => options.log.warn({ err: error }, 'cannot look for leftovers'))
    if (reply.lost.length > 0) {
      options.log.warn({ lost: reply.lost }, 'the manager requeued attempts that this worker no longer runs')
    }
    control.signedOn(reply.status, reply.approved)
    this.connected = true
    options.log.info({ workerId: identity.credentials.workerId, status: control.status, approved: reply.approved }, 'signed on')
    return reply.leaseSeconds
  }

  private lost(failure: unknown): void {
    this.problem = failure instanceof Error ? failure.message : String(failure)
    if (this.connected) this.options.log.warn({ err: failure }, 'lost the connection to the manager; attempts continue, reports are kept')
    this.connected = false
  }

  /** The manager has deleted this worker: its attempts have no owner, and its reports no reader. */
  private async abandon(identity: WorkerIdentity): Promise<void> {
    this.options.log.warn({ workerId: identity.credentials.workerId }, 'the manager no longer knows this worker; joining again')
    identity.held.stopAll(() => new StoppedError('the manager no longer knows this worker'))
    await identity.held.idle()
    identity.requests.end()
    await identity.previews?.end()
    await identity.results.sender.end()
    await identity.reportLog.close()
    await rm(this.reportLogFolder(identity.credentials), { recursive: true, force: true })
    this.identity = undefined
  }

  private async stopOnce(graceful: boolean): Promise<void> {
    const identity = this.identity
    identity?.control.close()
    identity?.session.giveNextBack()
    if (graceful) await identity?.held.idle()
    this.giveBackAll()
    if (identity !== undefined) {
      await settlesWithin(identity.held.idle(), END_PATIENCE_MS)
      await identity.reportLog.written()
      if (this.connected) {
        await settlesWithin(identity.reportLog.whenAcked(identity.reportLog.lastSeq), DELIVER_PATIENCE_MS)
        await settlesWithin(identity.results.sender.idle(), RESULT_PATIENCE_MS)
        if (identity.previews !== undefined) await settlesWithin(identity.previews.idle(), PREVIEW_PATIENCE_MS)
      }
    }
    this.ending.abort()
    await this.ended.promise
  }

  private giveBackAll(): void {
    this.identity?.held.stopAll(() => new GivenBackError(`worker "${this.options.name}" was shut down`))
  }

  /** The manager requested it, and nothing runs: like a stop, with a different reason. */
  private endBecause(status: 'offline' | 'restart'): void {
    this.endReason = status
    void this.stop({ graceful: false })
  }

  private async leave(): Promise<void> {
    const identity = this.identity
    if (identity === undefined) return
    identity.requests.end()
    await identity.previews?.end()
    await identity.results.sender.end()
    if (this.signedOn) await this.api.signOff().catch((error: unknown) => this.options.log.warn({ err: error }, 'could not sign off'))
    await identity.reportLog.close()
    this.connected = false
    this.problem = 'stopped'
  }

  private reportLogFolder(credentials: Credentials): string {
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
