/** The OpenAPI document of the native API, generated from the routes' schemas, and the explorer that shows it. */
import fastifySwagger from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import type { FastifyInstance } from 'fastify'
import { ApiError } from '../../../shared/schemas/common.ts'

const TAGS = [
  { name: 'farm', description: 'The farm as a whole, events, statistics' },
  { name: 'jobs', description: 'Submit, find, watch and control jobs' },
  { name: 'tasks', description: 'Tasks, their attempts and why they wait' },
  { name: 'frames', description: 'Rendered images and their previews' },
  { name: 'logs', description: 'Logs of attempts' },
  { name: 'workers', description: 'Workers, machines, tags' },
  { name: 'containers', description: 'Credentials of container registries' },
  { name: 'schedules', description: 'Schedules that submit jobs later or repeatedly' },
  { name: 'notifications', description: 'Email and webhooks: test messages and delivery status' },
  { name: 'colonies', description: 'Colonies of the Colonies protocol: who belongs to them, their work and their plans' },
  { name: 'limits', description: 'Limits for licenses and other scarce resources' },
  { name: 'job types', description: 'The scripts that turn settings into tasks' },
  { name: 'settings', description: 'Configuration of the farm' },
  { name: 'accounts', description: 'Users, tokens, keys, logins' },
  { name: 'agent', description: "Calls of this program's workers" },
]

const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 220 40"><text x="0" y="28" fill="#fff" ' +
  'font-family="system-ui, sans-serif" font-size="26" font-weight="600">Framehouse</text></svg>'

/** A policy of the explorer's own, because it styles its page inline. */
const EXPLORER_CSP =
  "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"

/** Register it before the routes that it describes. */
export async function registerOpenApi(app: FastifyInstance, version: string): Promise<void> {
  await app.register(fastifySwagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Framehouse',
        version,
        description:
          'Times are RFC 3339 in UTC. Lists are paginated: pass `next` of one page as `cursor` of the following. ' +
          'Errors are `{status, code, message, field}`. Send `Authorization: Bearer TOKEN`, or put a key into the address: ' +
          '`/k/KEY/api/v1/…`.',
      },
      tags: TAGS,
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token, or the token of a login' },
          worker: { type: 'http', scheme: 'basic', description: "A worker's id and secret" },
        },
      },
    },
    transform: ({ schema, url, route }) => {
      const access = route.config?.access
      const hasBody = typeof schema === 'object' && schema !== null && 'body' in schema
      const responses = { ...(schema?.response as object | undefined), '4XX': { description: 'The error', ...ApiError } }
      return {
        schema: {
          ...schema,
          response: responses,
          description: [
            schema?.description,
            needs(access),
            hasBody ? `The body may have up to ${route.bodyLimit ?? app.initialConfig.bodyLimit} bytes.` : '',
          ]
            .filter(Boolean)
            .join(' '),
          security: access === 'public' ? [] : access === 'worker' ? [{ worker: [] }] : [{ token: [] }],
        },
        url,
      }
    },
  })
  app.get('/api/v1/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, () => app.swagger())
  await app.register(async (docs) => {
    docs.addHook('onRoute', (route) => {
      route.config = { ...route.config, access: 'public' }
    })
    await docs.register(fastifySwaggerUi, {
      routePrefix: '/docs',
      staticCSP: EXPLORER_CSP,
      theme: { title: 'Framehouse API' },
      logo: { type: 'image/svg+xml', content: Buffer.from(LOGO), href: '/app/' },
      uiConfig: { docExpansion: 'none', tryItOutEnabled: true, persistAuthorization: false },
    })
  })
}

function needs(access: string | undefined): string {
  return access === undefined || access === 'public' ? 'No authentication required.' : `Requires the right \`${access}\`.`
}
