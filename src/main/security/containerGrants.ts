/** What a worker receives with a container task, at the moment of its assignment. */
import type { ContainerGrant } from '../../shared/schemas/agent.ts'
import type { Command } from '../../shared/schemas/jobs/task.ts'
import { parseImageReference } from '../../shared/text/imageReference.ts'
import type { RegistryCredentials } from './registryCredentials.ts'

const CONTAINER_COMMANDS: readonly string[] = ['docker-run', 'actor-run', 'actor-pull']

export interface GrantSources {
  registries: Pick<RegistryCredentials, 'find'>
  blacklist(): readonly string[]
}

/**
 * A registry's credentials go with images of that registry only, so a job cannot send them anywhere else.
 * @param isAdminJob as decided when the job was submitted
 */
export function containerGrant({ registries, blacklist }: GrantSources, isAdminJob: boolean, commands: readonly Command[]): ContainerGrant {
  const hosts = new Set(
    commands.flatMap(({ name, parameters: { image } }) =>
      CONTAINER_COMMANDS.includes(name) && typeof image === 'string' ? [parseImageReference(image).registry] : [],
    ),
  )
  return {
    isAdminJob,
    registries: [...hosts].flatMap((host) => registries.find(host) ?? []),
    blacklist: [...blacklist()],
  }
}
