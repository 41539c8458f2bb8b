/** Actors, executions and the rest as clients see them. Pure. */
import { executionId, workerId } from './values/ids.ts'
import { wireTime, wireTimeOrNone } from './values/times.ts'
import { shown, type Case } from './values/names.ts'
import { cronText } from './values/cron.ts'
import { parseExactly } from './values/json.ts'
import { levelName } from './model/levels.ts'
import { idOf, type Actor, type Alias, type Config, type Nonce } from './model/actor.ts'
import type { ExecutionDetail, ExecutionRow, ExecutionTotals } from './store/executions.ts'

export interface Wire {
  /** `https://HOST` */
  base: string
  case: Case
}

export const actorUrl = ({ base }: Wire, id: string): string => `${base}/actors/v2/${id}`
export const profileUrl = ({ base }: Wire, user: string): string => `${base}/profiles/v2/${user}`

/** @param mounts of its containers */
export function actorView(actor: Actor, mounts: readonly object[], wire: Wire): Record<string, unknown> {
  const { spec } = actor
  const id = idOf(actor)
  const view = {
    id,
    name: actor.name,
    image: spec.image,
    stateless: spec.stateless,
    type: spec.type,
    link: spec.link,
    token: spec.token,
    webhook: spec.webhook,
    hints: spec.hints,
    description: spec.description,
    privileged: spec.privileged,
    maxWorkers: spec.maxWorkers,
    memLimit: spec.memLimit,
    maxCpus: spec.maxCpus,
    useContainerUid: spec.useContainerUid,
    defaultEnvironment: plainJson(spec.defaultEnvironment),
    status: actor.status,
    statusMessage: actor.statusMessage,
    state: plainJson(actor.state),
    owner: actor.owner,
    mounts,
    revision: actor.revision,
    queue: spec.queue,
    logEx: spec.logEx,
    cronSchedule: spec.cronSchedule,
    cronOn: spec.cronOn,
    cronNextEx: actor.cronNext === null ? null : cronText(actor.cronNext),
    createTime: wireTime(actor.createdAt),
    lastUpdateTime: wireTime(actor.updatedAt),
    _links: { self: actorUrl(wire, id), owner: profileUrl(wire, actor.owner), executions: `${actorUrl(wire, id)}/executions` },
  }
  return shown(view, wire.case)
}

/** As JSON.parse reads it, which is what the reply's JSON is made of. */
export function plainJson(text: string): unknown {
  return JSON.parse(text)
}

export function summaryView(
  actor: Actor,
  { rows, totals }: { rows: readonly ExecutionRow[]; totals: ExecutionTotals },
  wire: Wire,
): Record<string, unknown> {
  const id = idOf(actor)
  const view = {
    apiServer: wire.base,
    actorId: id,
    owner: actor.owner,
    ids: rows.map((row) => executionId(actor.key, row.number)),
    executions: rows.map((row) => summaryItem(row, wire)),
    totalExecutions: totals.executions,
    totalCpu: totals.cpu,
    totalIo: totals.io,
    totalRuntime: totals.runtime,
    _links: { self: `${actorUrl(wire, id)}/executions`, owner: profileUrl(wire, actor.owner) },
  }
  return shown(view, wire.case)
}

/** Nulls stay here, in both spellings. */
function summaryItem(row: ExecutionRow, wire: Wire): Record<string, unknown> {
  const names = wire.case === 'camel' ? CAMEL_TIMES : SNAKE_TIMES
  return {
    id: executionId(row.actorKey, row.number),
    status: row.status,
    [names[0]]: timeOrNull(row.startedAt),
    [names[1]]: timeOrNull(row.finishedAt),
    [names[2]]: wireTime(row.receivedAt),
  }
}
const CAMEL_TIMES = ['startTime', 'finishTime', 'messageReceivedTime'] as const
const SNAKE_TIMES = ['start_time', 'finish_time', 'message_received_time'] as const

const timeOrNull = (at: number | null): string | null => (at === null ? null : wireTime(at))

export function executionView(actor: Actor, row: ExecutionRow & Partial<ExecutionDetail>, wire: Wire): Record<string, unknown> {
  const id = executionId(actor.key, row.number)
  const self = `${actorUrl(wire, idOf(actor))}/executions/${id}`
  const view = {
    id,
    actorId: idOf(actor),
    owner: actor.owner,
    executor: row.executor,
    apiServer: wire.base,
    status: row.status,
    workerId: row.worker === null ? null : workerId(actor.key, row.worker),
    messageReceivedTime: wireTime(row.receivedAt),
    startTime: timeOrNull(row.startedAt),
    finishTime: timeOrNull(row.finishedAt),
    runtime: row.runtime,
    cpu: row.cpu,
    io: row.io,
    exitCode: row.exitCode,
    finalState: finalStateOf(row),
    _links: { self, owner: profileUrl(wire, actor.owner), logs: `${self}/logs` },
  }
  return shown(view, wire.case)
}

