/** Which workers may wait for approval when many register: one address cannot fill the list for others. Pure. */

export interface PendingWorker {
  address: string
  /** Milliseconds since the epoch. */
  createdAt: number
  lastSeenAt: number | null
}

export type JoinDecision<W> = { kind: 'admit'; drop: W | null } | { kind: 'refuse'; reason: string }

/**
 * The decision for another worker from `address`. When the list is full, an address with fewer waiting than another
 * replaces the longest silent one of the address with the most; `pending` contains none that was ever approved.
 */
export function joinDecision<W extends PendingWorker>(
  pending: readonly W[],
  address: string,
  limits: { inAll: number; perAddress: number },
): JoinDecision<W> {
  const byAddress = new Map<string, W[]>()
  for (const worker of pending) {
    const place = placeOf(worker.address)
    byAddress.set(place, [...(byAddress.get(place) ?? []), worker])
  }
  const own = byAddress.get(placeOf(address))?.length ?? 0
  if (own >= limits.perAddress) {
    return { kind: 'refuse', reason: `${own} workers of ${address} are already waiting for approval; approve or delete some of them first` }
  }
  if (pending.length < limits.inAll) return { kind: 'admit', drop: null }
  const largest = [...byAddress.values()].reduce<W[]>((most, each) => (each.length > most.length ? each : most), [])
  const [drop] = [...largest].sort((a, b) => heardAt(a) - heardAt(b))
  if (drop === undefined || largest.length <= own) {
    return { kind: 'refuse', reason: `${pending.length} workers are already waiting for approval; approve or delete some of them first` }
  }
  return { kind: 'admit', drop }
}

const heardAt = ({ createdAt, lastSeenAt }: PendingWorker): number => lastSeenAt ?? createdAt

/** What counts as one address: for IPv6 the network, of which a single machine may use any address. */
export function placeOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  if (!plain.includes(':')) return plain
  const [head = '', tail] = plain.toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const filled =
    tail === undefined ? groups : [...groups, ...Array<string>(Math.max(0, 8 - groups.length - after.length)).fill('0'), ...after]
  return `${filled
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
