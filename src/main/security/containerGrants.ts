/** What a worker is given for a task that runs containers, at the moment of its hand-out. */
import type { ContainerGrant } from '../../shared/schemas/agent.ts'
import type { Command } from '../../shared/schemas/job.ts'
import { parseImageReference } from '../../shared/imageReference.ts'
import type { RegistryCredentials } from './registryCredentials.ts'

export interface GrantSources {
  registries: Pick<RegistryCredentials, 'find'>
  /** Whether this owner of a job is an administrator now. */
  isAdmin(owner: string): boolean
  blacklist(): readonly string[]
}

/** A registry's credentials go with images of that registry only, so a job cannot send them anywhere else. */
export function containerGrant(
  { registries, isAdmin, blacklist }: GrantSources,
  owner: string,
  commands: readonly Command[],
): ContainerGrant {
  const hosts = new Set(
    commands.flatMap(({ name, parameters: { image } }) =>
      name === 'docker-run' && typeof image === 'string' ? [parseImageReference(image).registry] : [],
    ),
  )
  return {
    isAdminJob: isAdmin(owner),
    registries: [...hosts].flatMap((host) => registries.find(host) ?? []),
    blacklist: [...blacklist()],
  }
}
