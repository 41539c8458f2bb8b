/** The worker's status: the current one, the requested one, and whether it accepts work. Applies status requests. */
import type { WorkerStatus } from '../../../../shared/enums.ts'
import { GivenBackError } from '../../contract/errors.ts'
import type { Logger } from '../../../../shared/logger.ts'
import type { HeldAttempts } from './heldAttempts.ts'
import { statusStep, type EndStatus, type OwnStatus } from './statusSteps.ts'

export interface ControlOptions {
  workerName: string
  log: Logger
  /** The manager requested the end of the program, and nothing runs. */
  onEnd(status: EndStatus): void
  /** The worker is approved: at a sign-on, or from now on. */
  onApproved?(): void
}

export class Control {
  private readonly options: ControlOptions
  private readonly held: HeldAttempts
  private requested: WorkerStatus | null = null
  private lazy = false
  /** A shutdown requested at sign-on; later replies do not repeat it. */
  private ordered: EndStatus | undefined
  private accept = true
  private closing = false
  /** The current status, sent in each `take`. */
  status: OwnStatus = 'awake'
  /** False until the manager's owner approves this worker. */
  approved = true

  constructor(options: ControlOptions, held: HeldAttempts) {
    this.options = options
    this.held = held
  }

  /** Whether new attempts are accepted now. */
  get accepting(): boolean {
    return this.accept && !this.closing
  }

  /** The program itself is ending: no new work, whatever the manager requests. */
  close(): void {
    this.closing = true
  }

  /**
   * The manager's reply to a sign-on: it already counts this worker as having that status, so the worker adopts it, and returns
   * the attempts that must not run.
   */
  signedOn(status: WorkerStatus, approved: boolean): void {
    const { become } = statusStep('awake', status, false, 0)
    if (become === 'awake' || become === 'asleep') this.status = become
    else this.ordered = become
    if (become !== 'awake') this.giveBack(become)
    this.request(null, false, approved, true)
  }

  /** The contents of the manager's last reply. */
  request(requested: WorkerStatus | null, lazy: boolean, approved: boolean, signedOn = false): void {
    if (approved !== this.approved) {
      this.options.log.info({}, approved ? 'this worker is approved' : 'this worker is waiting for approval')
    }
    if (approved && (signedOn || !this.approved)) this.options.onApproved?.()
    this.approved = approved
    if (requested !== null && requested !== this.requested && requested !== this.status) {
      this.options.log.info({ requested, lazy }, 'the manager requested a status change')
    }
    this.requested = requested
    this.lazy = lazy
    this.evaluate()
  }

  /** Takes the next step; called when a request arrived or an attempt ended. */
  evaluate(): void {
    if (this.closing) return
    const step = statusStep(this.status, this.ordered ?? this.requested, this.lazy, this.held.fences().length)
    this.accept = step.accept
    if (step.giveBack) this.giveBack(this.ordered ?? this.requested ?? 'asleep')
    if (step.become === 'offline' || step.become === 'restart') {
      this.closing = true
      this.options.onEnd(step.become)
      return
    }
    if (step.become !== this.status) this.options.log.info({ status: step.become }, 'status changed')
    this.status = step.become
  }

  private giveBack(asked: WorkerStatus): void {
    this.held.stopAll(() => new GivenBackError(`worker "${this.options.workerName}" was asked to go ${asked}`))
  }
}
