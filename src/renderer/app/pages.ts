/** The pages of the rail and of the palette, in this order: each with its address, its sign, and the key that leads to it after `g`. */
import type { IconName } from '../ui/design/icons.ts'

export interface PageEntry {
  /** Of its route, and of its text `nav.<name>`. */
  name: string
  path: string
  icon: IconName
  key?: string
}

export const PAGES: readonly PageEntry[] = [
  { name: 'dashboard', path: '/', icon: 'home', key: 'd' },
  { name: 'jobs', path: '/jobs', icon: 'jobs', key: 'j' },
  { name: 'submit', path: '/submit', icon: 'plus', key: 's' },
  { name: 'workers', path: '/workers', icon: 'workers', key: 'w' },
  { name: 'limits', path: '/limits', icon: 'gauge', key: 'l' },
  { name: 'schedules', path: '/schedules', icon: 'calendar', key: 'c' },
  { name: 'actors', path: '/actors', icon: 'cube', key: 'a' },
  { name: 'colonies', path: '/colonies', icon: 'hive', key: 'o' },
  { name: 'statistics', path: '/statistics', icon: 'chart', key: 't' },
  { name: 'settings', path: '/settings', icon: 'settings', key: ',' },
]
