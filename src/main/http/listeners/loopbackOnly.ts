/** Some switches let in every caller that can connect: while one is on, only this machine may. One rule for all of them. Pure. */
import { isOnNetwork } from './plan.ts'
import type { Listener } from '../../../shared/schemas/listeners.ts'
import type { Dialect } from '../dialect.ts'

/** A listener of the command line that a switch forbids: the manager does not start. */
export class LoopbackOnlyError extends Error {}

/** @returns the switch that is on: an option of the command line, or the name of a setting */
export function loopbackOnlySwitch(
  dialects: readonly Pick<Dialect, 'loopbackOnlySetting'>[],
  settings: object,
  coloniesDevKeys: boolean,
): string | undefined {
  if (coloniesDevKeys) return '--colonies-dev-keys'
  const isOn = new Set(Object.entries(settings).flatMap(([key, value]) => (value === true ? [key] : [])))
  return dialects.flatMap(({ loopbackOnlySetting: name }) => (name !== undefined && isOn.has(name) ? [name] : []))[0]
}

/** @returns why a listener must not be open; undefined: it may */
export function refusedBy(name: string | undefined, listener: Pick<Listener, 'address'>): string | undefined {
  if (name === undefined || !isOnNetwork(listener)) return undefined
  return `${name} is on, which needs listeners on loopback addresses; ${listener.address} is none`
}

/** @returns why a change of the settings must be refused, and the setting; undefined: it may happen */
export function refusedChange(
  dialects: readonly Pick<Dialect, 'loopbackOnlySetting'>[],
  changes: object,
  listeners: readonly Pick<Listener, 'address'>[],
): { field: string; message: string } | undefined {
  const name = loopbackOnlySwitch(dialects, changes, false)
  const open = name !== undefined && listeners.find(isOnNetwork)
  if (!open) return undefined
  return { field: name, message: `needs listeners on loopback addresses; ${open.address} is none` }
}
