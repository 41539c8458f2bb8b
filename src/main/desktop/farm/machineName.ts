/** What this machine's worker is called. */
import { hostname } from 'node:os'

export function machineName(): string {
  return hostname().split('.')[0] || 'this-machine'
}
