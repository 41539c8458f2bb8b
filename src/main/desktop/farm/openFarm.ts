/** Opens the farm of a choice: what serves the window's page, the shell's client for it, and the watch over it. */
import { join } from 'node:path'
import { Value } from 'typebox/value'
import { FarmReply } from '../../../shared/schemas/agent.ts'
import type { ServiceLogger } from '../../cli/services/logger.ts'
import { signInKeyOf, type FarmChoice } from './farmChoice.ts'
import { farmClient, type FarmClient } from './farmClient.ts'
import { getAgentFarmPath } from './farmPaths.ts'
import { FarmWatch, type FarmWatchOptions } from './farmWatch.ts'
import type { FarmHost } from './host.ts'
import { openLocalFarm } from './localFarm.ts'
import { machineName } from './machineName.ts'
import type { KnownFarm } from './nearbyFarms.ts'
import { openRemoteFarm } from './remoteFarm.ts'

const DEFAULT_PORT = 8080

export interface OpenFarm {
  choice: FarmChoice
  host: FarmHost
  client: FarmClient
  watch: FarmWatch
  /** The farm that this program manages now. */
  own: KnownFarm | undefined
}

export interface OpenFarmOptions extends Pick<FarmWatchOptions, 'preferences' | 'texts' | 'onFacts' | 'onNotice' | 'onSignIn'> {
  /** Join code or path of a join file with which the worker joins; empty: it asks. */
  invitation: string
  gui: string
  programDir: string
  userData: string
  env: NodeJS.ProcessEnv
  log: ServiceLogger
  onMoved(managerUrl: string): void
}

/** @throws Error when it cannot be opened; nothing is open then */
export async function openFarm(choice: FarmChoice, options: OpenFarmOptions): Promise<OpenFarm> {
  const { programDir, userData, log, env } = options
  const { mode } = choice
  const host =
    mode === 'here'
      ? await openLocalFarm({ dataDir: env['FRAMEHOUSE_DATA'] || join(userData, 'farm'), port: DEFAULT_PORT, programDir, log, env })
      : await openRemoteFarm({
          ...options,
          choice: { ...choice, mode },
          workerData: join(userData, 'worker'),
          workerName: machineName(),
        })
  const client = farmClient(host.apiUrl, host.headers)
  const signInKey = mode === 'work' && choice.token ? signInKeyOf(choice.token) : ''
  const watch = new FarmWatch({ ...options, client, host, signInKey, now: Date.now })
  return { choice, host, client, watch, own: mode === 'here' ? await identityOf(host) : undefined }
}

/** Of the manager here. Its authority is not asked for: for this program no other farm has its id. */
async function identityOf({ apiUrl }: FarmHost): Promise<KnownFarm | undefined> {
  const body: unknown = await fetch(apiUrl + getAgentFarmPath).then(
    (reply) => reply.json(),
    () => null,
  )
  return Value.Check(FarmReply, body) ? { farmId: body.farmId, authority: '' } : undefined
}
