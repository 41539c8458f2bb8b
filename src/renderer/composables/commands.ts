/**
 * What can be done from the palette and with the keys it shows. Features and pages own their commands: they contribute them while they are on
 * the screen, and take them away when they leave it.
 */
import { computed, onScopeDispose, shallowReactive, toValue, type MaybeRefOrGetter } from 'vue'
import type { MenuEntry } from '../stores/ui.ts'
import type { IconName } from '../ui/design/icons.ts'

export interface Command {
  /** Unique among all commands: `limits.create`. */
  id: string
  label: string
  icon: IconName
  /** Shown beside it: `g j`, `P`. Keys that begin with `g` are also listened to; the others are those of the page. */
  keys?: string
  /** `here`: of what is on the screen; it comes before everything else. */
  group: 'here' | 'go' | 'app'
  run(): unknown
}

const sources = shallowReactive(new Map<symbol, MaybeRefOrGetter<readonly Command[]>>())
const ORDER = { here: 0, go: 1, app: 2 } as const

/** All commands that there are now; those of the innermost panel first. */
export const commands = computed<readonly Command[]>(() =>
  [...sources.values()]
    .toReversed()
    .flatMap((source) => toValue(source))
    .toSorted((a, b) => ORDER[a.group] - ORDER[b.group]),
)

/** Contributes commands for as long as the calling component (or scope) lives. */
export function useCommands(list: MaybeRefOrGetter<readonly Command[]>): void {
  const key = Symbol('commands')
  sources.set(key, list)
  onScopeDispose(() => sources.delete(key))
}

/** Runs the command with these keys. @returns whether there is one */
export function runKeys(keys: string): boolean {
  const command = commands.value.find((each) => each.keys === keys)
  void command?.run()
  return command !== undefined
}

/** What a menu offers as commands: the entries that can be chosen, with the name of what they are for. Pure. */
export function commandsOfMenu(prefix: string, name: string, entries: readonly MenuEntry[]): Command[] {
  return entries.flatMap((entry) => {
    if (entry === 'line' || entry.disabled) return []
    const label = (text: string) => `${text}: ${name}`
    if (entry.children) {
      return commandsOfMenu(`${prefix}.${entry.key}`, name, entry.children).map((child) => ({
        ...child,
        label: `${entry.label}, ${child.label}`,
        icon: entry.icon ?? child.icon,
      }))
    }
    const { run } = entry
    if (!run) return []
    return [
      {
        id: `${prefix}.${entry.key}`,
        label: label(entry.label),
        icon: entry.icon ?? 'right',
        group: 'here' as const,
        run,
        ...(entry.keys && { keys: entry.keys }),
      },
    ]
  })
}
