/** Random requests made from an OpenAPI document: mostly what it allows, with something odd in one place. The same seed, the same requests. */

// An OpenAPI document is deep JSON, and its schemas are of any shape.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type Json = any

export interface FuzzRoute {
  method: string
  path: string
  operation: Json
}

export interface FuzzRequest {
  method: string
  url: string
  headers: Record<string, string>
  body: string | undefined
}

const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  -2_147_483_649,
  Number.MAX_SAFE_INTEGER,
  '',
  ' ',
  'x',
  'x'.repeat(70_000),
  '\u0000',
  '\ud800',
  '💥\u202e',
  '../../../etc/passwd',
  '/etc/passwd',
  'C:\\Windows',
  "' or 1=1 --",
  '%00%2e%2e',
  '0001-01-01T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  'ffffffff-ffff-4fff-8fff-ffffffffffff',
  [],
  {},
  [[[[]]]],
  [null],
  { a: { b: { c: 1 } } },
  { constructor: { prototype: 1 } },
]

/** Mulberry32. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export function routesOf(document: Json): FuzzRoute[] {
  return Object.entries<Json>(document.paths).flatMap(([path, methods]) =>
    Object.entries<Json>(methods)
      .filter(([method]) => ['get', 'post', 'put', 'patch', 'delete'].includes(method))
      .map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )
}

export class RequestMaker {
  constructor(
    private readonly document: Json,
    private readonly random: () => number,
    /** Ids of things that are there, by a part of the parameter's or member's name. */
    private readonly known: Record<string, string>,
  ) {}

  request({ method, path, operation }: FuzzRoute): FuzzRequest {
    const query = new URLSearchParams()
    let url = path
    for (const raw of operation.parameters ?? []) {
      const parameter = this.resolve(raw)
      const value = this.odds(0.15) ? asText(this.pick(ODD)) : asText(this.value(parameter.schema, parameter.name))
      if (parameter.in === 'path') url = url.replace(`{${parameter.name}}`, encode(value).slice(0, 4_000) || '%20')
      else if (parameter.in === 'query' && (parameter.required || this.odds(0.5)))
        query.set(parameter.name, wellFormed(value.slice(0, 4_000)))
    }
    const schema = operation.requestBody?.content?.['application/json']?.schema
    const body = schema === undefined || this.odds(0.02) ? undefined : this.spoil(JSON.stringify(this.spoiled(this.value(schema, ''))))
    const search = query.size > 0 ? `?${query}` : ''
    return { method, url: url + search, headers: body === undefined ? {} : { 'content-type': 'application/json' }, body }
  }

  /** A value that the schema allows, or nearly. */
  private value(given: Json, name: string): unknown {
    const schema = this.resolve(given ?? {})
    if (schema.const !== undefined) return schema.const
    if (schema.enum) return this.pick(schema.enum)
    const choices = schema.anyOf ?? schema.oneOf
    if (choices) return this.value(this.pick(choices), name)
    if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part: Json) => this.value(part, name)))
    switch (Array.isArray(schema.type) ? this.pick(schema.type) : schema.type) {
      case 'object':
        return this.object(schema)
      case 'array':
        return Array.from({ length: Math.floor(this.random() * 3) }, () => this.value(schema.items, name))
      case 'integer':
        return Math.floor(this.number(schema))
      case 'number':
        return this.number(schema)
      case 'boolean':
        return this.odds(0.5)
      case 'null':
        return null
      case 'string':
        return this.text(schema, name)
      default:
        return this.pick(ODD)
    }
  }

  private object(schema: Json): Record<string, unknown> {
    const made: Record<string, unknown> = {}
    for (const [name, member] of Object.entries<Json>(schema.properties ?? {})) {
      if (schema.required?.includes(name) || this.odds(0.5)) made[name] = this.value(member, name)
    }
    if (!schema.properties && this.odds(0.5))
      made['key'] = this.value(schema.additionalProperties ?? Object.values(schema.patternProperties ?? {})[0], 'key')
    return made
  }

  private number(schema: Json): number {
    const low = schema.minimum ?? -10
    const high = Math.min(schema.maximum ?? 1_000, low + 100_000)
    return low + this.random() * (high - low)
  }

  private text(schema: Json, name: string): string {
    const known = Object.entries(this.known).find(([part]) => name.toLowerCase().includes(part))
    if (known && this.odds(0.7)) return known[1]
    if (schema.format === 'date-time') return new Date(Math.floor(this.random() * 2e12)).toISOString()
    return this.pick(['x', 'queued', 'awake', 'misc', 'echo-sleep-test', '09:00', '/tmp/x.png', 'abcdefghijklmnopqrstuvwxyz0123456789'])
  }

  /** One node of the value replaced by something odd, most of the time. */
  private spoiled(value: unknown): unknown {
    if (this.odds(0.35)) return value
    if (Array.isArray(value) && value.length > 0 && this.odds(0.8)) {
      const at = Math.floor(this.random() * value.length)
      return value.map((item, index) => (index === at ? this.spoiled(item) : item))
    }
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0 && this.odds(0.9)) {
      const name = this.pick(Object.keys(value))
      return { ...value, [name]: this.spoiled((value as Record<string, unknown>)[name]) }
    }
    return this.pick(ODD)
  }

  /** Now and then the text itself is damaged. */
  private spoil(text: string): string {
    return this.odds(0.03) ? text.slice(0, Math.floor(this.random() * text.length)) : text
  }

  private resolve(schema: Json): Json {
    if (typeof schema?.$ref !== 'string') return schema
    const target = schema.$ref
      .slice(2)
      .split('/')
      .reduce((here: Json, part: string) => here?.[part], this.document)
    return this.resolve(target ?? {})
  }

  private odds(chance: number): boolean {
    return this.random() < chance
  }

  private pick<T>(list: readonly T[]): T {
    // Never asked of an empty list.
    return list[Math.floor(this.random() * list.length)] as T
  }
}

const asText = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))
/** Without halves of characters, which no address can carry. */
const wellFormed = (text: string): string => Buffer.from(text).toString()
const encode = (text: string): string => encodeURIComponent(wellFormed(text)).replace(/^\.+$/, '%2e')
