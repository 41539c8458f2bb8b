/** What the container of an actor's message is made with. Pure. */
import { API_SERVER_VARIABLE, type ActorGrant, type ActorRunParameters } from '../../../../shared/schemas/actorRun.ts'
import type { ContainerMount } from '../../../../shared/schemas/container.ts'
import { LABELS } from '../../../docker/engines/sweep.ts'
import type { RunSpec } from '../../../docker/executor.ts'
import type { CommandContext } from '../../contract/commands.ts'
import type { ExecutionHost } from '../../gateway/gateway.ts'

const DEFAULT_GRACE_MS = 10_000
const NANO = 1_000_000_000
/** Where the folder with the results socket is mounted; the path that programs know is a link into it. */
export const RESULTS_FOLDER = '/_framehouse_results'
/** Linux takes no longer text as one variable, its name and the terminating zero included. */
const MAX_VARIABLE_BYTES = 131_072
/** The gateway's certificate is its own: clients that read this variable do not check it. */
const VERIFY_VARIABLE = 'TAPIS_DEFAULT_VERIFY_SSL'

/** `NAME=value` for each variable, `NAME` for one that is removed. `url`: where the container reaches the manager. */
export function environmentOf({ env }: Pick<ActorGrant, 'env'>, url: string | undefined): string[] {
  const variables = new Map<string, string | null>()
  for (const [name, value] of env) {
    // The last one counts, in its place.
    variables.delete(name)
    variables.set(name, name === API_SERVER_VARIABLE && url !== undefined ? url : value)
  }
  if (url !== undefined && !variables.has(VERIFY_VARIABLE)) variables.set(VERIFY_VARIABLE, 'false')
  return [...variables].map(([name, value]) => (value === null ? name : `${name}=${value}`))
}

/** The name of a variable that is too long for a process, or that contains a zero byte; undefined when all of them fit. */
export function unfitVariable(environment: readonly string[]): string | undefined {
  return environment.find((text) => Buffer.byteLength(text) >= MAX_VARIABLE_BYTES || text.includes('\0'))?.split('=', 1)[0]
}

/** @param folder that holds the results socket, as the engine sees it */
export function actorSpec(
  parameters: ActorRunParameters,
  { environment, folder, host, owner }: { environment: readonly string[]; folder: string; host: ExecutionHost | undefined; owner: string },
  { task, commandIndex = 0 }: Pick<CommandContext, 'task' | 'commandIndex'>,
): RunSpec {
  const { image, user, nanoCpus, memoryBytes, privileged = false } = parameters
  return {
    name: `framehouse-${task.taskId}-${task.attempt}-${commandIndex}-0`,
    image,
    args: [],
    env: environment,
    mounts: [...mountsOf(parameters), { type: 'bind', source: folder, target: RESULTS_FOLDER, readOnly: true }],
    labels: {
      [LABELS.owner]: owner,
      [LABELS.job]: task.jobId,
      [LABELS.task]: task.taskId,
      [LABELS.attempt]: String(task.attempt),
    },
    ...(user !== undefined && { user }),
    ...(nanoCpus !== undefined && { cpus: nanoCpus / NANO }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(privileged && { privileged }),
    ...(host && { extraHosts: { [host.name]: host.address } }),
    pull: parameters.pull ?? 'missing',
    localFallback: true,
    stopGraceMs: parameters.stopGraceMs ?? DEFAULT_GRACE_MS,
  }
}

/** Those of the actor, and the engine's socket where it is privileged. */
export function mountsOf({ mounts = [], privileged = false }: ActorRunParameters): ContainerMount[] {
  const socket = '/var/run/docker.sock'
  const hasSocket = mounts.some(({ target }) => target === socket)
  return privileged && !hasSocket ? [...mounts, { type: 'bind', source: socket, target: socket }] : [...mounts]
}
