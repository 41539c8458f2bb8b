/**
 * How this dialect's routes are registered: both spellings of job paths (`/jobs/` and `/job/`), with and without the final
 * slash, one access for each kind of method. A GET that lacks its slash is sent on (308), as the original does.
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
  /** For what changes something. */
  change(methods: string | string[], path: string, facts: RouteFacts & { access: 'submit' | 'manage' | 'admin' }, handler: Handler): void
}

/** `/tasks/:task/jobs/:job/…` and the seed's `/tasks/:task/job/:job/…`. */
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

/** Relative, so that a prefix which the client sees and we do not (a key in the path, a proxy) stays. */
function addSlash(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = '', query] = request.url.split('?', 2)
  const last = path.slice(path.lastIndexOf('/') + 1)
  return reply
    .code(308)
    .header('location', `./${last}/${query === undefined ? '' : `?${query}`}`)
    .send()
}
