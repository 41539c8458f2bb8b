/** The worker's status: what it is, what the manager asks for, and whether it takes work. Effects of status requests are here. */
import type { WorkerStatus } from '../../../shared/enums.ts'
import { GivenBackError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import type { HeldAttempts } from './heldAttempts.ts'
import { statusStep, type EndStatus, type OwnStatus } from './statusSteps.ts'

export interface ControlOptions {
  workerName: string
  log: Logger
  /** The manager asked the program to end, and nothing runs any more. */
  onEnd(status: EndStatus): void
}

export class Control {
  private readonly options: ControlOptions
  private readonly held: HeldAttempts
  private requested: WorkerStatus | null = null
  private lazy = false
  /** An end that was ordered at a sign-on; later answers do not repeat it. */
  private ordered: EndStatus | undefined
  private accept = true
  private closing = false
  /** What the worker is; it tells so in each `take`. */
  status: OwnStatus = 'awake'
  /** False while the manager's owner has not let this worker in. */
  approved = true

  constructor(options: ControlOptions, held: HeldAttempts) {
    this.options = options
    this.held = held
  }

  /** Whether new attempts are welcome now. */
  get accepting(): boolean {
    return this.accept && !this.closing
  }

  /** The program itself wants to end: no new work, whatever the manager asks for. */
  close(): void {
    this.closing = true
  }

  /**
   * The manager's answer to a sign-on: it counts this worker as having that status already, so it has it, and what must
   * not run is given back.
   */
  signedOn(status: WorkerStatus, approved: boolean): void {
    const { become } = statusStep('awake', status, false, 0)
    if (become === 'awake' || become === 'asleep') this.status = become
    else this.ordered = become
    if (become !== 'awake') this.giveBack(become)
    this.request(null, false, approved)
  }

  /** What the manager said in its last answer. */
  request(requested: WorkerStatus | null, lazy: boolean, approved: boolean): void {
    if (approved !== this.approved) {
      this.options.log.info({}, approved ? 'this worker is approved' : 'this worker waits for approval by the owner of the farm')
    }
    this.approved = approved
    if (requested !== null && requested !== this.requested && requested !== this.status) {
      this.options.log.info({ requested, lazy }, 'the manager asks for another status')
    }
    this.requested = requested
    this.lazy = lazy
    this.evaluate()
  }

  /** Takes the step that is due; to be called when a request came or an attempt ended. */
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
