/** From a submission in any dialect's words to a stored job. */
import type { JobStatus } from '../../shared/enums.ts'
import type { Policy } from '../../shared/policy.ts'
import { Policy as PolicySchema } from '../../shared/policy.ts'
import type { NewJob } from '../../shared/schemas/job.ts'
import type { Platform } from '../../shared/schemas/jobType.ts'
import type { FarmSettings } from '../../shared/schemas/settings.ts'
import { Value } from 'typebox/value'
import type { CompiledJob, TaskRow } from '../engine/compiledJob.ts'
import { InvalidInputError, JobTypeChangedError } from '../engine/errors.ts'
import type { FarmEngine, NewJobRecord } from '../engine/farmEngine.ts'
import type { JobState } from '../engine/model.ts'
import type { PreparedJob } from '../engine/schedules/scheduleEngine.ts'
import { assertRules } from '../notify/rules.ts'
import type { JobTypeCatalog } from './catalog.ts'
import { outputFolder } from './outputFolder.ts'
import { settingsFor } from './settings.ts'

/** A submission in the words of the native API, plus what only some dialects know. */
export interface SubmissionInput extends NewJob {
  origin: 'native' | 'flamenco'
  owner: string
  submitterPlatform?: Platform
  checkoutId?: string
  initialStatus?: JobStatus
}

/** What a submission would become; at most MAX_SHOWN_TASKS of its tasks. */
export interface CheckedSubmission {
  settings: Record<string, unknown>
  taskCount: number
  tasks: { name: string; kind: string }[]
}

export interface Submission {
  /**
   * Variables → etag → settings checked and defaulted → compiled → stored.
   * @throws NotFoundError (type), JobTypeChangedError, InvalidInputError
   */
  submit(input: SubmissionInput): Promise<JobState>
  /** The same but the storing: for what stores the job together with something else (a schedule's firing). */
  prepare(input: SubmissionInput): Promise<PreparedJob>
  /** The same up to the compilation; nothing is stored. Returns what would be authored. */
  check(input: SubmissionInput): Promise<CheckedSubmission>
}

/** Two-way variables, as the engine knows them. */
export interface SubmissionVariables {
  /** Replaces what starts with a two-way variable's value for the submitter's platform by `{name}`; top-level texts only. */
  fromValues<T>(values: Record<string, T>, submitterPlatform: Platform): Record<string, T | string>
  /** Fills in a text's variables as the manager itself would. */
  toValue(text: string): string
}

export interface SubmissionParts {
  catalog: JobTypeCatalog
  farm: Pick<FarmEngine, 'submitJob'>
  settings: { current(): FarmSettings }
  /** Which upload a text names a file of. */
  uploads: { idIn(text: string): string | undefined }
  variables: SubmissionVariables
  /** Milliseconds since the epoch. */
  now(): number
  randomUuid(): string
}

const DEFAULT_PRIORITY = 50
const MAX_SHOWN_TASKS = 1_000

export function createSubmission(parts: SubmissionParts): Submission {
  const { catalog, farm, variables } = parts

  async function compile(input: SubmissionInput, jobId: string, createdAt: number): Promise<CompiledJob> {
    const platform = input.submitterPlatform ?? 'manager'
    const given = variables.fromValues(input.settings ?? {}, platform)
    const metadata = variables.fromValues(input.metadata ?? {}, platform)
    const type = await catalog.get(input.type)
    if (input.typeEtag && input.typeEtag !== type.etag) {
      throw new JobTypeChangedError(`job type "${type.name}" has changed since you looked; load the job types again`)
    }
    return catalog.compile({
      jobId,
      name: input.name,
      jobType: type.name,
      priority: input.priority ?? DEFAULT_PRIORITY,
      workerTag: input.tag ?? '',
      createdAt,
      settings: settingsFor(type, given, input.origin),
      metadata,
      checkoutId: input.checkoutId ?? '',
    })
  }

  function outputDirOf(compiled: CompiledJob): string | null {
    const folder = compiled.outputDir ?? outputFolder(compiled.settings)
    return folder === null ? null : variables.toValue(folder)
  }

  async function prepare(input: SubmissionInput): Promise<PreparedJob> {
    const rules = input.notify ?? []
    assertRules(rules, '/notify')
    const publicId = parts.randomUuid()
    const createdAt = parts.now()
    const compiled = await compile(input, publicId, createdAt)
    const record: NewJobRecord = {
      publicId,
      origin: input.origin,
      owner: input.owner,
      name: compiled.name ?? input.name,
      type: input.type,
      project: input.project ?? compiled.metadata['project'] ?? '',
      priority: compiled.priority ?? input.priority ?? DEFAULT_PRIORITY,
      policy: { ...policyFrom(parts.settings.current()), ...input.policy },
      watched: { job: rules.length > 0 },
      queueOrder: 'priority',
      initialStatus: input.initialStatus ?? (input.paused ? 'paused' : 'queued'),
      tag: input.tag ?? null,
      maxWorkers: input.maxWorkers ?? null,
      startAfter: timeOf(input.startAfter),
      dependsOn: input.dependsOn ?? [],
      limits: input.limits ?? [],
      checkoutId: input.checkoutId ?? uploadOf(compiled.settings) ?? null,
      outputDir: outputDirOf(compiled),
      clientId: null,
      createdAt,
    }
    return { record, compiled: rules.length === 0 ? compiled : { ...compiled, companions: [{ kind: 'notifications', values: rules }] } }
  }

  /** The upload that the job's files are in: it belongs to the job then, and workers that do not see it fetch it. */
  function uploadOf(settings: Record<string, unknown>): string | undefined {
    for (const value of Object.values(settings)) {
      const id = typeof value === 'string' ? parts.uploads.idIn(variables.toValue(value)) : undefined
      if (id !== undefined) return id
    }
    return undefined
  }

  return {
    async submit(input) {
      const { record, compiled } = await prepare(input)
      return farm.submitJob(record, compiled)
    },
    prepare,

    async check(input) {
      assertRules(input.notify ?? [], '/notify')
      const compiled = await compile(input, parts.randomUuid(), parts.now())
      return { settings: compiled.settings, taskCount: compiled.taskCount, tasks: firstTasks(compiled) }
    },
  }
}

/** The farm's failure policy: what a job gets unless it says otherwise. */
function policyFrom(settings: Pick<FarmSettings, 'taskFailAfterSoftfailCount' | 'blocklistThreshold' | 'taskTimeoutMs'>): Policy {
  return {
    ...Value.Create(PolicySchema),
    failAfterWorkers: settings.taskFailAfterSoftfailCount,
    blockAfterFailures: settings.blocklistThreshold,
    touchTimeoutMs: settings.taskTimeoutMs,
  }
}

function timeOf(startAfter: string | undefined): number | null {
  if (startAfter === undefined) return null
  const time = Date.parse(startAfter)
  if (Number.isNaN(time)) throw new InvalidInputError('startAfter', `startAfter is no time: "${startAfter}"`)
  return time
}

/** The names and kinds of its first tasks, at most MAX_SHOWN_TASKS. */
export function firstTasks({ taskSlices }: CompiledJob): { name: string; kind: string }[] {
  const tasks: { name: string; kind: string }[] = []
  for (const slice of taskSlices) {
    if (tasks.length >= MAX_SHOWN_TASKS) break
    // Written by TaskCompiler.
    const rows = JSON.parse(slice) as TaskRow[]
    tasks.push(...rows.slice(0, MAX_SHOWN_TASKS - tasks.length).map(([, name, kind]) => ({ name, kind })))
  }
  return tasks
}
