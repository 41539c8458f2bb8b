/**
 * Messages as the original decodes them: keys match whatever their case, unknown ones are ignored, missing and null ones
 * become the empty value of their type, and a value of another type refuses the whole message.
 */
import { Type, type Static, type TObject, type TProperties, type TSchema } from 'typebox'
import { ColoniesError } from './errors.ts'

export const text = Type.String()
export const integer = Type.Integer()
export const flag = Type.Boolean()
export const anything = Type.Unknown()
/** An integer of 64 bits. */
export const int64 = Type.Unsafe<bigint>({ type: 'int64' })
/** Absent and null are undefined: for values whose absence means something. */
export const maybe = <T extends TSchema>(schema: T) => Type.Optional(schema)
export const listOf = <T extends TSchema>(schema: T) => Type.Array(schema)
export const mapOf = <T extends TSchema>(schema: T) => Type.Record(Type.String(), schema)

/** JSON Schema, as far as this file reads it. */
interface Plain {
  type?: string
  properties?: Record<string, Plain>
  patternProperties?: Record<string, Plain>
  required?: string[]
  items?: Plain
  maxLength?: number
}

/** @throws ColoniesError 400 that names the member */
export function decode<P extends TProperties>(schema: TObject<P>, value: unknown): Static<TObject<P>> {
  // The walk below builds what the schema describes.
  return read(schema as Plain, value, '') as Static<TObject<P>>
}

function read(schema: Plain, value: unknown, path: string): unknown {
  switch (schema.type) {
    case 'string':
      if (value === null || value === undefined) return ''
      if (typeof value !== 'string') throw wrongType(path, 'a text')
      if (schema.maxLength !== undefined && value.length > schema.maxLength)
        throw new ColoniesError(400, `${path} has more than ${schema.maxLength} characters`)
      return value
    case 'integer':
      if (value === null || value === undefined) return 0
      if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw wrongType(path, 'an integer')
      return value
    case 'int64':
      return readInt64(value, path)
    case 'number':
      if (value === null || value === undefined) return 0
      if (typeof value !== 'number') throw wrongType(path, 'a number')
      return value
    case 'boolean':
      if (value === null || value === undefined) return false
      if (typeof value !== 'boolean') throw wrongType(path, 'true or false')
      return value
    case 'array':
      if (value === null || value === undefined) return []
      if (!Array.isArray(value)) throw wrongType(path, 'a list')
      return value.map((each, index) => read(schema.items ?? {}, each, `${path}[${index}]`))
    case 'object':
      return schema.properties ? readObject(schema, value, path) : readMap(schema, value, path)
    default:
      return value ?? null
  }
}

function readInt64(value: unknown, path: string): bigint {
  if (value === null || value === undefined) return 0n
  const isInteger = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))
  if (!isInteger || BigInt.asIntN(64, BigInt(value)) !== BigInt(value)) throw wrongType(path, 'an integer of 64 bits')
  return BigInt(value)
}

function readObject(schema: Plain, value: unknown, path: string): Record<string, unknown> {
  if (value !== null && value !== undefined && !isPlain(value)) throw wrongType(path, 'an object')
  // An exact spelling wins, and is the usual one.
  const exact: Record<string, unknown> = value ?? {}
  let others: Map<string, unknown> | undefined
  const result: Record<string, unknown> = {}
  for (const { key, inner, isOptional } of membersOf(schema)) {
    const found = Object.hasOwn(exact, key) ? exact[key] : (others ??= byLowerCase(exact)).get(key.toLowerCase())
    if (isOptional && (found === undefined || found === null)) continue
    result[key] = read(inner, found, path === '' ? key : `${path}.${key}`)
  }
  return result
}

function byLowerCase(value: Record<string, unknown>): Map<string, unknown> {
  const given = new Map<string, unknown>()
  for (const key in value) if (Object.hasOwn(value, key)) given.set(key.toLowerCase(), value[key])
  return given
}

interface Member {
  key: string
  inner: Plain
  isOptional: boolean
}

const MEMBERS = new WeakMap<Plain, Member[]>()

function membersOf(schema: Plain): Member[] {
  let members = MEMBERS.get(schema)
  if (!members) {
    members = Object.entries(schema.properties ?? {}).map(([key, inner]) => ({
      key,
      inner,
      isOptional: schema.required?.includes(key) !== true,
    }))
    MEMBERS.set(schema, members)
  }
  return members
}

function readMap(schema: Plain, value: unknown, path: string): Record<string, unknown> {
  if (value === null || value === undefined) return {}
  if (!isPlain(value)) throw wrongType(path, 'an object')
  const [inner = {}] = Object.values(schema.patternProperties ?? {})
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, read(inner, each, `${path}.${key}`)]))
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function wrongType(path: string, expected: string): ColoniesError {
  return new ColoniesError(400, `${path || 'the message'} must be ${expected}: invalid JSON`)
}
