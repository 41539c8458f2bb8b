/**
 * The job types of this farm: the scripts of the users' folder and of the shipped one, described by the sandbox and
 * read again when a file changes.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { JobTypeInfo } from '../../../shared/schemas/jobs/jobType.ts'
import type { CompiledJob } from '../../engine/base/compiledJob.ts'
import { InvalidInputError, NotFoundError, UnavailableError } from '../../engine/base/errors.ts'
import type { Logger } from '../../../shared/logger.ts'
import { JobTypeError, jobTypeName, readJobType } from './jobTypeInfo.ts'
import type { CompileInput, ScriptFailure } from '../sandbox/protocol.ts'
import { createSandbox, SandboxError, type Sandbox, type Submitter } from '../sandbox/sandbox.ts'
import { createScriptFolders, type ScriptSet } from './scriptFolders.ts'

export type JobType = JobTypeInfo
export type { CompileInput }

/** A script that is no usable job type. */
export interface BrokenScript {
  file: string
  message: string
}

export interface JobTypeCatalog {
  /** All loadable types, by name. */
  list(): Promise<JobType[]>
  /** @throws NotFoundError */
  get(name: string): Promise<JobType>
  /** Scripts that could not be loaded, with the reason. */
  broken(): Promise<BrokenScript[]>
  /**
   * Previews a script without saving it: its job type, and the tasks for these settings if there are any.
   * @throws InvalidInputError with the script's own message
   */
  tryOut(name: string, source: string, input?: Omit<CompileInput, 'jobType'>): Promise<{ type: JobType; compiled: CompiledJob | undefined }>
  /** Runs compileJob in the sandbox. @throws NotFoundError, InvalidInputError with the script's own words */
  compile(input: CompileInput, who?: Submitter): Promise<CompiledJob>
}

export interface CatalogOptions {
  /** Absolute paths; a script in an earlier folder takes the place of one of the same name in a later one. */
  folders: readonly string[]
  sandbox: Sandbox
  log: Logger
}

interface Loaded {
  types: Map<string, { info: JobType; file: string }>
  broken: BrokenScript[]
}

/** What a script turned out to be; kept as long as its text stays the same. */
interface Description {
  text: string
  result: { info: JobType } | { message: string }
}

/** The folder of the scripts that come with the program: looked for upwards from here, so source and bundle find the same. */
export function shippedScriptsFolder(from: string = dirname(fileURLToPath(import.meta.url))): string {
  const resources = (process as { resourcesPath?: string }).resourcesPath
  const places = [...upwards(from).map((folder) => join(folder, 'resources', 'job-types'))]
  if (resources !== undefined) places.push(join(resources, 'job-types'), join(resources, 'resources', 'job-types'))
  const found = places.find((place) => existsSync(place))
  if (found === undefined) throw new Error(`no folder resources/job-types at or above ${from}`)
  return found
}

function upwards(folder: string): string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...upwards(parent)]
}

export function createJobTypeCatalog({ folders, sandbox, log }: CatalogOptions): JobTypeCatalog {
  const scriptFolders = createScriptFolders(folders)
  let set: ScriptSet | undefined
  let loaded: Promise<Loaded> = Promise.resolve({ types: new Map(), broken: [] })
  let descriptions = new Map<string, Description>()

  /** The scripts as they are now. */
  async function current(): Promise<Loaded> {
    const now = await scriptFolders.read()
    if (now === set) return loaded
    set = now
    sandbox.setFiles(now.files)
    loaded = load(now)
    // A farm that stops, or a thread that cannot start: the next call tries again.
    loaded.catch(() => (set = undefined))
    return loaded
  }

  async function load({ files, scripts, problems }: ScriptSet): Promise<Loaded> {
    const types: Loaded['types'] = new Map()
    const broken = [...problems]
    const kept = new Map<string, Description>()
    for (const [name, file] of scripts) {
      const text = files.get(file) ?? ''
      const known = descriptions.get(file)
      // What a script requires may have changed without it.
      const result = known?.text === text && !text.includes('require') ? known.result : await describe(name, file)
      kept.set(file, { text, result })
      if ('info' in result) types.set(name, { info: result.info, file })
      else broken.push({ file: displayName(file), message: result.message })
    }
    descriptions = kept
    for (const { file, message } of broken) log.warn({ file }, `job type cannot be used: ${message}`)
    return { types, broken }
  }

  async function describe(name: string, file: string): Promise<Description['result']> {
    try {
      return { info: readJobType(name, await sandbox.describe(file)) }
    } catch (error) {
      if (error instanceof JobTypeError) return { message: error.message }
      if (error instanceof SandboxError && error.failure.kind !== 'unavailable') return { message: error.failure.text }
      throw stoppedOr(error)
    }
  }

  async function find(name: string): Promise<{ info: JobType; file: string }> {
    const type = (await current()).types.get(name)
    if (type === undefined) throw new NotFoundError('job type', name)
    return type
  }

  return {
    async list() {
      const { types } = await current()
      return Array.from(types.values(), ({ info }) => info).sort((a, b) => (a.name < b.name ? -1 : 1))
    },
    async get(name) {
      return (await find(name)).info
    },
    async broken() {
      return (await current()).broken
    },
    async tryOut(name, source, input) {
      const { files } = await scriptFolders.read()
      // In the place of one's own script, so that `require` finds what it will find then.
      const file = `0/${name}.js`
      // A thread of its own: a text that is half typed may hang, and submissions must not wait for it.
      const own = createSandbox({ log })
      own.setFiles(new Map([...files, [file, source]]))
      try {
        const type = readJobType(jobTypeName(`${name}.js`), await own.describe(file))
        return { type, compiled: input && (await own.compile(file, { ...input, jobType: type.name })) }
      } catch (error) {
        if (error instanceof JobTypeError) throw new InvalidInputError('/source', error.message)
        if (!(error instanceof SandboxError) || error.failure.kind === 'unavailable') throw stoppedOr(error)
        const { setting, text } = error.failure
        throw setting === undefined ? new InvalidInputError('/source', text) : inputError(error.failure)
      } finally {
        await own.stop()
      }
    },
    async compile(input, who) {
      const { file } = await find(input.jobType)
      try {
        return await sandbox.compile(file, input, who)
      } catch (error) {
        if (error instanceof SandboxError && error.failure.kind !== 'unavailable' && error.failure.kind !== 'abandoned')
          throw inputError(error.failure)
        throw stoppedOr(error)
      }
    },
  }
}

/** The path inside its folder. */
function displayName(file: string): string {
  return file.slice(file.indexOf('/') + 1)
}

function inputError({ kind, text, setting }: ScriptFailure): InvalidInputError {
  if (setting !== undefined) return new InvalidInputError(`settings.${setting}`, text)
  return new InvalidInputError(kind === 'script' ? 'settings' : 'type', text)
}

function stoppedOr(error: unknown): unknown {
  return error instanceof SandboxError ? new UnavailableError(error.message) : error
}
