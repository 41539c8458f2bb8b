/** What clients send as definitions and blueprints, and the schema that a definition may have. Pure. */
import { Type, type Static } from 'typebox'
import { isDeepStrictEqual } from 'node:util'
import { ColoniesError } from '../wire/errors.ts'
import { anything, integer, mapOf, maybe, text } from '../wire/lenient.ts'
import { ZERO_TIME } from '../wire/values.ts'

const Metadata = Type.Object({
  name: text,
  colonyname: text,
  locationname: text,
  labels: mapOf(text),
  annotations: mapOf(text),
  generation: integer,
  createdAt: text,
  updatedAt: text,
  lastReconciliationProcess: text,
  lastReconciliationTime: text,
})
const Handler = Type.Object({ executorType: text, functionName: text, reconcileInterval: integer })

export const Definition = Type.Object({
  kind: text,
  metadata: Metadata,
  spec: Type.Object({
    group: text,
    version: text,
    names: Type.Object({ kind: text, listKind: text, singular: text, plural: text, shortNames: maybe(anything) }),
    scope: text,
    schema: maybe(anything),
    handler: Handler,
  }),
})
export type Definition = Static<typeof Definition>

export const Blueprint = Type.Object({
  blueprintid: text,
  kind: text,
  metadata: Metadata,
  spec: mapOf(anything),
  status: maybe(mapOf(anything)),
  /** Who reconciles this one, when its definition names no executor. */
  handler: maybe(Type.Object({ executortype: text, functionname: text })),
})
export type Blueprint = Static<typeof Blueprint>

export function metadataView(metadata: Static<typeof Metadata>): Record<string, unknown> {
  const { name, colonyname, locationname, labels, annotations, generation, lastReconciliationProcess } = metadata
  return {
    name,
    colonyname,
    ...(locationname !== '' && { locationname }),
    ...(Object.keys(labels).length > 0 && { labels }),
    ...(Object.keys(annotations).length > 0 && { annotations }),
    ...(generation !== 0 && { generation }),
    createdAt: metadata.createdAt || ZERO_TIME,
    updatedAt: metadata.updatedAt || ZERO_TIME,
    ...(lastReconciliationProcess !== '' && { lastReconciliationProcess }),
    lastReconciliationTime: metadata.lastReconciliationTime || ZERO_TIME,
  }
}

export function definitionView(publicId: string, { kind, metadata, spec }: Definition): Record<string, unknown> {
  const { shortNames, ...names } = spec.names
  const { reconcileInterval, ...handler } = spec.handler
  return {
    blueprintdefinitionid: publicId,
    kind,
    metadata: metadataView(metadata),
    spec: {
      group: spec.group,
      version: spec.version,
      names: { ...names, ...(shortNames !== undefined && { shortNames }) },
      scope: spec.scope,
      ...(spec.schema !== undefined && { schema: spec.schema }),
      handler: { ...handler, ...(reconcileInterval !== 0 && { reconcileInterval }) },
    },
  }
}

export function blueprintView(publicId: string, { kind, metadata, spec, status, handler }: Blueprint): Record<string, unknown> {
  return {
    blueprintid: publicId,
    kind,
    metadata: metadataView(metadata),
    spec,
    ...(status !== undefined && { status }),
    ...(handler !== undefined && { handler }),
  }
}

export function sameSpec(a: Blueprint, b: Blueprint): boolean {
  return isDeepStrictEqual(a.spec, b.spec)
}

interface Schema {
  type?: unknown
  properties?: unknown
  required?: unknown
  enum?: unknown
  items?: unknown
}

const MOST_LEVELS = 64

/** Required members, types, enums, members of members; others are allowed. @throws ColoniesError 400 that names the member */
export function checkAgainst(schema: unknown, spec: unknown): void {
  const problem = problemOf(schema, spec, 'spec', 0)
  if (problem !== undefined) throw new ColoniesError(400, `blueprint validation failed: ${problem}`)
}

function problemOf(given: unknown, value: unknown, path: string, level: number): string | undefined {
  if (!isObject(given) || level > MOST_LEVELS) return undefined
  const schema: Schema = given
  if (typeof schema.type === 'string' && schema.type !== '' && !hasType(value, schema.type)) return `${path} must be of type ${schema.type}`
  if (Array.isArray(schema.enum) && schema.enum.length > 0 && !schema.enum.some((each) => isDeepStrictEqual(each, value))) {
    return `${path} must be one of ${JSON.stringify(schema.enum)}`
  }
  if (isObject(value)) {
    for (const name of Array.isArray(schema.required) ? schema.required : []) {
      if (!Object.hasOwn(value, String(name))) return `${path}.${String(name)} is required`
    }
    for (const [name, inner] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
      const problem = Object.hasOwn(value, name) ? problemOf(inner, value[name], `${path}.${name}`, level + 1) : undefined
      if (problem !== undefined) return problem
    }
  }
  for (const [index, item] of Array.isArray(value) ? value.entries() : []) {
    const problem = problemOf(schema.items, item, `${path}[${index}]`, level + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'string':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint'
    case 'integer':
      return typeof value === 'bigint' || Number.isInteger(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'array':
      return Array.isArray(value)
    case 'object':
      return isObject(value)
    default:
      return true
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
