/** `/api/v3/openapi3.json` and `/api/v3/swagger-ui/`: the document of this dialect, generated from the routes' own schemas. */
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'

const TAGS = [
  { name: 'meta', description: 'Version, status and configuration of the manager' },
  { name: 'jobs', description: 'Jobs, job types and tasks' },
  { name: 'worker', description: 'What workers call' },
  { name: 'worker-mgt', description: 'Management of workers and their tags' },
  { name: 'shaman', description: 'The content-addressed file store' },
]

/** Carries the content types of a raw body through the generator. */
const RAW_BODY = 'x-raw-body'

/** A path parameter that clients treat as a number: its pattern validates it here, the document shows an integer. */
export const INTEGER_IN_PATH = 'x-integer'

/** As strict as the page allows; without upgrade-insecure-requests, which would break it on plain HTTP in a LAN. */
const CONTENT_POLICY =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; " +
  "script-src-attr 'none'; object-src 'none'; frame-ancestors 'self'"

/** Register it before the routes that it describes, in their scope. */
export async function registerOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.0.3',
      info: { title: 'Flamenco manager', version, description: 'The API of a Flamenco 3 Manager, served by Framehouse.' },
      tags: TAGS,
      components: {
        securitySchemes: {
          worker_auth: {
            type: 'http',
            scheme: 'basic',
            description: 'Username is the worker ID, password is the secret it registered with.',
          },
        },
      },
    },
    transform: ({ schema, url, route }) => ({
      // With `security` only where workers authenticate: other clients of this dialect cannot.
      schema: {
        ...schema,
        ...(route.config?.access === 'worker' ? { security: [{ worker_auth: [] }] } : {}),
        // Raw bodies have no validating schema; see withRawBody.
        ...(schema?.body === undefined && schema?.consumes !== undefined ? { [RAW_BODY]: schema.consumes } : {}),
      },
      url,
    }),
    transformObject: (document) => ('openapiObject' in document ? withComponents(document.openapiObject) : document.swaggerObject),
  })
  let text: string | undefined
  app.get('/api/v3/openapi3.json', { config: { access: 'public' }, schema: { hide: true } }, (_request, reply) => {
    text ??= JSON.stringify(app.swagger())
    return reply.type('application/json; charset=utf-8').send(text)
  })
  await app.register(async (ui) => {
    ui.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'public' }
    })
    await ui.register(fastifySwaggerUi, {
      routePrefix: '/api/v3/swagger-ui',
      staticCSP: CONTENT_POLICY,
      theme: { title: 'Flamenco API' },
      uiConfig: { docExpansion: 'none' },
    })
  })
}

/** Schemas with a title become named components, so that client generators create one class for each. */
function withComponents<T extends object>(document: T): T {
  const schemas: Record<string, unknown> = {}
  const hoist = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(hoist)
    if (typeof value !== 'object' || value === null) return value
    const copy: Record<string, unknown> = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hoist(inner)]))
    if (Array.isArray(copy[RAW_BODY])) return withRawBody(copy)
    if (copy[INTEGER_IN_PATH] === true) return { type: 'integer', minimum: 0 }
    if (typeof copy.title !== 'string' || typeof copy.type !== 'string') return copy
    const { title, ...schema } = copy
    schemas[title as string] = schema
    return { $ref: `#/components/schemas/${title as string}` }
  }
  const paths = 'paths' in document ? hoist(document.paths) : {}
  const components = 'components' in document && typeof document.components === 'object' ? document.components : {}
  return { ...document, paths, components: { ...components, schemas } }
}

function withRawBody({ [RAW_BODY]: types, ...operation }: Record<string, unknown>): Record<string, unknown> {
  const schema = { type: 'string', format: 'binary' }
  const content = Object.fromEntries((types as string[]).map((type) => [type, { schema }]))
  return { ...operation, requestBody: { required: true, content } }
}
