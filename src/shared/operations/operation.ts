/**
 * An operation of the native API: method, address, schemas and access in one value. The server's routes, the OpenAPI document and
 * the clients (GUI, command line, desktop) are typed by it.
 */
import type { Static, TSchema } from 'typebox'

/** Where the native API begins. */
export const API_BASE = '/api/v1'

/**
 * Who may call an operation:
 * - `public`: anyone who can connect (version, health, login)
 * - `read`: viewer and up · `submit`: artist and up · `manage`: artist on own jobs, admin on all · `admin`
 * - `tokens`: who may make tokens
 * - `join`: a worker that registers: a key with scope worker, local trust, or the open switch
 * - `worker`: HTTP Basic with a worker's id and secret
 */
export type Access = 'public' | 'read' | 'submit' | 'manage' | 'tokens' | 'admin' | 'join' | 'worker'

export interface OperationConfig {
  access: Access
  /** Operations with access `join`: strangers may ask too; they wait for approval. */
  strangersMayAsk?: boolean
  /** A GET that a browser calls without headers of its own (images, downloads): `?ticket=` counts. */
  ticket?: 'media' | 'events'
  /** False: no entry in the audit log, for what changes nothing though it is no GET. */
  audit?: boolean
  /** True: texts are taken whatever characters they have: what programs printed, names that lie on disks. */
  anyText?: boolean
  /** False: the body is not kept in the audit log (passwords). */
  auditBody?: boolean
}

export interface Operation {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Below /api/v1, with `:name` for parameters. */
  url: string
  config: OperationConfig
  schema: {
    tags: readonly string[]
    operationId: string
    summary: string
    description?: string
    params?: TSchema
    querystring?: TSchema
    body?: TSchema
    /** By status: of the successful reply. Missing where the reply is no JSON document. */
    response?: { readonly 200?: TSchema; readonly 201?: TSchema; readonly 202?: TSchema; readonly 204?: TSchema }
    consumes?: readonly string[]
    produces?: readonly string[]
    security?: readonly Record<string, readonly string[]>[]
  }
  /** Bytes that a body may have; missing: 1 MiB. */
  bodyLimit?: number
}

/** Keeps the exact types of an operation. */
export function operation<const O extends Operation>(value: O): O {
  return value
}

type SchemaOf<O extends Operation, K extends 'params' | 'querystring' | 'body'> = O['schema'] extends {
  readonly [key in K]: infer S extends TSchema
}
  ? Static<S>
  : undefined

export type ParamsOf<O extends Operation> = SchemaOf<O, 'params'>
export type QueryOf<O extends Operation> = SchemaOf<O, 'querystring'>
export type BodyOf<O extends Operation> = SchemaOf<O, 'body'>
/** The schema of a successful reply; `never` where it is no JSON document. */
export type ReplySchemaOf<O extends Operation> = Extract<
  NonNullable<O['schema']['response']>[keyof NonNullable<O['schema']['response']>],
  TSchema
>
export type ReplyOf<O extends Operation> = Static<ReplySchemaOf<O>>

/** A value of a query parameter as clients give it: lists are joined by commas, null and undefined are left out. */
export type QueryValue = string | number | boolean | undefined | null | readonly string[]

/** What a client gives with a call: names are checked against the operation, values by the server. */
export interface CallInput<O extends Operation> {
  params?: { readonly [K in keyof ParamsOf<O>]: string | number }
  query?: { readonly [K in keyof QueryOf<O>]?: QueryValue }
  body?: BodyOf<O>
}

/** Parameters that an address needs are no choice of the caller. */
export type CallArguments<O extends Operation, More = object> = O['url'] extends `${string}:${string}`
  ? [input: CallInput<O> & Required<Pick<CallInput<O>, 'params'>> & More]
  : [input?: CallInput<O> & More]

/** The address of a call below /api/v1, parameters filled in and encoded. */
export function addressOf(operation: Pick<Operation, 'url'>, params: Readonly<Record<string, string | number>> = {}): string {
  return operation.url.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name] ?? '')))
}

/** The query of an address, with its question mark; empty when no value is given. */
export function queryText(query: Readonly<Record<string, QueryValue>> = {}): string {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue
    search.set(key, Array.isArray(value) ? value.join(',') : String(value))
  }
  const text = search.toString()
  return text === '' ? '' : `?${text}`
}

/** The schema of the reply; undefined where it is no JSON document. */
export function replySchemaOf<O extends Operation>({ schema: { response } }: O): ReplySchemaOf<O> | undefined {
  // One of them is there: an operation names the status of its success.
  return (response?.[200] ?? response?.[201] ?? response?.[202] ?? response?.[204]) as ReplySchemaOf<O> | undefined
}
