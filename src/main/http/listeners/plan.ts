/** Which sockets a list of listeners needs. Pure. */
import { isIP } from 'node:net'
import { ALL_ADDRESSES, type Listener } from '../../../shared/schemas/listeners.ts'
import { isLoopbackAddress } from '../../security/hosts.ts'

/** A listener; port 0 picks any free one. */
export type Wanted = Listener & { source: 'command-line' | 'settings' }

/** What a listener binds: the first that works of each group. An optional group may fail. */
export interface Binding {
  candidates: readonly string[]
  isOptional: boolean
}

/**
 * `*` is IPv6 with IPv4 in it, or IPv4 alone where the machine has no IPv6. `localhost` is both of its addresses, the second
 * where there is one.
 */
export function bindingsFor(address: string): Binding[] {
  if (address === ALL_ADDRESSES) return [{ candidates: ['::', '0.0.0.0'], isOptional: false }]
  if (address === 'localhost') {
    return [
      { candidates: ['127.0.0.1'], isOptional: false },
      { candidates: ['::1'], isOptional: true },
    ]
  }
  return [{ candidates: [address], isOptional: false }]
}

/** Whether one that listens at `wide` answers what is sent to `narrow`, so that both cannot be open. */
export function covers(wide: Wanted, narrow: Wanted): boolean {
  if (wide === narrow || wide.port !== narrow.port || wide.port === 0) return false
  const isWide = isEvery(wide.address) && !isEvery(narrow.address)
  return isWide && (isIP(narrow.address) !== 6 || wide.address !== '0.0.0.0')
}

/** Those that a wider one of the list covers are not opened; see dialectsAt. */
export function toOpen(all: readonly Wanted[]): Wanted[] {
  return all.filter((listener) => !all.some((other) => covers(other, listener) && other.tls === listener.tls))
}

/** @returns why two listeners of the list exclude each other, with the index of the second */
export function conflictIn(listeners: readonly Listener[]): { index: number; message: string } | undefined {
  for (const [index, listener] of listeners.entries()) {
    const first = listeners.findIndex(({ address, port }) => port === listener.port && address === listener.address)
    if (first < index) return { index, message: `${listener.address}:${listener.port} is in the list twice` }
  }
  return undefined
}

/** Whether other machines can reach it. */
export function isOnNetwork({ address }: Pick<Listener, 'address'>): boolean {
  return address !== 'localhost' && !isLoopbackAddress(address)
}

export function isEvery(address: string): boolean {
  return address === ALL_ADDRESSES || address === '0.0.0.0' || address === '::'
}

/**
 * The APIs that a connection reaches through `wide`, by the address that it was made to: a narrower listener that it covers goes on to
 * serve its own there. Empty: all.
 */
export function dialectsAt(wide: Wanted, all: readonly Wanted[], localAddress: string): readonly string[] {
  const plain = localAddress.replace(/^::ffff:/, '')
  const isHere = ({ address }: Wanted) => address === plain || (address === 'localhost' && isLoopbackAddress(plain))
  const narrow = all.find((other) => covers(wide, other) && other.tls === wide.tls && isHere(other))
  return narrow && wide.dialects.length > 0 ? narrow.dialects : wide.dialects
}
