/**
 * Validates requests against the routes' TypeBox schemas. Bodies are not converted: a number is not a text. Query and
 * path parameters are always texts, so their values are converted first. The error names the first invalid field.
 */
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { InvalidInputError } from '../../engine/base/errors.ts'
import { boundIntegers } from './safeIntegers.ts'

interface SchemaError {
  keyword: string
  schemaPath: string
  instancePath: string
  message: string
  params: object
}

export const compileValidator: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  boundIntegers(schema)
  // Compiled at the first request: most routes are not called in the first second, and startup need not wait for them.
  let compiled: ReturnType<typeof Compile> | undefined
  const isText = httpPart === 'body' || !hasTypedMembers(schema)
  return (data: unknown) => {
    const value = isText ? data : fromTexts(schema, data)
    const check = (compiled ??= Compile(schema))
    if (check.Check(value)) return { value }
    // The library's errors have these members (JSON Schema output); their declared type is a wide union.
    const errors = [...check.Errors(value)] as unknown as SchemaError[]
    return { error: describe(errors, httpPart ?? 'body', value) }
  }
}

/** Whether any member is not a string, so that its text must be converted. */
function hasTypedMembers(schema: TSchema): boolean {
  const properties: unknown = Reflect.get(schema, 'properties')
  if (!isObject(properties)) return true
  return Object.values(properties).some((member) => !isObject(member) || member['type'] !== 'string')
}

/**
 * Converts query and path parameters to their schema's types where the text is an exact match; others stay texts and
 * are rejected.
 */
function fromTexts(schema: TSchema, data: unknown): unknown {
  const properties: unknown = Reflect.get(schema, 'properties')
  if (!isObject(properties) || !isObject(data)) return data
  return Object.fromEntries(Object.entries(data).map(([name, text]) => [name, fromText(properties[name], text)]))
}

function fromText(schema: unknown, text: unknown): unknown {
  const type = isObject(schema) ? schema['type'] : undefined
  if (typeof text !== 'string') return text
  if (type === 'integer' && /^-?\d{1,15}$/.test(text)) return Number(text)
  if (type === 'number' && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

/** Describes one error. Of the many that a union reports, the deepest one is what the caller meant. */
function describe(all: SchemaError[], part: string, value: unknown): InvalidInputError {
  if (part === 'body' && value === undefined) return new InvalidInputError('', 'a JSON body is required (Content-Type: application/json)')
  const errors = ofMeantBranches(all)
  const deepest = Math.max(...errors.map((error) => fieldOf(error).split('/').length))
  const at = errors.find((error) => fieldOf(error).split('/').length === deepest && error.keyword !== 'anyOf') ?? errors[0]
  if (!at) return new InvalidInputError('', `${part} is invalid`)
  const pointer = fieldOf(at)
  const field = part === 'body' ? pointer : pointer.slice(1)
  const place =
    part === 'body'
      ? pointer || 'body'
      : part === 'querystring'
        ? `query parameter ${field}`
        : `${part === 'params' ? 'path' : part} parameter ${field}`
  return new InvalidInputError(field, `${place}: ${wordsOf(at, errors, pointer)}`)
}

/** Drops the branches of a union whose discriminator (a constant) does not match, unless nothing would remain. */
function ofMeantBranches(errors: SchemaError[]): SchemaError[] {
  const wrong = new Set(errors.filter((error) => error.keyword === 'const').map(branchOf))
  const meant = errors.filter((error) => error.keyword !== 'anyOf' && !wrong.has(branchOf(error)))
  return meant.length > 0 ? meant : errors
}

function branchOf({ schemaPath }: SchemaError): string | undefined {
  return /^.*\/anyOf\/\d+/.exec(schemaPath)?.[0]
}

/** JSON pointer of the invalid field: for a missing or unknown member, the member itself. */
function fieldOf(error: SchemaError): string {
  const member = memberOf(error)
  return member === undefined ? error.instancePath : `${error.instancePath}/${member.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

function memberOf({ params }: SchemaError): string | undefined {
  for (const key of ['requiredProperties', 'additionalProperties']) {
    // Reads from an object that the library describes by these keywords.
    const names = (params as Record<string, unknown>)[key]
    if (Array.isArray(names) && typeof names[0] === 'string') return names[0]
  }
  return undefined
}

function wordsOf(error: SchemaError, errors: SchemaError[], pointer: string): string {
  if (error.keyword === 'required') return 'is required'
  if (error.keyword === 'boolean' || error.keyword === 'additionalProperties') return 'is unknown'
  const allowed = (error.params as { allowedValues?: unknown }).allowedValues
  if (Array.isArray(allowed)) return `must be one of ${allowed.join(', ')}`
  if (error.keyword === 'const') {
    const values = errors
      .filter((other) => other.keyword === 'const' && fieldOf(other) === pointer)
      .map((other) => (other.params as { allowedValue?: unknown }).allowedValue)
    return `must be ${values.length > 1 ? 'one of ' : ''}${values.map(String).join(', ')}`
  }
  return error.message
}
