/** From a submission in any dialect's terms to a stored job. */
import type { JobStatus } from '../../../shared/enums.ts'
import type { Policy } from '../../../shared/policy.ts'
import { Policy as PolicySchema } from '../../../shared/policy.ts'
import type { NewJob, SharedOutput } from '../../../shared/schemas/jobs/job.ts'
import type { Platform } from '../../../shared/schemas/jobs/jobType.ts'
import type { FarmSettings } from '../../../shared/schemas/settings.ts'
import { Value } from 'typebox/value'
import type { CompiledJob, TaskRow } from '../../engine/base/compiledJob.ts'
import { InvalidInputError, JobTypeChangedError, UnavailableError } from '../../engine/base/errors.ts'
import type { FarmEngine } from '../../engine/base/farmEngine.ts'
import type { JobOwnership, NewJobRecord } from '../../engine/base/farmRecords.ts'
import type { JobState } from '../../engine/base/model.ts'
import type { PreparedJob } from '../../engine/base/scheduleEngine.ts'
import { assertRules } from '../../notify/rules.ts'
import type { JobTypeCatalog } from '../scripts/catalog.ts'
import { claimOutput, folderOf, sharedOutputOf, type ClaimParts } from './claimOutput.ts'
import { sentOutputs } from './sentOutputs.ts'
import { declaredPaths } from './declaredPaths.ts'
import { settingsFor } from './settings.ts'

/** A submission in the native API's terms, plus the fields of other dialects. */
export interface SubmissionInput extends NewJob, JobOwnership {
  /** The dialect's name. */
  origin: string
  /**
   * Its sender validates less and cannot be asked again, like Flamenco's add-on: settings that the job type does not
   * have are kept, empty texts are accepted, and a folder that another job holds is replaced by one of its own.
   */
  lenient?: boolean
  submitterPlatform?: Platform
  checkoutId?: string
  initialStatus?: JobStatus
  /** The key by which its sender would know it again (http/hooks/idempotencyKeys.ts). */
  clientId?: string | null
  /** Aborts when its sender disconnects: nothing is stored then. */
  signal?: AbortSignal
}

/** What a submission would become; at most MAX_SHOWN_TASKS of its tasks. */
export interface CheckedSubmission {
  settings: Record<string, unknown>
  taskCount: number
  tasks: { name: string; kind: string }[]
  /** Other jobs wrote to the same folder; null when none did. */
  sharedOutput: SharedOutput | null
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
  /** The storage roots that paths are in. */
  roots(paths: readonly string[]): { roots: string[] }
}

export interface SubmissionParts {
  catalog: JobTypeCatalog
  farm: Pick<FarmEngine, 'jobs'>
  settings: { current(): FarmSettings }
  /** Which upload a text names a file of. */
  uploads: { idIn(text: string): string | undefined }
  variables: SubmissionVariables
  /** Where the results of jobs without shared storage go (files/results/places.ts). */
  results: {
    /** The folder that the folders of all such jobs are in. */
    own: string
    folder(job: { name: string; publicId: string }): string
    /** @throws InvalidInputError */
    rootFor(output: string | null, folder: string): string
  }
  /** Output folders by job. */
  claims: Omit<ClaimParts, 'toValue'>
  /** Milliseconds since the epoch. */
  now(): number
  randomUuid(): string
}

const DEFAULT_PRIORITY = 50
const MAX_SHOWN_TASKS = 1_000
const MAX_PRINTED_CHARS = 1_000

