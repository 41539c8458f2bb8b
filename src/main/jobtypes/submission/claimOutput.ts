/** Finds an output folder of its own for a job where possible, and refuses or warns where it is not. */
import { cleanPath, folderKey, isAbsolutePath } from '../../../shared/paths/jobPaths.ts'
import type { SharedOutput } from '../../../shared/schemas/jobs/job.ts'
import type { SideRow, CompiledJob } from '../../engine/base/compiledJob.ts'
import {
  clashing,
  OutputSharedError,
  sharedText,
  sharers,
  type ClaimHolder,
  type OutputClaim,
  type StoredClaim,
} from '../../engine/rules/outputClaims.ts'
import type { ClaimBook } from './claimBook.ts'
import { formatTimestampLocal } from '../sandbox/hostCalls.ts'
import { outputFolder, outputSetting } from './outputFolder.ts'

export interface ClaimParts {
  book: ClaimBook
  /** The folder with links followed, where the manager can see it. */
  realFolder(path: string): Promise<string>
  /** Fills in a text's variables as the manager itself would. */
  toValue(text: string): string
}

export interface ClaimRequest {
  jobId: string
  /** Milliseconds since the epoch. */
  createdAt: number
  name: string
  /** As they were submitted. */
  settings: Record<string, unknown>
  /** A folder that another job writes to is no reason to refuse it: it gets one of its own. */
  lenient: boolean
  /** It may share its folder with jobs that are not finished. */
  allowed: boolean
}

export interface ClaimedOutput {
  compiled: CompiledJob
  /** Variables replaced; null when unknown. */
  folder: string | null
  sideRow: SideRow | undefined
}

/** Compiles with these settings, and with this behind the time of submission. */
type Compile = (settings: Record<string, unknown>, timestampSuffix: string) => Promise<CompiledJob>

/** So many jobs of one name in one second, or to one folder, are no accident. */
const MAX_TRIES = 1_000
/** Jobs that an answer names. */
const MAX_NAMED = 10

/**
 * A folder with the time of submission in it gets a number after that time when another job holds it. Any other shared
 * folder leads to a warning; if the other job is unfinished and has the same frames, the submission is refused, or, for
 * Flamenco's clients, which cannot be asked, also gets a number.
 * @throws OutputSharedError
 */
export async function claimOutput(parts: ClaimParts, request: ClaimRequest, compile: Compile): Promise<ClaimedOutput> {
  try {
    return await findPlace(parts, request, compile)
  } catch (error) {
    parts.book.release(request.jobId)
    throw error
  }
}

async function findPlace(parts: ClaimParts, request: ClaimRequest, compile: Compile): Promise<ClaimedOutput> {
  const { book } = parts
  const { jobId, name } = request
  let settings = request.settings
  let suffix = ''
  let compiled = await compile(settings, suffix)
  for (let number = 2; ; number++) {
    const claim = await claimOf(parts, compiled)
    if (claim === undefined) return { compiled, folder: folderOf(parts, compiled), sideRow: undefined }
    const { all, shared } = await book.take(jobId, name, claim)
    if (shared.length === 0) return { compiled, folder: claim.folder, sideRow: sideRowOf(claim, all, []) }

    const next = number > MAX_TRIES ? undefined : await otherPlace(parts, request, { claim, shared, settings, suffix, number, compile })
    if (next !== undefined) {
      ;({ compiled, settings, suffix, number } = next)
      continue
    }
    const clashes = clashing(claim, shared)
    if (clashes.length > 0 && !request.allowed && !request.lenient) throw refusal(claim, compiled, clashes)
    const taken = await book.take(jobId, name, claim, true)
    return { compiled, folder: claim.folder, sideRow: sideRowOf(claim, taken.all, taken.shared) }
  }
}

interface Attempt {
  claim: OutputClaim
  shared: ClaimHolder[]
  settings: Record<string, unknown>
  suffix: string
  number: number
  compile: Compile
}

