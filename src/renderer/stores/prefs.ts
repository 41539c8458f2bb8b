/** What this person likes, kept in the browser: theme, language, widths, saved views. Never anything secret. */
import { useLocalStorage } from '@vueuse/core'
import { defineStore } from 'pinia'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { LOCALES } from '../locales/languages.ts'

export const SavedView = Type.Object({ name: Type.String(), query: Type.Record(Type.String(), Type.String()) })
export type SavedView = Static<typeof SavedView>

const Prefs = Type.Object({
  theme: Type.Enum(['system', 'dark', 'light']),
  locale: Type.Enum(['system', ...LOCALES]),
  railOpen: Type.Boolean(),
  listWidth: Type.Number({ minimum: 280, maximum: 1200 }),
  columns: Type.Array(Type.String()),
  savedViews: Type.Array(SavedView),
  presets: Type.Record(Type.String(), Type.Record(Type.String(), Type.Record(Type.String(), Type.Unknown()))),
  logWrap: Type.Boolean(),
  playFps: Type.Number(),
  notify: Type.Boolean(),
  welcomeDone: Type.Boolean(),
})
type Prefs = Static<typeof Prefs>

export const ALL_COLUMNS = [
  'state',
  'name',
  'progress',
  'frames',
  'eta',
  'elapsed',
  'priority',
  'type',
  'project',
  'owner',
  'workers',
  'created',
] as const
export type ColumnKey = (typeof ALL_COLUMNS)[number]

const DEFAULTS: Prefs = {
  theme: 'system',
  locale: 'system',
  railOpen: false,
  listWidth: 416,
  columns: [...ALL_COLUMNS],
  savedViews: [],
  presets: {},
  logWrap: false,
  playFps: 24,
  notify: false,
  welcomeDone: false,
}
const KEY = 'framehouse.prefs'

/** What is stored, key by key where it still has the right shape. */
export function readPrefs(text: string | null): Prefs {
  const prefs: Prefs = { ...DEFAULTS }
  if (!text) return prefs
  try {
    const stored: unknown = JSON.parse(text)
    if (typeof stored !== 'object' || stored === null) return prefs
    const merged = { ...prefs }
    for (const [key, value] of Object.entries(stored)) {
      const candidate = { ...merged, [key]: value }
      if (key in DEFAULTS && Value.Check(Prefs, candidate)) Object.assign(merged, candidate)
    }
    return merged
  } catch {
    return prefs
  }
}

export const usePrefs = defineStore('prefs', () => {
  const prefs = useLocalStorage<Prefs>(KEY, DEFAULTS, {
    serializer: { read: readPrefs, write: JSON.stringify },
    // Another window has its own theme and widths while both are open.
    listenToStorageChanges: false,
  })
  return { prefs }
})
