/**
 * Registers this dialect's routes: both spellings of job paths (`/jobs/` and `/job/`), with and without the trailing
 * slash, one access per kind of method. A GET without its slash is redirected (308), as in the original.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown

interface RouteFacts {
  operationId: string
  querystring?: TSchema
}

export interface Routes {
  get(path: string, facts: RouteFacts, handler: Handler): void
  /** For routes that change something. */
  change(methods: string | string[], path: string, facts: RouteFacts & { access: 'submit' | 'manage' | 'admin' }, handler: Handler): void
}

/** `/tasks/:task/jobs/:job/…` and the original's older spelling `/tasks/:task/job/:job/…`. */
export function spellings(path: string): string[] {
  return path.includes('/jobs/:job') ? [path, path.replace('/jobs/:job', '/job/:job')] : [path]
}

export function routesOn(app: FastifyInstance): Routes {
  return {
    get(path, { operationId, querystring }, handler) {
      for (const url of spellings(path)) {
        const schema = { operationId, hide: true, ...(querystring && { querystring }) }
        app.get(url, { config: { access: 'read' }, schema }, handler)
        if (url.endsWith('/')) app.get(url.slice(0, -1), { config: { access: 'read' }, schema: { hide: true } }, addSlash)
        else app.get(`${url}/`, { config: { access: 'read' }, schema }, handler)
      }
    },
    change(methods, path, { operationId, access }, handler) {
      const bare = path.replace(/\/$/, '')
      for (const url of spellings(bare).flatMap((each) => [each, `${each}/`])) {
        app.route({ method: [methods].flat(), url, config: { access }, schema: { operationId, hide: true }, handler })
      }
    },
  }
}

/** Relative, to preserve a prefix that only the client sees (a key in the path, a proxy). */
function addSlash(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = '', query] = request.url.split('?', 2)
  const last = path.slice(path.lastIndexOf('/') + 1)
  return reply
    .code(308)
    .header('location', `./${last}/${query === undefined ? '' : `?${query}`}`)
    .send()
}
