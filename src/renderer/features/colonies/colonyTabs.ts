/** The views of a colony, in their order. */
import type { IconName } from '../../ui/design/icons.ts'

export const COLONY_TABS = ['executors', 'processes', 'workflows', 'schedules', 'blueprints', 'files', 'functions', 'users'] as const
export type ColonyTab = (typeof COLONY_TABS)[number]

export const TAB_ICONS: Record<ColonyTab, IconName> = {
  executors: 'workers',
  processes: 'jobs',
  workflows: 'graph',
  schedules: 'calendar',
  blueprints: 'table',
  files: 'folder',
  functions: 'activity',
  users: 'key',
}

/** The tab that an address names. */
export const tabOf = (text: string | undefined): ColonyTab => COLONY_TABS.find((tab) => tab === text) ?? 'executors'