/** The job compiled for the next folder that is free; undefined where its folder is what it is. */
async function otherPlace(parts: ClaimParts, request: ClaimRequest, attempt: Attempt) {
  const { claim, settings, suffix, compile } = attempt
  const stamp = formatTimestampLocal(request.createdAt)
  if (claim.folder.includes(stamp + suffix)) {
    const number = await freeNumber(parts, request, attempt, (candidate) =>
      claim.folder.replaceAll(stamp + suffix, `${stamp}_${candidate}`),
    )
    const compiled = await compile(settings, `_${number}`)
    const found = await claimOf(parts, compiled)
    return found !== undefined && found.key !== claim.key ? { compiled, settings, suffix: `_${number}`, number } : undefined
  }
  if (!request.lenient || clashing(claim, attempt.shared).length === 0) return undefined
  const place = outputSetting(request.settings)
  const text = place && request.settings[place.key]
  if (place === undefined || place.folderLength === 0 || typeof text !== 'string') return undefined
  const number = await freeNumber(parts, request, attempt, (candidate) => `${claim.folder}_${candidate}`)
  const changed = { ...settings, [place.key]: `${text.slice(0, place.folderLength)}_${number}${text.slice(place.folderLength)}` }
  const compiled = await compile(changed, suffix)
  const found = await claimOf(parts, compiled)
  return found !== undefined && found.key !== claim.key ? { compiled, settings: changed, suffix, number } : undefined
}

/** The first number whose folder no other job has; it is this job's from now on. */
async function freeNumber(
  { book, toValue }: ClaimParts,
  { jobId, name }: ClaimRequest,
  { claim, number }: Attempt,
  folderWith: (candidate: number) => string,
): Promise<number> {
  for (let tries = 0, candidate = book.nextNumber(claim.key, number); ; tries++, candidate = book.nextNumber(claim.key, number)) {
    const folder = toValue(folderWith(candidate))
    const { shared } = await book.take(jobId, name, { ...claim, folder, key: folderKey(folder) })
    if (shared.length === 0 || tries > MAX_TRIES) return candidate
  }
}

function sideRowOf(claim: OutputClaim, all: readonly ClaimHolder[], shared: readonly ClaimHolder[]): SideRow {
  const values: StoredClaim = {
    ...claim,
    seen: all.map(({ jobId }) => jobId),
    warning: shared.length === 0 ? null : sharedText(claim, shared),
  }
  return { kind: 'output-claim', values }
}

function refusal(claim: OutputClaim, compiled: CompiledJob, clashes: readonly ClaimHolder[]): OutputSharedError {
  const key = outputSetting(compiled.settings)?.key
  const [first] = clashes
  return new OutputSharedError(
    `${key === undefined ? 'the output folder' : `settings.${key}`}: the job "${first?.name ?? ''}" (${first?.status ?? ''}) renders the same frames to "${claim.folder}"; ` +
      'choose another folder, wait until it is finished, or set allowSharedOutput',
  )
}

/** Jobs that hold this job's folder. Claims nothing. */
export async function sharedOutputOf(
  parts: ClaimParts,
  compiled: CompiledJob,
  { jobId, createdAt }: Pick<ClaimRequest, 'jobId' | 'createdAt'>,
): Promise<SharedOutput | null> {
  const claim = await claimOf(parts, compiled)
  // One with the time of submission in it will get a place of its own.
  if (claim === undefined || claim.folder.includes(formatTimestampLocal(createdAt))) return null
  const shared = sharers(claim, await parts.book.holders(claim.key, jobId))
  if (shared.length === 0) return null
  const jobs = shared.slice(0, MAX_NAMED).map(({ jobId: id, name, status }) => ({ id, name, status }))
  return { folder: claim.folder, jobs, clashes: clashing(claim, shared).length > 0 }
}

/** The folder that the job's commands write to, variables replaced; null when unknown. */
export function folderOf({ toValue }: Pick<ClaimParts, 'toValue'>, compiled: CompiledJob): string | null {
  const folder = compiled.outputDir ?? outputFolder(compiled.settings)
  return folder === null ? null : toValue(folder)
}

/** Undefined when the folder is unknown, or each worker would resolve it differently. */
async function claimOf(parts: ClaimParts, compiled: CompiledJob): Promise<OutputClaim | undefined> {
  const folder = folderOf(parts, compiled)
  if (folder === null || !isAbsolutePath(folder) || folder.startsWith('{')) return undefined
  const { frames, frame } = compiled.settings
  return {
    folder,
    key: folderKey(await parts.realFolder(cleanPath(folder))),
    files: outputSetting(compiled.settings)?.files ?? '',
    frames: typeof frames === 'string' && frames.trim() !== '' ? frames : typeof frame === 'number' ? String(frame) : null,
  }
}