export function createSubmission(parts: SubmissionParts): Submission {
  const { catalog, farm, variables } = parts

  const claimParts: ClaimParts = { ...parts.claims, toValue: (text) => variables.toValue(text) }

  async function compile(input: SubmissionInput, jobId: string, createdAt: number, timestampSuffix = ''): Promise<CompiledJob> {
    const platform = input.submitterPlatform ?? 'manager'
    const given = variables.fromValues(input.settings ?? {}, platform)
    const metadata = variables.fromValues(input.metadata ?? {}, platform)
    const type = await catalog.get(input.type)
    if (input.typeEtag && input.typeEtag !== type.etag) {
      throw new JobTypeChangedError(`job type "${type.name}" has changed; reload the job types`)
    }
    const who = { caller: input.ownerId, ...(input.signal && { signal: input.signal }) }
    const job = {
      jobId,
      name: input.name,
      jobType: type.name,
      priority: input.priority ?? DEFAULT_PRIORITY,
      workerTag: input.tag ?? '',
      createdAt,
      timestampSuffix,
      settings: settingsFor(type, given, input.lenient ?? false),
      metadata,
      checkoutId: input.checkoutId ?? '',
      lookFirst: input.policy?.missingFiles === 'fail',
    }
    return catalog.compile(job, who)
  }

  /** The settings to compile with, and the folder that a job without shared storage has for itself. */
  async function outputsOf(input: SubmissionInput, publicId: string): Promise<{ settings: Record<string, unknown>; home?: string }> {
    const settings = input.settings ?? {}
    if (input.sendFiles !== true) return { settings }
    const home = parts.results.folder({ name: input.name, publicId })
    return { settings: sentOutputs(await catalog.get(input.type), settings, home, parts.results.own), home }
  }

  async function prepare(input: SubmissionInput): Promise<PreparedJob> {
    const rules = input.notify ?? []
    assertRules(rules, '/notify')
    const publicId = parts.randomUuid()
    const createdAt = parts.now()
    const { settings: given, home } = await outputsOf(input, publicId)
    const { compiled, folder, sideRow } = await claimOutput(
      claimParts,
      {
        jobId: publicId,
        createdAt,
        name: input.name,
        settings: given,
        lenient: input.lenient ?? false,
        allowed: input.allowSharedOutput ?? false,
      },
      (settings, suffix) => compile({ ...input, settings }, publicId, createdAt, suffix),
    )
    const resultsRoot = home === undefined ? null : resultsRootFor(folder, home, publicId)
    const checkoutId = input.checkoutId ?? uploadOf(compiled.settings) ?? null
    const type = await catalog.get(input.type)
    const storagePaths = declaredPaths(type, compiled.settings, { outputs: home === undefined, checkoutId })
    const record: NewJobRecord = {
      publicId,
      origin: input.origin,
      owner: input.owner,
      ownerId: input.ownerId,
      adminRights: input.adminRights,
      submittedWith: input.submittedWith,
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
      maxTasks: input.maxTasks ?? null,
      startAfter: timeOf(input.startAfter),
      dependsOn: input.dependsOn ?? [],
      limits: input.limits ?? [],
      checkoutId,
      outputDir: folder ?? resultsRoot,
      resultsRoot,
      storageRoots: variables.roots(storagePaths).roots,
      clientId: input.clientId ?? null,
      activity: printedText(compiled),
      keepWholeFrames: input.keepWholeFrames ?? false,
      createdAt,
    }
    const sideRows = [...(rules.length === 0 ? [] : [{ kind: 'notifications', values: rules }]), ...(sideRow ? [sideRow] : [])]
    return { record, compiled: { ...compiled, sideRows } }
  }

  /** @throws InvalidInputError, and gives up the claim on the folder */
  function resultsRootFor(folder: string | null, home: string, publicId: string): string {
    try {
      return parts.results.rootFor(folder, home)
    } catch (error) {
      parts.claims.book.release(publicId)
      throw error
    }
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
      try {
        // A client that gets no answer sends it again, and would have two jobs.
        if (input.signal?.aborted) throw new UnavailableError('the caller disconnected; nothing was stored')
        return await farm.jobs.submit(record, compiled)
      } finally {
        parts.claims.book.release(record.publicId)
      }
    },
    prepare,

    async check(input) {
      assertRules(input.notify ?? [], '/notify')
      const jobId = parts.randomUuid()
      const createdAt = parts.now()
      const { settings, home } = await outputsOf(input, jobId)
      const compiled = await compile({ ...input, settings }, jobId, createdAt)
      if (home !== undefined) parts.results.rootFor(folderOf(claimParts, compiled), home)
      const sharedOutput = await sharedOutputOf(claimParts, compiled, { jobId, createdAt })
      return { settings: compiled.settings, taskCount: compiled.taskCount, tasks: firstTasks(compiled), sharedOutput }
    },
  }
}

/** The farm's failure policy: what a job gets unless it says otherwise. */
function policyFrom(
  settings: Pick<FarmSettings, 'taskFailAfterSoftfailCount' | 'blocklistThreshold' | 'taskTimeoutMs' | 'maxLogBytes'>,
): Policy {
  return {
    ...Value.Create(PolicySchema),
    failAfterWorkers: settings.taskFailAfterSoftfailCount,
    blockAfterFailures: settings.blocklistThreshold,
    touchTimeoutMs: settings.taskTimeoutMs,
    ...(settings.maxLogBytes > 0 && { maxLogBytes: settings.maxLogBytes }),
  }
}

/** The first lines that the job type's script printed, for people who look at the job. */
function printedText({ printed = [] }: CompiledJob): string {
  return printed.length === 0 ? '' : `Job type: ${printed.join('; ')}`.slice(0, MAX_PRINTED_CHARS)
}

function timeOf(startAfter: string | undefined): number | null {
  if (startAfter === undefined) return null
  const time = Date.parse(startAfter)
  if (Number.isNaN(time)) throw new InvalidInputError('startAfter', `startAfter is not a time: "${startAfter}"`)
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
