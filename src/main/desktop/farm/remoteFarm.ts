/** A farm at another machine's manager: its API behind the gateway, the GUI from this program. */
import { openGateway } from './gateway.ts'
import type { FarmHost } from './host.ts'

/** @param gui folder of the built GUI */
export async function openRemoteFarm(managerUrl: string, token: string, gui: string): Promise<FarmHost> {
  const gateway = await openGateway({ managerUrl, token, gui })
  return {
    mode: 'elsewhere',
    origin: gateway.url,
    managerUrl,
    headers: token ? { authorization: `Bearer ${token}` } : {},
    workerName: null,
    startWorker() {},
    cookie: gateway.cookie,
    stop: () => gateway.close(),
  }
}
