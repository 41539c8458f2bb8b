/**
 * The way to the manager: the address that the owner named, or the farm of a join code or file, wherever it is found. Follows the farm
 * when its address changes.
 */
import type { Logger } from '../../../shared/logger.ts'
import type { ResolvedConfig } from '../config.ts'
import { CredentialsStore, managerKey } from './credentials.ts'
import { findFarm } from './findFarm.ts'
import { HttpClient } from './http.ts'
import { isAuthority, type Invitation } from './invitation.ts'
import { PinnedManager, pinnedAuthorities } from './pinnedManager.ts'
import { Relocation } from './relocation.ts'

export interface ManagerLink {
  readonly http: HttpClient
  /** Key of the worker's credentials. */
  readonly key: string
  /** Secret of a join code, for one that has not joined yet. */
  readonly joinCode: string | undefined
  close(): Promise<void>
}

interface LinkDeps {
  log: Logger
  /** This program's version. */
  version: string
}

/** Undefined when the signal aborted before the farm was found. @param onProblem what is shown while it is looked for */
export async function openManagerLink(
  config: ResolvedConfig,
  deps: LinkDeps,
  signal: AbortSignal,
  onProblem: (problem: string) => void,
): Promise<ManagerLink | undefined> {
  const { url, join, fingerprint, dataDir } = config
  if (join !== undefined) return invited(join, config, deps, signal, onProblem)
  if (url === undefined) throw new Error('a worker without a manager or an invitation')
  if (url.protocol !== 'https:') {
    const http = new HttpClient({ url, userAgent: userAgent(deps) })
    return { http, key: managerKey(url), joinCode: undefined, close: () => http.close() }
  }
  const pinned = await PinnedManager.open(dataDir, url, { expected: fingerprint }, deps.log)
  return linked({ url, key: managerKey(url), joinCode: undefined, pinned, dataDir, expected: fingerprint }, deps)
}

/** The farm whose authority the invitation names: where this worker met it before, where the invitation says, or where it is announced. */
async function invited(
  { secret, authority: wanted, urls }: Invitation,
  { url, dataDir }: ResolvedConfig,
  deps: LinkDeps,
  signal: AbortSignal,
  onProblem: (problem: string) => void,
): Promise<ManagerLink | undefined> {
  const { log } = deps
  const joined = await joinedBefore(dataDir, wanted)
  const found = await findFarm(
    wanted,
    [url?.origin, joined, ...urls].filter((one) => one !== undefined),
    { log, signal, onProblem },
  )
  if (!found) return undefined
  const pinned = await PinnedManager.open(dataDir, found.url, { expected: found.authority }, log)
  const key = joined ?? managerKey(found.url)
  return linked({ url: found.url, key, joinCode: joined === undefined ? secret : undefined, pinned, dataDir }, deps)
}

/** The address under which this worker keeps its identity at the farm; undefined: it has not joined. */
async function joinedBefore(dataDir: string, wanted: string): Promise<string | undefined> {
  const credentials = await new CredentialsStore(dataDir).native()
  if (credentials.length === 0) return undefined
  const authorities = await pinnedAuthorities(dataDir)
  return credentials.findLast(({ manager }) => isAuthority(authorities.get(new URL(manager).origin), wanted))?.manager
}

function linked(
  {
    url,
    key,
    joinCode,
    pinned,
    dataDir,
    expected,
  }: { url: URL; key: string; joinCode: string | undefined; pinned: PinnedManager; dataDir: string; expected?: string | undefined },
  deps: LinkDeps,
): ManagerLink {
  const http = new HttpClient({
    url,
    userAgent: userAgent(deps),
    connect: pinned.connector(),
    onOutcome: (isAnswered) => (isAnswered ? relocation.answered() : relocation.unreachable()),
  })
  const relocation = new Relocation({
    origin: () => http.origin,
    async moveTo(to, authority) {
      const there = await PinnedManager.open(dataDir, to, { expected: authority }, deps.log)
      await http.retarget(to, there.connector())
    },
    // Before the first connection, what was named counts: the farm may have moved meanwhile.
    authority: () => pinned.authority ?? expected,
    log: deps.log,
  })
  return {
    http,
    key,
    joinCode,
    close: async () => {
      relocation.stop()
      await http.close()
    },
  }
}

function userAgent({ version }: LinkDeps): string {
  return `Framehouse/${version}`
}
