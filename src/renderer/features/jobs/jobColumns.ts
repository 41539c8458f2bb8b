/** Columns of the list of jobs: how wide they are, and which of them a narrow window has room for. Pure. */
import type { ColumnKey } from '../../stores/prefs.ts'

/** What each column takes at least, and its share of what is left, as tracks of a grid. */
export const TRACKS: Record<ColumnKey, string> = {
  state: '148px',
  name: 'minmax(180px, 2fr)',
  progress: 'minmax(240px, 1.4fr)',
  frames: '48px',
  eta: '64px',
  elapsed: '68px',
  priority: '40px',
  type: 'minmax(128px, 0.6fr)',
  project: 'minmax(72px, 0.6fr)',
  owner: 'minmax(56px, 0.4fr)',
  workers: 'minmax(72px, 0.8fr)',
  created: '88px',
}
/** Pixels between two columns, and beside the first and the last one. */
export const GAP = 12
/** What a narrow window does without, first to last. State, name and progress stay. */
const LEAST_WANTED: readonly ColumnKey[] = ['owner', 'frames', 'created', 'workers', 'elapsed', 'type', 'project', 'eta', 'priority']

const leastWidth = (column: ColumnKey) => Number(/\d+/.exec(TRACKS[column])?.[0])

/** Those of `columns` that `width` pixels have room for, in their order. */
export function columnsThatFit(columns: readonly ColumnKey[], width: number): ColumnKey[] {
  const shown = [...columns]
  const needed = () => shown.reduce((sum, column) => sum + leastWidth(column) + GAP, GAP)
  for (const column of LEAST_WANTED) {
    if (needed() <= width) break
    const at = shown.indexOf(column)
    if (at >= 0) shown.splice(at, 1)
  }
  return shown
}
