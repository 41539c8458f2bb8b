/** How an attempt treats an existing file before it writes it. Pure: facts in, a decision out. */
import type { Existing, Inputs, KnownFile } from '../../../../shared/schemas/jobs/existing.ts'

export interface FileFacts {
  bytes: number
  /** Milliseconds since the epoch, as reported by the file system. */
  modifiedAt: number
}

/** The result of checking the file; see src/main/pictures. */
export type Look = { state: 'whole' } | { state: 'damaged'; reason: string } | { state: 'unchecked'; reason: string }

export interface ExistingFacts {
  existing: Existing
  path: string
  /** From the file system; undefined when there is no such file. */
  found: FileFacts | undefined
  /** The inputs of this attempt's files. */
  inputs: Inputs
  /** SHA-256 of the file; undefined when it was not computed (yet). */
  sha256?: string | undefined
  /** The result of checking it; undefined when it was not checked (yet). */
  look?: Look | undefined
}

export type ExistingDecision =
  /** There is none. */
  | { action: 'render' }
  /** Decide again with these facts. */
  | { action: 'examine'; hash: boolean; look: boolean }
  | { action: 'keep'; known: KnownFile | undefined }
  /** Set aside, and rendered. `damaged`: the file is damaged, not only unwanted. */
  | { action: 'set-aside'; damaged: boolean; reason: string }

/** The decision for one file that the attempt will write. */
export function decideExisting(facts: ExistingFacts): ExistingDecision {
  const { existing, found, look } = facts
  if (found === undefined) return { action: 'render' }
  if (existing.mode === 'replace') return setAside('it existed before the task ran')
  if (existing.mode === 'keep-proven') return decideProven(facts, existing.known, found)
  if (found.bytes === 0) return damaged('it is empty')
  if (look === undefined) return { action: 'examine', hash: false, look: true }
  if (look.state === 'damaged') return damaged(look.reason)
  if (look.state === 'unchecked') return setAside(`it cannot be verified: ${look.reason}`)
  return { action: 'keep', known: undefined }
}

function decideProven(facts: ExistingFacts, files: readonly KnownFile[], found: FileFacts): ExistingDecision {
  const known = files.find(({ path }) => path === facts.path)
  if (known === undefined) return setAside('no earlier run of the task reported it')
  if (known.rejected) return setAside('a check rejected it')
  if (known.bytes !== found.bytes) return setAside('its size differs from the recorded one')
  if (known.modifiedAt === null || Math.abs(known.modifiedAt - found.modifiedAt) > CLOCK_GRAIN_MS) {
    return setAside('it has changed since it was recorded')
  }
  const change = changeOfInputs(known.inputs, facts.inputs)
  if (change !== undefined) return setAside(change)
  if (known.sha256 === null) return setAside('its hash was not recorded')
  if (facts.sha256 === undefined) return { action: 'examine', hash: true, look: false }
  if (facts.sha256 !== known.sha256) return damaged('its content differs from the recorded one')
  return { action: 'keep', known }
}

/** FAT and some network shares store times in steps of two seconds. */
const CLOCK_GRAIN_MS = 2_000

/** The difference between the inputs of an existing file and the current ones, as text; undefined when there is none. */
export function changeOfInputs(before: Inputs | null, now: Inputs): string | undefined {
  if (before === null) return 'its inputs are unknown'
  if (before.command === undefined || now.command === undefined) return 'its command is unknown'
  if (before.command !== now.command) return 'the command has changed'
  if (before.program === undefined || now.program === undefined) return 'the version of its program is unknown'
  if (before.program !== now.program) return `it was made by ${before.program}`
  if (before.files === undefined || now.files === undefined) return 'its input files are unknown'
  const files = new Map(now.files.map((file) => [file.path, file]))
  if (files.size !== before.files.length) return 'it was made from other files'
  for (const { path, bytes, modifiedAt } of before.files) {
    const file = files.get(path)
    if (file === undefined) return `it was made from "${path}"`
    if (file.bytes !== bytes || file.modifiedAt !== modifiedAt) return `"${path}" was changed since`
  }
  return undefined
}

const setAside = (reason: string): ExistingDecision => ({ action: 'set-aside', damaged: false, reason })
const damaged = (reason: string): ExistingDecision => ({ action: 'set-aside', damaged: true, reason })
