/** Workers as callers of the engine see them: by public id, over the parts that keep their state, requests and applications. */
import type { WorkerStatus } from '../../../shared/enums.ts'
import type { WorkerRequest, WorkerRequestAnswer } from '../../../shared/schemas/agent.ts'
import type { SleepSchedule } from '../../../shared/schemas/worker.ts'
import type { Core } from '../base/core.ts'
import type { FarmWorkers } from '../base/farmEngine.ts'
import type { NewWorker, WorkerQuestion, WorkerSignOn } from '../base/farmRecords.ts'
import type { WorkerState } from '../base/model.ts'
import type { Assignments } from '../jobs/assignments.ts'
import type { WarmApps } from '../queue/warmApps.ts'
import { askWorker } from './askWorker.ts'
import type { Instances } from './instances.ts'
import type { Joining } from './joining.ts'
import type { Machines } from './machines.ts'
import type { Tags } from './tags.ts'
import type { WorkerRequests } from './workerRequests.ts'
import type { WorkerRoster } from './workerRoster.ts'

interface WorkersParts {
  roster: WorkerRoster
  joining: Joining
  instances: Instances
  requests: WorkerRequests
  machines: Machines
  tags: Tags
  sessions: WarmApps
  assignments: Assignments
}

export class Workers implements FarmWorkers {
  constructor(
    private readonly core: Core,
    private readonly parts: WorkersParts,
  ) {}

  all(): WorkerState[] {
    return this.parts.roster.all()
  }

  find(workerId: string): WorkerState | undefined {
    return this.parts.roster.find(workerId)
  }

  ask(workerId: string, question: WorkerQuestion): Promise<unknown> {
    return askWorker(this.parts, workerId, question)
  }

  openRequest(workerId: string, requestId: string): WorkerRequest {
    return this.parts.requests.need(this.key(workerId), requestId)
  }

  async answerRequest(workerId: string, requestId: string, answer: WorkerRequestAnswer): Promise<void> {
    this.parts.requests.answer(this.key(workerId), requestId, answer)
  }

  register(worker: NewWorker): Promise<WorkerState> {
    return this.parts.joining.register(worker)
  }

  signOn(workerId: string, signOn: WorkerSignOn): ReturnType<WorkerRoster['signOn']> {
    return this.parts.roster.signOn(workerId, signOn)
  }

  signOff(workerId: string): Promise<void> {
    this.parts.instances.signOff(this.key(workerId))
    return this.parts.roster.signOff(workerId)
  }

  instanceBegins(workerId: string, instance: string): Promise<void> {
    return this.parts.instances.signOn(this.key(workerId), instance)
  }

  instanceCalls(workerId: string, instance: string): void {
    this.parts.instances.recordCall(this.key(workerId), instance)
  }

  signedOnAt(workerId: string): number | undefined {
    return this.parts.roster.signedOnAt(workerId)
  }

  changedStatus(workerId: string, status: WorkerStatus): Promise<void> {
    return this.parts.roster.changedStatus(workerId, status)
  }

  seen(workerId: string): void {
    this.parts.roster.seen(this.parts.roster.need(workerId))
  }

  requestStatus(workerId: string, status: WorkerStatus, lazy: boolean): Promise<void> {
    return this.parts.roster.requestStatus(workerId, status, lazy)
  }

  approve(workerId: string): Promise<void> {
    return this.parts.roster.approve(workerId)
  }

  rename(workerId: string, name: string): Promise<void> {
    return this.parts.roster.rename(workerId, name)
  }

  setTags(workerId: string, tagIds: string[]): Promise<void> {
    const keys = tagIds.flatMap((id) => this.parts.tags.find(id)?.id ?? [])
    return this.parts.roster.setTags(workerId, keys)
  }

  setSleepSchedule(workerId: string, schedule: SleepSchedule): Promise<void> {
    return this.parts.roster.setSleepSchedule(workerId, schedule)
  }

  async delete(workerId: string): Promise<void> {
    const key = this.key(workerId)
    await this.parts.roster.remove(workerId)
    this.parts.sessions.closeAll(key, 'the worker was deleted')
    await this.core.store.durable()
  }

  changeMachine(machineId: string, changes: { name?: string; hourlyRate?: number | null; watts?: number | null }): Promise<void> {
    return this.parts.machines.change(machineId, changes)
  }

  /** @throws NotFoundError */
  private key(workerId: string): number {
    return this.parts.roster.need(workerId).id
  }
}
