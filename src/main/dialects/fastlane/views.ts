/** Jobs and executions as Fastlane's JSON shows them (protocol 2.8, 2.11, 4). */
import { containerOfActivity } from '../../../shared/schemas/container.ts'
import type { FarmSettings } from '../../../shared/schemas/settings.ts'
import type { ExecutionRow, FastlaneJobRow } from './store/queries.ts'
import { executionId, outputText, type OutputLogs } from './output.ts'
import { containerOf, errorText, executionStatus, exitCodeOf, isFinal } from './status.ts'
import { redact, redactVariables, type RedactionRules } from '../../security/redaction.ts'
import { wireTime, wireTimeOrNull } from './values.ts'

/** Addresses in replies; `base` without a slash at its end. */
export interface Urls {
  tasks(): string
  task(task: string): string
  job(task: string, jobId: string): string
  execution(task: string, jobId: string, executionId: string): string
}

export function urlsOf(base: string): Urls {
  const task = (name: string): string => `${base}/tasks/${encodeURIComponent(name)}/`
  const job = (name: string, jobId: string): string => `${task(name)}jobs/${jobId}/`
  return {
    tasks: () => `${base}/tasks/`,
    task,
    job,
    execution: (name, jobId, id) => `${job(name, jobId)}executions/${id}/`,
  }
}

export interface ViewParts {
  logs: OutputLogs
  now(): number
}

/** An execution object (protocol 2.11), without its address. */
export async function executionView(row: ExecutionRow, { logs, now }: ViewParts): Promise<Record<string, unknown>> {
  const status = executionStatus(row, now())
  const ended = isFinal(status)
  const stderr = ended ? await outputText(logs, row, 'stderr') : ''
  return {
    command: row.command,
    createdAt: wireTime(row.appearsAt),
    error: ended ? errorText(row, status, stderr) : null,
    executionId: executionId(row),
    exitCode: ended ? exitCodeOf(row) : null,
    finishedAt: ended ? wireTimeOrNull(row.finishedAt) : null,
    image: row.image,
    log: ended ? await outputText(logs, row, 'stdout') : null,
    metadata: executionMetadata(row),
    requestIPAddress: row.requestIp,
    startedAt: wireTimeOrNull(row.startedAt),
    status,
  }
}

/** Protocol 4.3. */
function executionMetadata(row: ExecutionRow): Record<string, unknown> {
  const running = row.status === 'active' ? containerOfActivity(row.activity) : undefined
  const container = running === undefined ? containerOf(row) : { host: running.host, containerId: running.id }
  // Written by dialects/fastlane/store/rows.ts.
  const dispatches = redact(JSON.parse(row.dispatches), rulesOf('')) as unknown[]
  return {
    ...(container?.host !== undefined && hostParts(container.host)),
    ...(container?.containerId !== undefined && { container_id: container.containerId }),
    ...(dispatches.length > 0 && { webhookDispatch: dispatches }),
  }
}

function hostParts(address: string): { docker_host: string; docker_port: number } {
  const { host, port } = splitHost(address)
  return { docker_host: host, docker_port: port }
}

/** An engine's address as Fastlane names it: host and port; a socket's path and 0. */
export function splitHost(address: string): { host: string; port: number } {
  const match = /^(?:[a-z]+:\/\/)?(?:[^@/]*@)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(address)
  if (address.startsWith('unix:') || address.startsWith('npipe:') || !match) {
    return { host: address.replace(/^(unix|npipe):\/\//, ''), port: 0 }
  }
  return { host: (match[1] ?? '').replace(/^\[|\]$/g, ''), port: Number(match[2] ?? (address.startsWith('ssh:') ? 22 : 2375)) }
}

/** The members of a job that do not depend on the caller (protocol 2.8). @param scheduled it has a cron */
export function jobView(row: FastlaneJobRow, scheduled: boolean, settings: Pick<FarmSettings, 'hiddenWords'>): Record<string, unknown> {
  const { task, command, image, requestIp } = row
  return {
    command,
    createdAt: wireTime(row.createdAt),
    image,
    lastModifiedAt: wireTime(row.modifiedAt),
    metadata: jobMetadata(row, settings.hiddenWords),
    requestIPAddress: requestIp,
    scheduled,
    taskId: task,
  }
}

/** Protocol 4.2; the values of variables and headers with secret-looking names are hidden. */
function jobMetadata(row: FastlaneJobRow, hiddenWords: string): Record<string, unknown> {
  // Written by the dialect from a validated payload.
  const metadata = JSON.parse(row.metadata) as Record<string, unknown>
  return {
    ...metadata,
    envs: redactVariables(metadata['envs'], rulesOf(hiddenWords)),
    webhooks: redact(metadata['webhooks'], rulesOf(hiddenWords)),
    enqueued_id: row.queueId,
    retry_count: row.retryCount,
  }
}

/** Fastlane's own mark for hidden values (protocol 3.5). */
function rulesOf(words: string): RedactionRules {
  return { words, shown: '***', strict: false }
}
