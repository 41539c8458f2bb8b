/** The two operations on a script: read its job type, and turn settings into tasks. Runs in the job-type thread. */
import type { QuickJSWASMModule } from 'quickjs-emscripten'
import { TaskCompiler, type TaskHead, type TaskReference } from '../../engine/compile/compileTasks.ts'
import { BLENDER_LOOK_KIND } from '../../../shared/enums.ts'
import type { AuthoredTask, CompiledJob } from '../../engine/base/compiledJob.ts'
import { InvalidInputError } from '../../engine/base/errors.ts'
import type { Command } from '../../../shared/schemas/jobs/task.ts'
import type { CompileInput, FileTable, RunLimits, ScriptLine } from './protocol.ts'
import { loadScript, ScriptError, type HostFacts, type LoadedScript } from './vm.ts'

/** Tasks fetched from the sandbox at a time: few enough that their text stays small, enough that calls do not count. */
const BATCH = 1_000
/** How many values the prelude writes for a task. */
const VALUES_PER_TASK = 4
const MAX_NAME_LENGTH = 1_000
const MAX_KIND_LENGTH = 100

export interface ScriptRun {
  module: QuickJSWASMModule
  files: FileTable
  /** Key in `files`. */
  file: string
  limits: RunLimits
  facts: HostFacts
  /** Collects what the script prints. */
  lines: ScriptLine[]
}

/** The script's JOB_TYPE as plain JSON. @throws ScriptError when it cannot be loaded or is no job type */
export function describeScript(run: ScriptRun): unknown {
  return withScript(run, (script) => {
    const json = script.jobType()
    if (json === undefined) throw scriptError('the script defines no object JOB_TYPE')
    if (!script.canCompile()) throw scriptError('the script defines no function compileJob(job)')
    return JSON.parse(json)
  })
}

/** Runs compileJob and compiles what it authored. @throws ScriptError */
export function compileScript(run: ScriptRun, input: CompileInput): CompiledJob {
  return withScript(run, (script) => {
    if (!script.canCompile()) throw scriptError('the script defines no function compileJob(job)')
    const job = readJob(JSON.parse(script.compile(JSON.stringify(jobObject(input)), input.timestampSuffix ?? '')), input)
    const { blendfile } = job.kept.settings
    const look = input.lookFirst && typeof blendfile === 'string' && blendfile !== '' ? lookTask(blendfile) : undefined
    const reader = new TaskReader(look && job.taskCount + 1)
    try {
      for (let from = 0; from < job.taskCount; from += BATCH) {
        const batch = asList(JSON.parse(script.drain(from, from + BATCH)), 'the tasks')
        for (let at = 0; at < batch.length; at += VALUES_PER_TASK) reader.read(batch[at], batch[at + 1], batch[at + 2], batch[at + 3])
      }
      if (look) reader.compiler.add(look)
      return { ...reader.compiler.finish(), ...job.kept }
    } catch (error) {
      if (error instanceof InvalidInputError) throw new ScriptError({ kind: 'tasks', text: error.message })
      throw error
    }
  })
}

function withScript<T>(run: ScriptRun, work: (script: LoadedScript) => T): T {
  const script = loadScript(run.module, run.files, run.file, run.limits, run.facts, run.lines)
  try {
    const result = work(script)
    script.dispose()
    return result
  } catch (error) {
    // A script that failed leaves a sound interpreter behind, and must leave its memory too.
    if (error instanceof ScriptError) script.dispose()
    throw error
  }
}

function scriptError(text: string): ScriptError {
  return new ScriptError({ kind: 'script', text })
}

/** The `job` that a script sees, with the names that Flamenco's scripts know. */
function jobObject(input: CompileInput): Record<string, unknown> {
  return {
    jobID: input.jobId,
    workerTagUUID: input.workerTag,
    name: input.name,
    jobType: input.jobType,
    priority: input.priority,
    status: 'under-construction',
    created: input.createdAt,
    settings: input.settings,
    metadata: input.metadata,
    storage: { shamanCheckoutID: input.checkoutId },
  }
}

interface ReadJob {
  taskCount: number
  kept: Pick<CompiledJob, 'settings' | 'metadata' | 'outputDir' | 'name' | 'priority'>
}

