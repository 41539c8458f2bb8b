/** Folders of a container, from the settings. Pure. */
import type { Actor } from './actor.ts'

export interface ActorMount {
  host_path: string
  container_path: string
  mode: 'ro' | 'rw'
}

/** @param patterns `host:container:ro|rw`, with {username}, {tenant_id} and {tasdir} */
export function mountsOf(actor: Pick<Actor, 'owner' | 'tenant'>, patterns: readonly string[]): ActorMount[] {
  return patterns.flatMap((pattern) => {
    const [host, container, mode = 'rw'] = pattern.split(':')
    if (host === undefined || container === undefined) return []
    return [{ host_path: filled(host, actor), container_path: filled(container, actor), mode: mode === 'ro' ? 'ro' : 'rw' }]
  })
}

function filled(path: string, { owner, tenant }: Pick<Actor, 'owner' | 'tenant'>): string {
  // A name must not lead out of the folder.
  const name = owner.replace(/[/\\]|^\.+$/g, '_')
  return path.replaceAll('{username}', name).replaceAll('{tenant_id}', tenant).replaceAll('{tasdir}', name)
}
