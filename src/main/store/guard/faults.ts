/**
 * Current problems with the manager's own disk and files. One list, which the status of every API, the window, the
 * command line and the log show, so that people see it without searching. A fault that is resolved leaves the list on
 * its own.
 */
import type { Fault } from '../../../shared/schemas/farm.ts'
import type { Logger } from '../../../shared/logger.ts'

export type NewFault = Omit<Fault, 'since'>

export class Faults {
  private readonly open = new Map<string, Fault>()
  private readonly listeners: ((fault: Fault, state: 'raised' | 'healed') => void)[] = []

  constructor(
    private readonly log: Logger,
    private readonly now: () => number,
  ) {}

  /** The most severe first. */
  list(): Fault[] {
    return [...this.open.values()].sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'))
  }

  /** A fault is so severe that the farm does not work as it should. */
  get broken(): boolean {
    return this.list()[0]?.severity === 'error'
  }

  /** An existing fault is only updated. */
  raise(fault: NewFault): void {
    const known = this.open.get(fault.kind)
    const raised: Fault = { ...fault, since: known?.since ?? new Date(this.now()).toISOString() }
    this.open.set(fault.kind, raised)
    if (known && known.severity === fault.severity) return
    const facts = { fault: fault.kind, remedy: fault.remedy }
    if (fault.severity === 'error') this.log.error(facts, fault.message)
    else this.log.warn(facts, fault.message)
    for (const listener of this.listeners) listener(raised, 'raised')
  }

  heal(kind: Fault['kind']): void {
    const fault = this.open.get(kind)
    if (!fault) return
    this.open.delete(kind)
    this.log.info({ fault: kind, since: fault.since }, 'resolved')
    for (const listener of this.listeners) listener(fault, 'healed')
  }

  onChange(listener: (fault: Fault, state: 'raised' | 'healed') => void): void {
    this.listeners.push(listener)
  }
}
