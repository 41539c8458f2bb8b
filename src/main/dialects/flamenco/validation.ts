/**
 * Validates requests against the routes' schemas: bodies unconverted, defaults filled in; the error names the first
 * invalid field. Everything is compiled when the route is registered.
 */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Value } from 'typebox/value'
import { boundIntegers } from '../../http/validation/safeIntegers.ts'
import { WireError } from './errors.ts'

type Problem = ReturnType<ReturnType<typeof Compile>['Errors']>[number]

export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  boundIntegers(schema)
  // Compiled at the first request, as in the native routes.
  let compiled: ReturnType<typeof Compile> | undefined
  const fillsIn = JSON.stringify(schema).includes('"default":')
  return (given: unknown) => {
    const value = fillsIn && typeof given === 'object' && given !== null ? Value.Default(schema, given) : given
    const check = (compiled ??= Compile(schema))
    if (check.Check(value)) return { value }
    return { error: describe(check.Errors(value), schema, httpPart ?? 'body', value) }
  }
}

function describe(problems: Problem[], schema: TSchema, part: string, value: unknown): WireError {
  if (value === undefined || value === null) return new WireError(400, `the request needs a ${part === 'body' ? 'JSON body' : part}`, part)
  const problem = problems[0]
  if (!problem) return new WireError(400, `the ${part} is not valid`, part)
  const missing = missingProperty(problem)
  const path = [...problem.instancePath.split('/').slice(1), ...(missing === undefined ? [] : [missing])].map(unescapePointer)
  const field = path.join('/') || part
  if (missing !== undefined) return new WireError(400, `${field} is missing`, field)
  return new WireError(400, `${field} ${reason(problem, at(schema, path))}`, field)
}

function missingProperty(problem: Problem): string | undefined {
  if (problem.keyword !== 'required') return undefined
  const names: unknown = Reflect.get(problem.params, 'requiredProperties')
  return Array.isArray(names) && typeof names[0] === 'string' ? names[0] : undefined
}

function unescapePointer(part: string): string {
  return part.replaceAll('~1', '/').replaceAll('~0', '~')
}

/** Our own wording where the schema's would not help people. */
function reason(problem: Problem, schema: unknown): string {
  if (problem.keyword === 'pattern' && isObject(schema) && typeof schema.description === 'string') return `must be ${schema.description}`
  if (problem.keyword === 'enum' && isObject(schema) && Array.isArray(schema.enum)) return `must be one of ${schema.enum.join(', ')}`
  return problem.message
}

/** The schema of the value at a path, as far as properties and items lead. */
function at(schema: unknown, path: string[]): unknown {
  let here: unknown = schema
  for (const part of path) {
    if (!isObject(here)) return undefined
    if (isObject(here.properties) && part in here.properties) here = here.properties[part]
    else if (here.items !== undefined) here = here.items
    else here = here.additionalProperties
  }
  return here
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
