/** The shell's stored state, one small JSON file in the user's folder. A broken file counts as missing. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { ShellPreferences, WindowMode } from '../../shared/ipc.ts'
import { DEFAULT_STATE, WindowState } from './windowState.ts'

export const ShellState = Type.Object({
  window: WindowState,
  preferences: ShellPreferences,
  /** The choice of the window; empty: it is not made yet. */
  mode: Type.Union([Type.Literal(''), WindowMode]),
  /** A farm elsewhere: where it was last. The token is kept apart, encrypted. */
  managerUrl: Type.String({ maxLength: 2000 }),
  /** The key of the farm's authority, by which it is recognised. */
  authority: Type.String({ maxLength: 100 }),
  farmId: Type.String({ maxLength: 100 }),
  farmName: Type.String({ maxLength: 1000 }),
})
export type ShellState = Static<typeof ShellState>

export const DEFAULTS: ShellState = {
  window: DEFAULT_STATE,
  preferences: { startAtLogin: false, closeToTray: true, notifyOnFinish: true, notifyOnFailure: true },
  mode: '',
  managerUrl: '',
  authority: '',
  farmId: '',
  farmName: '',
}

export class ShellStore {
  private state: ShellState

  constructor(private readonly file: string) {
    this.state = readState(file)
  }

  get(): ShellState {
    return this.state
  }

  /** Writes beside and renames: a crash leaves the old file. */
  set(changes: Partial<ShellState>): ShellState {
    this.state = { ...this.state, ...changes }
    mkdirSync(dirname(this.file), { recursive: true })
    writeFileSync(`${this.file}.new`, JSON.stringify(this.state, null, 2))
    renameSync(`${this.file}.new`, this.file)
    return this.state
  }
}

function readState(file: string): ShellState {
  try {
    const stored: unknown = JSON.parse(readFileSync(file, 'utf8'))
    const merged = { ...DEFAULTS, ...ofBefore(stored), ...(typeof stored === 'object' ? stored : {}) }
    return Value.Check(ShellState, merged) ? merged : DEFAULTS
  } catch {
    return DEFAULTS
  }
}

/** From before there was a choice: a farm elsewhere was only looked at. */
function ofBefore(stored: unknown): Partial<ShellState> {
  if (typeof stored !== 'object' || stored === null || !('managerUrl' in stored)) return {}
  return { mode: stored.managerUrl === '' ? 'here' : 'look' }
}
