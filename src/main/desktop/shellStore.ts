/** The shell's stored state, one small JSON file in the user's folder. A broken file counts as missing. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'
import { ShellPreferences } from '../../shared/ipc.ts'
import { DEFAULT_STATE, WindowState } from './windowState.ts'

export const ShellState = Type.Object({
  window: WindowState,
  preferences: ShellPreferences,
  /** A farm elsewhere: its address; empty: the manager runs in this program. The token is kept apart, encrypted. */
  managerUrl: Type.String({ maxLength: 2000 }),
})
export type ShellState = Static<typeof ShellState>

export const DEFAULTS: ShellState = {
  window: DEFAULT_STATE,
  preferences: { startAtLogin: false, closeToTray: true, notifyOnFinish: true, notifyOnFailure: true },
  managerUrl: '',
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
    const merged = { ...DEFAULTS, ...(typeof stored === 'object' ? stored : {}) }
    return Value.Check(ShellState, merged) ? merged : DEFAULTS
  } catch {
    return DEFAULTS
  }
}
