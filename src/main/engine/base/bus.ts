/** Delivers events to listeners. An exception in a listener is logged and affects no other listener. */
import type { EventOf, EventType, FramehouseEvent } from '../../../shared/events.ts'
import type { Logger } from '../../../shared/logger.ts'

type Listener = (event: FramehouseEvent) => void

export class Bus {
  private readonly byType = new Map<EventType, Set<Listener>>()
  private readonly all = new Set<Listener>()

  constructor(private readonly log: Logger) {}

  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): () => void {
    // Only events of this type reach the set, so the narrower listener is safe there.
    const wide = listener as Listener
    const set = this.byType.get(type) ?? new Set()
    this.byType.set(type, set.add(wide))
    return () => set.delete(wide)
  }

  onAny(listener: Listener): () => void {
    this.all.add(listener)
    return () => this.all.delete(listener)
  }

  /** True when an event of this type has a listener and is worth creating. */
  wants(type: EventType): boolean {
    return this.all.size > 0 || (this.byType.get(type)?.size ?? 0) > 0
  }

  emit(event: FramehouseEvent): void {
    for (const listener of this.all) this.call(listener, event)
    const set = this.byType.get(event.type)
    if (set) for (const listener of set) this.call(listener, event)
  }

  private call(listener: Listener, event: FramehouseEvent): void {
    try {
      listener(event)
    } catch (error) {
      this.log.error({ error, event: event.type }, 'a listener failed')
    }
  }
}
