/** A farm at another machine's manager: its API behind the gateway, the GUI from this program, and the worker here that renders for it. */
import { join } from 'node:path'
import type { ServiceLogger } from '../../cli/services/logger.ts'
import { signInKeyOf, type FarmChoice } from './farmChoice.ts'
import { openGateway } from './gateway.ts'
import type { FarmHost } from './host.ts'
import { FarmLink } from './link/farmLink.ts'
import { workerProcess } from './workerProcess.ts'

export interface RemoteFarmOptions {
  choice: FarmChoice & { mode: 'work' | 'look' }
  /** Join code or path of a join file with which the worker joins; empty: it asks. */
  invitation: string
  /** Folder of the built GUI. */
  gui: string
  programDir: string
  /** Of the worker: what it renders for others is kept apart from the farm of this program. */
  workerData: string
  workerName: string
  env: NodeJS.ProcessEnv
  log: ServiceLogger
  onMoved(managerUrl: string): void
}

export async function openRemoteFarm(options: RemoteFarmOptions): Promise<FarmHost> {
  const { choice, gui, log, onMoved, workerName } = options
  const { mode, managerUrl, authority, token } = choice
  const link = new FarmLink({ managerUrl, authority, onMoved, log })
  const gateway = await openGateway({ link, token, gui })
  const worker = mode === 'work' ? workerProcess({ ...options, ...commandOf(options) }) : undefined
  worker?.start()
  return {
    mode,
    origin: gateway.url,
    managerUrl: () => link.url,
    apiUrl: gateway.url,
    headers: { cookie: `${gateway.cookie.name}=${gateway.cookie.value}` },
    workerName: worker ? workerName : null,
    startWorker: () => worker?.start(),
    ownWorker: worker ?? null,
    cookie: gateway.cookie,
    heard: (isAnswered) => (isAnswered ? link.answered() : link.unreachable()),
    wokeUp: () => link.wokeUp(),
    async stop() {
      await worker?.stop()
      await gateway.close()
      link.close()
    },
  }
}

/** The command line of the worker. What is secret is in its environment, which other users of the machine cannot read. Pure. */
export function commandOf({
  choice: { managerUrl, authority, token },
  invitation,
  workerData,
  workerName,
  env,
}: Pick<RemoteFarmOptions, 'choice' | 'invitation' | 'workerData' | 'workerName' | 'env'>): { args: string[]; env: NodeJS.ProcessEnv } {
  const where = authority && !invitation ? ['--fingerprint', authority] : []
  return {
    args: ['worker', '--manager', managerUrl, ...where, '--data', join(workerData), `--name=${workerName}`, '--can-restart'],
    env: {
      ...env,
      ...(token && { FRAMEHOUSE_SIGN_IN_KEY: signInKeyOf(token) }),
      ...(invitation && { FRAMEHOUSE_JOIN: invitation }),
    },
  }
}
