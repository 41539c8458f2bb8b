/** How what needs attention looks on the dashboard, and where it leads. Pure. */
import type { Attention } from '../../../shared/schemas/farm.ts'
import type { IconName } from '../../ui/design/icons.ts'
import type { StateKey } from '../../ui/design/tokens.ts'

export const ATTENTION_ICONS: Record<Attention['kind'], IconName> = {
  'job-failed': 'cross',
  'job-warnings': 'warning',
  'worker-pending': 'key',
  'worker-error': 'warning',
  'worker-lost': 'plug-off',
  'job-waiting': 'hourglass',
  'job-stalled': 'warning',
  'disk-low': 'folder',
  'open-to-lan': 'shield',
  'schedule-held': 'pause',
}
/** The state whose color it has. */
export const ATTENTION_STATES: Record<Attention['kind'], StateKey> = {
  'job-failed': 'failed',
  'job-warnings': 'retrying',
  'worker-pending': 'waiting',
  'worker-error': 'failed',
  'worker-lost': 'lost',
  'job-waiting': 'waiting',
  'job-stalled': 'failed',
  'disk-low': 'running',
  'open-to-lan': 'running',
  'schedule-held': 'waiting',
}
/** Tab of the job that tells more. */
const SHOWN_BY: Partial<Record<Attention['kind'], string>> = {
  'job-waiting': '/why',
  'job-stalled': '/why',
  'job-warnings': '/warnings',
}
/** The page that says more about it, and mostly where it can be fixed. */
export function attentionPath(entry: Attention): string {
  if (entry.kind === 'open-to-lan') return '/settings/security'
  if (!entry.target) return '/settings'
  if (entry.target.kind === 'schedule') return '/schedules'
  return entry.target.kind === 'worker' ? `/workers/${entry.target.id}` : `/jobs/${entry.target.id}${SHOWN_BY[entry.kind] ?? ''}`
}
