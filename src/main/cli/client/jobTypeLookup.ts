/** Looks up a job type by name. */
import type { Client, JobTypeInfo } from './client.ts'
import { CliError, EXIT } from '../errors.ts'
import { nearest } from '../parsing/nearest.ts'

/** @throws CliError with the nearest name, or with all names */
export async function findJobType(client: Client, name: string): Promise<JobTypeInfo> {
  const types = await client.jobTypes()
  const type = types.find((one) => one.name === name)
  if (type) return type
  const names = types.map((one) => one.name)
  const near = nearest(name, names)
  const hint = near ? `Did you mean "${near}"?` : `Available job types: ${names.join(', ')}.`
  throw new CliError(EXIT.notFound, `unknown job type "${name}". ${hint}`, 'not-found', 'TYPE')
}
