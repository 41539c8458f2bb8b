/** What goes beyond an ordinary container: only for jobs of an admin, and only where the worker's owner allows it. Pure. */
import type { DockerRunParameters } from '../../../shared/schemas/container.ts'
import type { ContainerConfig } from '../config.ts'
import { isInside } from './mounts.ts'

type Asked = Pick<DockerRunParameters, 'privileged' | 'hostPid' | 'network' | 'addCapabilities' | 'devices'>

export interface Refusal {
  parameter: string
  /** The end of a sentence that begins with the parameter. */
  reason: string
}

/**
 * The first thing that is asked for and not allowed, or undefined.
 * @param sources resolved paths of the bind mounts; @param sockets of the engines of this worker
 */
export function consentProblem(
  asked: Asked,
  sources: readonly string[],
  { config, isAdminJob, sockets }: { config: Pick<ContainerConfig, 'allow' | 'networks'>; isAdminJob: boolean; sockets: readonly string[] },
): Refusal | undefined {
  const { allow } = config
  const network = asked.network ?? 'bridge'
  const isHostNetwork = network === 'host' || network.startsWith('container:')
  if (!isHostNetwork && !['bridge', 'none', 'default', ...config.networks].includes(network)) {
    return {
      parameter: 'network',
      reason: `"${network}" is not allowed by this worker; it allows ${['bridge', 'none', ...config.networks].join(', ')}`,
    }
  }
  const wanted: [parameter: string, isAsked: boolean, isAllowed: boolean][] = [
    ['privileged', asked.privileged === true, allow.privileged],
    ['hostPid', asked.hostPid === true, allow.hostNamespaces],
    ['network', isHostNetwork, allow.hostNamespaces],
    ['addCapabilities', (asked.addCapabilities?.length ?? 0) > 0, allow.capabilities],
    ['devices', (asked.devices?.length ?? 0) > 0, (asked.devices ?? []).every((path) => isAllowedDevice(path, allow.devices))],
    ['mounts', sources.some((source) => sockets.some((socket) => isInside(socket, source))), allow.dockerSocket],
  ]
  for (const [parameter, isAsked, isAllowed] of wanted) {
    if (!isAsked) continue
    const what = parameter === 'mounts' ? 'holds the socket of a Docker engine and ' : ''
    if (!isAllowed) return { parameter, reason: `${what}is not allowed by this worker` }
    if (!isAdminJob) return { parameter, reason: `${what}needs a job that an administrator submitted` }
  }
  return undefined
}

function isAllowedDevice(path: string, allowed: readonly string[]): boolean {
  return !path.split('/').includes('..') && allowed.some((folder) => isInside(path, folder))
}