/** Docker's words about a container that has ended. */
export interface FinalState {
  Status: string
  Running: boolean
  Paused: boolean
  Restarting: boolean
  OOMKilled: boolean
  Dead: boolean
  Pid: number
  ExitCode: number
  Error: string
  StartedAt: string
  FinishedAt: string
}

/** Null before the end. */
export function finalStateOf(
  row: Pick<ExecutionRow, 'status' | 'startedAt' | 'finishedAt' | 'exitCode'> & { result?: string | null },
): FinalState | null {
  if (row.finishedAt === null || row.startedAt === null) return null
  const container = lastContainer(row.result ?? null)
  return {
    Status: 'exited',
    Running: false,
    Paused: false,
    Restarting: false,
    OOMKilled: container['oomKilled'] === true,
    Dead: false,
    Pid: 0,
    ExitCode: row.exitCode ?? 0,
    Error: typeof container['error'] === 'string' ? container['error'] : '',
    StartedAt: isoOf(container['startedAt']) ?? wireTime(row.startedAt),
    FinishedAt: isoOf(container['finishedAt']) ?? wireTime(row.finishedAt),
  }
}

function lastContainer(result: string | null): Record<string, unknown> {
  // Written by our worker: { containers: [...] }.
  const parsed = result === null ? undefined : (JSON.parse(result) as { containers?: Record<string, unknown>[] } | null)
  return parsed?.containers?.at(-1) ?? {}
}

const isoOf = (value: unknown): string | undefined =>
  typeof value === 'string' && !Number.isNaN(Date.parse(value)) ? new Date(value).toISOString() : undefined

/** An actor's worker: a place for one of its executions at a time. */
export interface WorkerFacts {
  number: number
  createdAt: number
  lastExecutionAt: number | null
  busy: boolean
  /** The farm's worker that it ran on last; empty before. */
  host: { id: string; address: string; engine: string; seenAt: number | null }
  container: string
}

export function workerView(actor: Actor, worker: WorkerFacts, wire: Wire): Record<string, unknown> {
  const id = workerId(actor.key, worker.number)
  const { host } = worker
  const view = {
    id,
    tenant: actor.tenant,
    status: worker.busy ? 'BUSY' : 'READY',
    image: actor.spec.image,
    location: host.engine,
    cid: worker.container || id,
    hostId: host.id,
    hostIp: host.address,
    chName: `worker_${id}`,
    createTime: wireTime(worker.createdAt),
    lastExecutionTime: wireTimeOrNone(worker.lastExecutionAt),
    lastHealthCheckTime: wireTimeOrNone(host.seenAt ?? worker.createdAt),
  }
  // The seed documents use the second spelling.
  const both = { host_id: host.id, host_ip: host.address, last_execution: Math.floor((worker.lastExecutionAt ?? 0) / 1000) }
  return { ...shown(view, wire.case), ...both }
}

/** @param link the address of its actor or alias */
export function nonceView(nonce: Nonce, about: { actorId?: string; alias?: string }, link: string, wire: Wire): Record<string, unknown> {
  const remaining = nonce.maxUses === -1 ? -1 : nonce.maxUses - nonce.currentUses
  const view = {
    id: nonce.id,
    actorId: about.actorId ?? null,
    alias: about.alias ?? null,
    owner: nonce.owner,
    roles: nonce.roles,
    apiServer: wire.base,
    level: levelName(nonce.level),
    maxUses: nonce.maxUses,
    description: nonce.description,
    currentUses: nonce.currentUses,
    remainingUses: remaining,
    createTime: wireTime(nonce.createdAt),
    lastUseTime: wireTimeOrNone(nonce.lastUsedAt),
    _links: { self: `${link}/nonces/${nonce.id}`, owner: profileUrl(wire, nonce.owner), actor: link },
  }
  const both = {
    actor_id: about.actorId ?? null,
    last_use_time: view.lastUseTime,
    max_uses: nonce.maxUses,
    create_time: view.createTime,
    remaining_uses: remaining,
  }
  return { ...shown(view, wire.case), ...(about.actorId !== undefined && both) }
}

export function aliasView(alias: Alias, actorId: string, wire: Wire): Record<string, unknown> {
  const view = {
    alias: alias.alias,
    actorId,
    owner: alias.owner,
    _links: {
      self: `${wire.base}/actors/v2/aliases/${alias.alias}`,
      owner: profileUrl(wire, alias.owner),
      actor: actorUrl(wire, actorId),
    },
  }
  return shown(view, wire.case)
}

export function configView({ name, value, isSecret, actors }: Config, wire: Wire): Record<string, unknown> {
  return shown({ name, value, isSecret, actors }, wire.case)
}

/** A value of a container's variable, with numbers as they were written. */
export const exactValues = (json: string): Record<string, unknown> =>
  // Stored as the text of an object.
  parseExactly(json) as Record<string, unknown>
