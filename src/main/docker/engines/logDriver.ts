/**
 * Where an engine keeps the output of containers for reading it again. Its usual driver, `json-file`, keeps text and changes every
 * byte that is not UTF-8; `local` keeps bytes. Without `local` the engine's own choice stays.
 */
import type { Engine } from './engine.ts'

export interface LogDriver {
  readonly name: string
  readonly options: Readonly<Record<string, string>>
}

/** Never turned over: what was thrown away could not be read again. The container is removed with it. */
const LOCAL: LogDriver = { name: 'local', options: { 'max-size': '1000g', 'max-file': '1', compress: 'false' } }

const known = new WeakMap<Engine, Promise<LogDriver | undefined>>()

/** The engine is asked once. */
export function logDriverOf(engine: Engine): Promise<LogDriver | undefined> {
  let driver = known.get(engine)
  if (driver === undefined) {
    driver = ask(engine)
    known.set(engine, driver)
    // It may answer the next time; the current caller does without.
    driver.catch(() => known.delete(engine))
  }
  return driver.catch(() => undefined)
}

async function ask({ docker }: Engine): Promise<LogDriver | undefined> {
  const { Plugins } = (await docker.info()) as { Plugins?: { Log?: string[] | null } }
  return Plugins?.Log?.includes(LOCAL.name) === true ? LOCAL : undefined
}
