/** PLACEHOLDER until the job-type modules land: the contract other modules build on. */
import type { Static } from 'typebox'
import type { JobTypeSchema } from '../../shared/schemas/jobType.ts'
import type { CompiledJob } from '../engine/compiledJob.ts'

export type JobType = Static<typeof JobTypeSchema>

export interface CompileInput {
  jobId: string
  name: string
  jobType: string
  priority: number
  workerTag: string
  createdAt: number
  settings: Record<string, unknown>
  metadata: Record<string, string>
  checkoutId: string
}

export interface JobTypeCatalog {
  /** All loadable types, by name. */
  list(): Promise<JobType[]>
  /** @throws NotFoundError */
  get(name: string): Promise<JobType>
  /** Scripts that could not be loaded, with the reason. */
  broken(): Promise<{ file: string; message: string }[]>
  /** Runs compileJob in the sandbox. @throws InvalidInputError with the script's own words */
  compile(input: CompileInput): Promise<CompiledJob>
}