/** What compileJob left in the job. Comes from the sandbox: nothing in it is certain. */
function readJob(raw: unknown, input: CompileInput): ReadJob {
  const job = asObject(raw, 'the job')
  const { taskCount, outputDir, name, priority } = job
  return {
    taskCount: typeof taskCount === 'number' ? taskCount : 0,
    kept: {
      settings: asObject(job['settings'], 'job.settings'),
      metadata: Object.fromEntries(Object.entries(asObject(job['metadata'], 'job.metadata')).map(([key, value]) => [key, String(value)])),
      outputDir: typeof outputDir === 'string' && outputDir !== '' ? outputDir : null,
      name: typeof name === 'string' && name.trim() !== '' ? name : input.name,
      priority: typeof priority === 'number' ? Math.trunc(priority) : input.priority,
    },
  }
}

/** Reads tasks as the prelude hands them over. They come from the sandbox: nothing in them is certain. */
class TaskReader {
  readonly compiler = new TaskCompiler()
  /** Tasks that came in full, by the sandbox's number. */
  readonly #references = new Map<number, TaskReference>()
  #kind = ''
  #priority = 0

  /** @param look index of the task that whatever opens the scene waits for */
  constructor(private readonly look: number | undefined) {}

  /**
   * `head`: [type, priority, dependencies, optional], or 0 for type and priority of the task before and nothing else. `commands`: a list (then
   * `more` is its number as a reference, or null), or the number of a reference (then `more` is what differs from it).
   * @throws ScriptError, InvalidInputError
   */
  read(name: unknown, head: unknown, commands: unknown, more: unknown): void {
    const label = `task "${String(name).slice(0, 100)}"`
    const task: TaskHead = { name: asName(name, label, 'name', MAX_NAME_LENGTH), ...this.#readHead(head, label) }
    if (typeof commands !== 'number') {
      const list = asList(commands, `${label}: its commands`).map((command, index) =>
        readCommand(command, `${label}, command ${index + 1}`),
      )
      const reference = this.compiler.add({ ...task, commands: list })
      if (typeof more === 'number') this.#references.set(more, reference)
      return
    }
    const reference = this.#references.get(commands)
    if (reference === undefined) fail(`${label}: the sandbox sent no commands`)
    this.compiler.addLike(task, reference, asList(more, `${label}: its differences`))
  }

  /** Only the first ones of a chain need to wait. */
  #waits(needs: number[]): number[] {
    return this.look !== undefined && this.#kind === 'blender' && needs.length === 0 ? [this.look] : needs
  }

  #readHead(head: unknown, label: string): Omit<TaskHead, 'name'> {
    if (head === 0) return { kind: this.#kind, priority: this.#priority, dependsOn: this.#waits([]) }
    const [kind, priority, dependsOn, optional] = asList(head, label)
    this.#kind = asName(kind, label, 'type', MAX_KIND_LENGTH)
    if (typeof priority !== 'number' || !Number.isFinite(priority)) fail(`${label}: its priority must be a number`)
    this.#priority = Math.trunc(priority)
    const needs = asList(dependsOn, `${label}: its dependencies`).map(Number)
    return { kind: this.#kind, priority: this.#priority, dependsOn: this.#waits(needs), optional: optional === true }
  }
}

/** Looks before anything is rendered. Its kind is one that no foreign worker has: they do not know the command. */
function lookTask(blendfile: string): AuthoredTask {
  const command = { name: 'check-blend-files', parameters: { exe: '{blender}', blendfile }, totalStepCount: 0 }
  return { name: 'check-files', kind: BLENDER_LOOK_KIND, priority: 50, commands: [command], dependsOn: [] }
}

function readCommand(raw: unknown, label: string): Command {
  const { name, parameters, totalStepCount } = asObject(raw, label)
  if (typeof name !== 'string' || name === '') return fail(`${label} has no name`)
  const steps = totalStepCount === null || totalStepCount === undefined ? 0 : Number(totalStepCount)
  if (!(steps >= 0 && steps <= Number.MAX_SAFE_INTEGER)) return fail(`${label}: totalStepCount must be a number from 0 on`)
  return {
    name,
    parameters: parameters === undefined || parameters === null ? {} : asObject(parameters, `${label}: its parameters`),
    totalStepCount: Math.trunc(steps),
  }
}

function asName(value: unknown, label: string, what: string, maxLength: number): string {
  if (typeof value !== 'string' || value.trim() === '') return fail(`${label}: its ${what} must be a text that is not empty`)
  if (value.length > maxLength) return fail(`${label}: its ${what} has more than ${maxLength} characters`)
  return value
}

function asList(value: unknown, label: string): unknown[] {
  return Array.isArray(value) ? value : fail(`${label} must be a list`)
}

function asObject(value: unknown, label: string): Record<string, unknown> {
  // An object that is no list: its keys are read as unknown.
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  return fail(`${label} must be an object`)
}

function fail(message: string): never {
  throw new ScriptError({ kind: 'tasks', text: message })
}
