/** Announces the running manager on the network for as long as its listeners and settings want it. A part of the composition root. */
import { hostname, userInfo } from 'node:os'
import type { Logger } from '../shared/logger.ts'
import { Presence } from './discovery/presence.ts'
import type { FarmAuthority } from './http/context.ts'
import type { Listeners } from './http/listeners/listeners.ts'
import type { FarmSettings } from '../shared/schemas/settings.ts'

export interface AnnounceOptions {
  listeners: Pick<Listeners, 'list' | 'onChange'>
  settings: { current(): FarmSettings; onChange(listener: () => void): () => void }
  identity: { id: string }
  authority(): FarmAuthority | undefined
  version: string
  log: Logger
}

/** @returns stops it; resolves when the last socket is closed */
export function announceFarm({ listeners, settings, identity, authority, version, log }: AnnounceOptions): () => Promise<void> {
  const presence = new Presence(log, `Framehouse/${version}`)
  const update = (): void => {
    const { autodiscoverable, managerName } = settings.current()
    const farm = {
      farmId: identity.id,
      name: managerName,
      version,
      owner: ownerName(),
      machine: hostname().split('.')[0] ?? '',
      authority: authority()?.fingerprint ?? '',
    }
    presence
      .update({ isDiscoverable: autodiscoverable, farm, listeners: listeners.list() })
      .catch((error: unknown) => log.warn({ err: error }, 'the farm cannot be announced on the network'))
  }
  const stops = [listeners.onChange(update), settings.onChange(update)]
  update()
  return async () => {
    for (const stop of stops) stop()
    await presence.stop()
  }
}

/** A service's user may have no name. */
function ownerName(): string {
  try {
    return userInfo().username
  } catch {
    return ''
  }
}
