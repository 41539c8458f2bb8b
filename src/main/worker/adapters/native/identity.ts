/** Joining: the stored identity at this manager, or a new one. */
import type { AgentOptions } from '../../agent.ts'
import { newSecret, type Credentials } from '../../link/credentials.ts'
import { RefusedError } from '../../link/http.ts'
import { backoffDelay, pause, type BackoffRule } from '../../../../shared/async.ts'
import type { SignOnReply } from '../../../../shared/schemas/agent.ts'
import { isProof } from '../../../system/farmProof.ts'
import type { AgentApi } from './agentApi.ts'

const BACKOFF: BackoffRule = { firstMs: 250, maxMs: 15_000, factor: 2, jitter: 0.2 }

export type IdentityOptions = Pick<
  AgentOptions,
  | 'credentials'
  | 'managerKey'
  | 'joinCode'
  | 'person'
  | 'name'
  | 'platform'
  | 'folders'
  | 'kinds'
  | 'registry'
  | 'describeMachine'
  | 'log'
  | 'random'
>

/** Kinds of tasks that this worker takes from our manager. */
export function kindsOf(options: Pick<AgentOptions, 'kinds' | 'registry'>): string[] {
  return options.kinds ?? options.registry.kinds('native')
}

/** In the manager's notation. */
export function foldersOf(folders: AgentOptions['folders']): string[] | undefined {
  return folders === undefined || folders.length === 0 ? undefined : [...folders]
}

/** Credentials stored in the data folder, or undefined. */
export function keptIdentity(options: IdentityOptions): Promise<Credentials | undefined> {
  return options.credentials.find({ manager: options.managerKey, adapter: 'native', slot: 0 })
}

/**
 * This worker's identity at the farm behind an unknown address: the farm moved, its port changed, or another farm is there now. The
 * worker sends its secret only to an address that proves to be that farm.
 * @param refused ids of workers that the manager does not know @throws UnreachableError
 */
async function identityElsewhere(
  api: AgentApi,
  options: IdentityOptions,
  refused: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const known = (await options.credentials.native()).filter(({ workerId }) => !refused.has(workerId))
  if (known.length === 0) return undefined
  const farm = await api.farm({}, signal)
  if (farm === undefined) return undefined
  const mine = known.findLast(({ farmId }) => farmId === farm.farmId)
  if (mine?.farmKey !== undefined) {
    const question = newSecret()
    const { proof = null } = (await api.farm({ worker: mine.workerId, question }, signal)) ?? {}
    if (proof !== null && isProof(mine.farmKey, question, proof)) {
      options.log.info({ workerId: mine.workerId, manager: farm.managerName }, 'recognised the farm at a new address')
      return { ...mine, manager: options.managerKey }
    }
    options.log.warn({ manager: farm.managerName }, 'this address could not prove its identity; joining as a new worker')
    return undefined
  }
  // From before farms had ids: on this computer, only the port may have changed.
  if (!isLoopback(options.managerKey)) return undefined
  const before = known.findLast(({ farmId, manager }) => farmId === undefined && isLoopback(manager))
  return before && { ...before, manager: options.managerKey }
}

function isLoopback(manager: string): boolean {
  const { hostname } = new URL(manager)
  return hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
}

/** Stores the farm that this worker belongs to, and where it was last reached. */
export async function keepFarm(options: IdentityOptions, credentials: Credentials, knownAt: SignOnReply['knownAt']): Promise<void> {
  if (knownAt === undefined) return
  const now = { ...credentials, farmId: knownAt.farmId, farmKey: knownAt.key, manager: options.managerKey }
  const kept = (await options.credentials.native()).find(({ workerId }) => workerId === now.workerId)
  if (kept?.farmId === now.farmId && kept.farmKey === now.farmKey && kept.manager === now.manager) return
  await options.credentials.save(now)
}

/**
 * The previous identity, or a new one whose credentials are stored. Retries until the manager accepts it or the signal aborts (then
 * undefined). A rejection is not final: the owner may issue a key or make room while the worker waits.
 */
export async function joinManager(
  api: AgentApi,
  options: IdentityOptions,
  refused: ReadonlySet<string>,
  onProblem: (problem: string) => void,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  const { name, platform, folders, joinCode, person, log } = options
  const secret = newSecret()
  const machine = await options.describeMachine?.()
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      const known = await identityElsewhere(api, options, refused, signal)
      if (known) return known
      const asked = { name, secret, platform, kinds: kindsOf(options), machine, folders: foldersOf(folders), joinCode, person }
      const reply = await api.join(asked, signal)
      const credentials: Credentials = {
        manager: options.managerKey,
        adapter: 'native',
        slot: 0,
        workerId: reply.workerId,
        secret,
        ...(reply.knownAt && { farmId: reply.knownAt.farmId, farmKey: reply.knownAt.key }),
      }
      await options.credentials.save(credentials)
      log.info({ workerId: reply.workerId, manager: reply.managerName, approved: reply.approved }, 'joined the farm')
      return credentials
    } catch (error) {
      if (signal.aborted) break
      const problem = error instanceof Error ? error.message : String(error)
      onProblem(problem)
      const isRefused = error instanceof RefusedError && (error.status === 401 || error.status === 403)
      if (isRefused && failures === 1) {
        const remedy = joinCode === undefined ? '; use its address with a join key, http://host:port/k/KEY/, or a join code' : ''
        log.warn({ err: error }, `the manager rejected this worker${remedy}`)
      } else log.debug({ err: error }, 'cannot join yet')
      await pause(backoffDelay(failures, BACKOFF, options.random()), signal)
    }
  }
  return undefined
}
