/** A job type by the name that a person typed. */
import type { Client, JobTypeInfo } from './client.ts'
import { CliError, EXIT } from './errors.ts'
import { nearest } from './nearest.ts'

/** @throws CliError with the nearest name, or all there are */
export async function findJobType(client: Client, name: string): Promise<JobTypeInfo> {
  const types = await client.jobTypes()
  const type = types.find((one) => one.name === name)
  if (type) return type
  const names = types.map((one) => one.name)
  const near = nearest(name, names)
  const hint = near ? `Did you mean "${near}"?` : `There are: ${names.join(', ')}.`
  throw new CliError(EXIT.notFound, `there is no job type "${name}". ${hint}`, 'not-found', 'TYPE')
}
