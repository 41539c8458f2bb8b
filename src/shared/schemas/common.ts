/** Schemas shared by several resources of the native API. Times are RFC 3339 strings in UTC. */
import { Type, type Static, type TSchema } from 'typebox'

export const Id = Type.String({ minLength: 36, maxLength: 36, pattern: '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' })
export const Time = Type.String({ format: 'date-time' })
export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** Every error of the native API: `code` is a stable word, `field` the JSON pointer of the invalid input. */
export const ApiError = Type.Object({
  status: Type.Integer(),
  code: Type.String(),
  message: Type.String(),
  field: Type.Optional(Type.String()),
})
export type ApiError = Static<typeof ApiError>

/** A page of a list: `total` counts all matches of the filters, `next` is the cursor of the following page. */
export const pageOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item), total: Type.Integer(), next: nullable(Type.String()) })

export const PageQuery = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, default: 100 })),
  cursor: Type.Optional(Type.String()),
})

export const NamedRef = Type.Object({ id: Id, name: Type.String() })
export type NamedRef = Static<typeof NamedRef>

/** Several words in one query parameter, separated by commas: `status=queued,active`. */
export const WordList = Type.String({ maxLength: 8000 })
