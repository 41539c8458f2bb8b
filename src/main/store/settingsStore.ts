/** The farm's settings in memory and in the database: one row per key, defaults for the rest. */
import { Type, type Static, type TObject, type TProperties } from 'typebox'
import { Value } from 'typebox/value'
import { goPlatform } from '../../shared/paths/crosspath.ts'
import { FarmSettings, type SettingsChanges } from '../../shared/schemas/settings.ts'
import { wrongPath } from '../../shared/paths/settingsPaths.ts'
import { InvalidInputError } from '../engine/base/errors.ts'
import { JOBS_VARIABLE } from '../engine/compile/variables.ts'
import type { ReadDatabase } from './connection.ts'
import type { Writer } from './writer.ts'

/** The shared storage is a path in the manager's own notation. */
const PLATFORM = goPlatform(process.platform)

/** @returns why changes must not happen, and the setting; undefined: nothing speaks against them */
type Check = (changes: SettingsChanges) => { field: string; message: string } | undefined

/** Runs a change when the ones before it have ended. */
type Turn = <T>(change: () => Promise<T>) => Promise<T>

export class StoredSettings {
  private readonly checks: Check[] = []
  private turn: Turn = (change) => change()
  private readonly listeners = new Set<(settings: FarmSettings) => void>()

  private constructor(
    /** The farm's settings and those of the dialects. */
    readonly schema: TObject,
    private settings: FarmSettings,
    private readonly writer: Writer,
    private readonly now: () => number,
  ) {}

  /**
   * Unknown keys (of another version) are ignored, and so are values that no longer fit.
   * @param more settings of dialects
   */
  static async open(read: ReadDatabase, writer: Writer, now: () => number, more: readonly TProperties[] = []): Promise<StoredSettings> {
    const schema = Type.Object(Object.assign({}, FarmSettings.properties, ...more) as TProperties, { additionalProperties: false })
    const rows = await read.all<{ key: string; value: string }>('select key, value from settings')
    // The schema contains everything that FarmSettings does.
    const settings = Value.Parse(schema, Value.Default(schema, {})) as FarmSettings
    for (const { key, value } of rows) {
      if (!(key in settings)) continue
      const candidate = { ...settings, [key]: parsed(value) }
      if (Value.Check(schema, candidate) && !wrongPath(candidate, PLATFORM)) Object.assign(settings, candidate)
    }
    return new StoredSettings(schema, settings, writer, now)
  }

  current(): FarmSettings {
    return this.settings
  }

  /** Settings of a dialect. @param schema with properties that were passed to `open` */
  of<P extends TProperties>(schema: TObject<P>): Static<TObject<P>> {
    for (const key of Object.keys(schema.properties)) if (!(key in this.schema.properties)) throw new Error(`unknown setting "${key}"`)
    // Every value was validated against the whole schema, which contains this one.
    return this.settings as unknown as Static<TObject<P>>
  }

  /** @throws InvalidInputError naming the key */
  update(changes: SettingsChanges): Promise<FarmSettings> {
    return this.turn(() => this.updateNow(changes))
  }

  private async updateNow(changes: SettingsChanges): Promise<FarmSettings> {
    const candidate = { ...this.settings, ...changes }
    const [problem] = Value.Errors(this.schema, candidate)
    if (problem)
      throw new InvalidInputError(problem.instancePath.slice(1).replaceAll('/', '.') || this.unknownKey(changes), problem.message)
    if (changes.variables && JOBS_VARIABLE in changes.variables) {
      throw new InvalidInputError(
        `variables.${JOBS_VARIABLE}`,
        `"${JOBS_VARIABLE}" is a built-in variable, the folder of jobs' files; choose another name`,
      )
    }
    const wrong = wrongPath(changes, PLATFORM) ?? this.checks.map((check) => check(changes)).find((found) => found !== undefined)
    if (wrong) throw new InvalidInputError(wrong.field, wrong.message)
    const rows = Object.entries(changes).map(([key, value]) => [key, JSON.stringify(value)])
    await this.writer.exclusive((tx) =>
      tx.run('insert or replace into settings (key, value, updated_at) select value->>0, value->>1, ? from json_each(?)', [
        this.now(),
        JSON.stringify(rows),
      ]),
    )
    // Others may have changed while these were written.
    this.settings = { ...this.settings, ...changes }
    for (const listener of this.listeners) listener(this.settings)
    return this.settings
  }

  /** What else must agree to each change. @param turn lets changes, and whatever else its user passes to it, happen one after the other */
  onUpdate(check: Check, turn: Turn): void {
    this.checks.push(check)
    this.turn = turn
  }

  private unknownKey(changes: object): string {
    return Object.keys(changes).find((key) => !(key in this.schema.properties)) ?? 'settings'
  }

  onChange(listener: (settings: FarmSettings) => void): () => void {
    this.listeners.add(listener)
    return () => this.listeners.delete(listener)
  }
}

/** Undefined fits no setting, so invalid JSON is ignored like any other value that does not fit. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
