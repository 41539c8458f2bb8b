/**
 * Parts of Flamenco's wire schemas. They stay within what both JSON Schema and OpenAPI 3.0 can express, because they
 * validate requests, serialize replies and generate `/api/v3/openapi3.json`. A `title` makes a schema a named component
 * there. Requests may contain unknown properties everywhere, as in the original.
 */
import { Type, type Static, type TObject, type TProperties, type TSchema } from 'typebox'

/** "One of these words". */
export function words<const T extends readonly string[]>(title: string, list: T) {
  return Type.Unsafe<T[number]>({ type: 'string', enum: [...list], title })
}

/** An object whose values all have one schema. */
export function mapOf<T extends TSchema>(values: T) {
  return Type.Unsafe<Record<string, Static<T>>>({ type: 'object', additionalProperties: values })
}

/** A named object: it becomes a component of the OpenAPI document. */
export function named<T extends TProperties>(title: string, properties: T): TObject<T> {
  return Type.Object(properties, { title })
}

/** Any JSON value. */
export const Anything = Type.Unsafe<unknown>({})
/** Any JSON object. */
export const AnyObject = Type.Unsafe<Record<string, unknown>>({ type: 'object', additionalProperties: true })

/** 36 characters in the shape 8-4-4-4-12, either case. */
export const Uuid = Type.String({ pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$', description: 'a UUID' })
export const DateTime = Type.String({ format: 'date-time' })
export const Int = Type.Integer()

/** The format of every error: the original sometimes omits `code`, but its Python client requires it. */
export const ErrorBody = named('Error', {
  code: Type.Integer(),
  message: Type.String(),
  /** The field that the message is about, if it is about one. Not in the original. */
  field: Type.Optional(Type.String()),
})

/** A reply without a body. */
export const NoBody = Type.Unsafe<undefined>({ type: 'null', description: 'no body' })

/** Milliseconds since the epoch as RFC 3339 in UTC; null (never) as Go's zero time. */
export function wireTime(at: number | null): string {
  return at === null ? '0001-01-01T00:00:00Z' : new Date(at).toISOString()
}
