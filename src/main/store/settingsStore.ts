/** The farm's settings in memory and in the database: one row per key, defaults for the rest. */
import { Value } from 'typebox/value'
import { goPlatform } from '../../shared/crosspath.ts'
import { FarmSettings } from '../../shared/schemas/settings.ts'
import { wrongPath } from '../../shared/settingsPaths.ts'
import { InvalidInputError } from '../engine/errors.ts'
import { JOBS_VARIABLE } from '../engine/variables.ts'
import type { ReadDatabase } from './connection.ts'
import type { Writer } from './writer.ts'

/** The shared storage is a path of the manager's own platform. */
const PLATFORM = goPlatform(process.platform)

export class StoredSettings {
  private readonly listeners = new Set<(settings: FarmSettings) => void>()

  private constructor(
    private settings: FarmSettings,
    private readonly writer: Writer,
    private readonly now: () => number,
  ) {}

  /** Keys that this program does not know (an older one's) are ignored, and so are values that no longer fit. */
  static async open(read: ReadDatabase, writer: Writer, now: () => number): Promise<StoredSettings> {
    const rows = await read.all<{ key: string; value: string }>('select key, value from settings')
    const settings = defaults()
    for (const { key, value } of rows) {
      if (!(key in settings)) continue
      const candidate = { ...settings, [key]: parsed(value) }
      if (Value.Check(FarmSettings, candidate) && !wrongPath(candidate, PLATFORM)) Object.assign(settings, candidate)
    }
    return new StoredSettings(settings, writer, now)
  }

  current(): FarmSettings {
    return this.settings
  }

  /** @throws InvalidInputError naming the key */
  async update(changes: Partial<FarmSettings>): Promise<FarmSettings> {
    const candidate = { ...this.settings, ...changes }
    const [problem] = Value.Errors(FarmSettings, candidate)
    if (problem) throw new InvalidInputError(problem.instancePath.slice(1).replaceAll('/', '.') || unknownKey(changes), problem.message)
    if (changes.variables && JOBS_VARIABLE in changes.variables) {
      throw new InvalidInputError(
        `variables.${JOBS_VARIABLE}`,
        `"${JOBS_VARIABLE}" is the farm's own variable, the folder of jobs' files; take another name`,
      )
    }
    const wrong = wrongPath(changes, PLATFORM)
    if (wrong) throw new InvalidInputError(wrong.field, wrong.message)
    const rows = Object.entries(changes).map(([key, value]) => [key, JSON.stringify(value)])
    await this.writer.exclusive((tx) =>
      tx.run('insert or replace into settings (key, value, updated_at) select value->>0, value->>1, ? from json_each(?)', [
        this.now(),
        JSON.stringify(rows),
      ]),
    )
    // Others may have been changed while these were written.
    this.settings = { ...this.settings, ...changes }
    for (const listener of this.listeners) listener(this.settings)
    return this.settings
  }

  onChange(listener: (settings: FarmSettings) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}

function defaults(): FarmSettings {
  return Value.Parse(FarmSettings, Value.Default(FarmSettings, {}))
}

/** Undefined fits no setting, so what is no JSON is ignored like any other value that does not fit. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unknownKey(changes: object): string {
  return Object.keys(changes).find((key) => !(key in FarmSettings.properties)) ?? 'settings'
}
