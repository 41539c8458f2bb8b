/** What runs: the plan of a payload or of an earlier execution, and the values that are stored with a job. Pure. */
import { Value } from 'typebox/value'
import { Policy } from '../../../../shared/policy.ts'
import type { FarmSettings } from '../../../../shared/schemas/settings.ts'
import type { CompiledJob } from '../../../engine/base/compiledJob.ts'
import type { JobOwnership } from '../../../engine/base/farmRecords.ts'
import { compileTasks } from '../../../engine/compile/compileTasks.ts'
import type { Payload } from '../payload.ts'
import type { ExecutionRow, FastlaneJobRow } from '../store/queries.ts'
import type { FastlaneJobValues, FastlaneRun } from '../store/rows.ts'

/** The caller: owner of what is created, and the address that is shown. */
export interface Requester extends JobOwnership {
  ip: string
}

/** The run of an execution: what a retry needs to run the same again. */
export interface RunPlan {
  image: string
  command: string
  env: Record<string, string | null>
  extraHosts: Record<string, string>
  timeoutMs: number
}

/** One failure is final for its run: Fastlane's retry is a separate run. No run fails the others. */
export function policyOf({ taskTimeoutMs, maxLogBytes }: Pick<FarmSettings, 'taskTimeoutMs' | 'maxLogBytes'>): Policy {
  return {
    ...Value.Create(Policy),
    failAfterWorkers: 1,
    retryOnSameWorker: true,
    blockAfterFailures: 0,
    failJobAtPercent: 101,
    lastTaskDecides: true,
    touchTimeoutMs: taskTimeoutMs,
    ...(maxLogBytes > 0 && { maxLogBytes }),
  }
}

export function planFrom({ image, command, env, extraHosts, timeoutMs }: Payload): RunPlan {
  return { image, command, env, extraHosts, timeoutMs }
}

/** The plan of a repeated execution: its own image and command, everything else from the current job. */
export function planOf(job: FastlaneJobRow, { image, command }: Pick<ExecutionRow, 'image' | 'command'>): RunPlan {
  // Written by `jobValues`.
  const { envs, additional_dns_entries, timeout } = JSON.parse(job.metadata) as {
    envs: Record<string, unknown>
    additional_dns_entries: [string, string][]
    timeout: number
  }
  const env = Object.entries(envs).map(([name, value]) => [
    name,
    value === null || typeof value === 'string' ? value : JSON.stringify(value),
  ])
  return { image, command, env: Object.fromEntries(env), extraHosts: Object.fromEntries(additional_dns_entries), timeoutMs: timeout * 1000 }
}

export function runOf({ image, command }: ExecutionRow): { image: string; command: string } {
  return { image, command }
}

/** @param before the job that is changed: its `custom` stays when the new payload has none */
export function jobValues(
  task: string,
  clientId: string,
  payload: Payload,
  by: Requester,
  before: FastlaneJobRow | undefined,
): FastlaneJobValues {
  // Written by this function.
  const { custom } = before ? (JSON.parse(before.metadata) as { custom?: unknown }) : {}
  const kept = payload.hasCustom || custom === undefined ? {} : { custom }
  const { image, command, metadata } = payload
  return { task, clientId, image, command, requestIp: by.ip, metadata: { ...metadata, ...kept } }
}

export function timingOf({ start, expiresAt }: Payload): NonNullable<CompiledJob['timing']> {
  return { ...(start.kind === 'delayed' && { notBefore: start.at }), ...(expiresAt !== null && { startBy: expiresAt }) }
}

/** A job that waits for its cron has no run yet. */
export function withoutTasks(compiled: CompiledJob, run: FastlaneRun): CompiledJob {
  return {
    settings: compiled.settings,
    metadata: compiled.metadata,
    ...compileTasks([]),
    sideRows: [{ kind: 'fastlane', values: run }],
  }
}

/** An automatic retry that waits: it is visible, but its time has not come. */
export function isDelayedRetry({ notBefore, appearsAt, status }: ExecutionRow, now: number): boolean {
  return status === 'queued' && notBefore !== null && notBefore > now && appearsAt <= now
}
