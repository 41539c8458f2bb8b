/** The farm's Docker engines as Fastlane's hosts: those that workers reported when they signed on. Pure. */
import { Value } from 'typebox/value'
import { ContainerCapabilities, type ContainerEngine } from '../../../shared/schemas/container.ts'
import type { WorkerState } from '../../engine/base/model.ts'
import { splitHost } from './views.ts'

export interface HostView {
  available: boolean
  blacklisted: boolean
  circuit: 'closed' | 'open' | 'half-open'
  error: string | null
  host: string
  port: number
}

type WorkerFacts = Pick<WorkerState, 'name' | 'status' | 'approvedAt' | 'capabilities' | 'deletedAt'>

/** The engines of a worker. */
export function enginesOf({ capabilities }: Pick<WorkerState, 'capabilities'>): ContainerEngine[] {
  const containers = capabilities['containers']
  return Value.Check(ContainerCapabilities, containers) ? containers.engines : []
}

/** The spelling of an engine's address on the blacklist: `host:port`, or a socket's path. */
export function hostKey(address: string): string {
  const { host, port } = splitHost(address)
  return port === 0 ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** All engines, usable ones first. When several workers use one engine, the best report counts. */
export function hostViews(workers: Iterable<WorkerFacts>, blacklist: readonly string[]): HostView[] {
  const views = new Map<string, HostView>()
  for (const worker of workers) {
    if (worker.deletedAt !== null || worker.approvedAt === null) continue
    for (const engine of enginesOf(worker)) {
      const key = hostKey(engine.host)
      const view = viewOf(engine, worker, blacklist.includes(key))
      const known = views.get(key)
      if (!known || (!known.available && view.available)) views.set(key, view)
    }
  }
  return [...views.values()].sort((a, b) => Number(b.available) - Number(a.available))
}

function viewOf(engine: ContainerEngine, worker: WorkerFacts, blacklisted: boolean): HostView {
  const away = worker.status !== 'awake'
  // An unreachable engine gets no new work, whatever its breaker has counted.
  const circuit = away || !engine.available ? 'open' : (engine.circuit ?? 'closed')
  const error = blacklisted
    ? 'server is blacklisted'
    : away
      ? `worker "${worker.name}" is ${worker.status}`
      : engine.available
        ? circuit === 'open'
          ? 'Timeout not elapsed yet, circuit breaker still open'
          : null
        : engine.problem || 'the engine does not answer'
  return {
    available: error === null,
    blacklisted,
    circuit,
    error,
    ...splitHost(engine.host),
  }
}
