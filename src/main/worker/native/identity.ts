/** Joining: the kept identity at this manager, or a new one. */
import type { AgentOptions } from '../agent.ts'
import { newSecret, type Credentials } from '../credentials.ts'
import { RefusedError } from '../http.ts'
import { backoffDelay, pause, type BackoffRule } from '../timing.ts'
import type { AgentApi } from './agentApi.ts'

const BACKOFF: BackoffRule = { firstMs: 250, maxMs: 15_000, factor: 2, jitter: 0.2 }

export type IdentityOptions = Pick<
  AgentOptions,
  'credentials' | 'managerKey' | 'name' | 'platform' | 'kinds' | 'registry' | 'describeMachine' | 'log' | 'random'
>

/** Kinds of tasks that this worker takes from our manager. */
export function kindsOf(options: Pick<AgentOptions, 'kinds' | 'registry'>): string[] {
  return options.kinds ?? options.registry.kinds('native')
}

/** Credentials kept in the data folder, or undefined. */
export function keptIdentity(options: IdentityOptions): Promise<Credentials | undefined> {
  return options.credentials.find({ manager: options.managerKey, adapter: 'native', slot: 0 })
}

/**
 * Joins anew and keeps the credentials. Tries until the manager takes it or the signal aborts (then undefined).
 * A refusal is no reason to give up: the owner may hand out a key or make room while the worker waits.
 */
export async function joinManager(
  api: AgentApi,
  options: IdentityOptions,
  onProblem: (problem: string) => void,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const { name, platform, log } = options
  const secret = newSecret()
  const machine = await options.describeMachine?.()
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      const reply = await api.join({ name, secret, platform, kinds: kindsOf(options), machine }, signal)
      const credentials = { manager: options.managerKey, adapter: 'native' as const, slot: 0, workerId: reply.workerId, secret }
      await options.credentials.save(credentials)
      log.info({ workerId: reply.workerId, manager: reply.managerName, approved: reply.approved }, 'joined the farm')
      return credentials
    } catch (error) {
      if (signal.aborted) break
      const problem = error instanceof Error ? error.message : String(error)
      onProblem(problem)
      const isRefused = error instanceof RefusedError && (error.status === 401 || error.status === 403)
      if (isRefused && failures === 1) {
        log.warn({ err: error }, 'the manager does not let this worker join; use its address with a join key: http://host:port/k/KEY/')
      } else log.debug({ err: error }, 'cannot join yet')
      await pause(backoffDelay(failures, BACKOFF, options.random()), signal)
    }
  }
  return undefined
}
