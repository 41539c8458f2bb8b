/**
 * Writes every change that a route made to the audit log, whatever the dialect. Workers' own reports do not count as
 * changes. A handler may add to the entry through `request.audited`.
 */
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify'
import type { AuditLog } from '../../security/audit.ts'
import { hooksOf } from '../routeHooks.ts'

const READING = new Set(['GET', 'HEAD', 'OPTIONS'])

export function installAuditHook(app: FastifyInstance, audit: AuditLog, now: () => number): void {
  app.addHook('onRoute', (route) => {
    const methods = [route.method].flat()
    if (methods.every((method) => READING.has(method)) || route.config?.access === 'worker' || route.config?.audit === false) return
    const entry = auditor(route, audit, now)
    route.onResponse = [
      ...hooksOf(route.onResponse),
      (request, reply, done) => {
        if (reply.statusCode < 400) entry(request)
        done()
      },
    ]
  })
}

function auditor(route: RouteOptions, audit: AuditLog, now: () => number): (request: FastifyRequest) => void {
  return (request) => {
    const [name, id = ''] = Object.entries(paramsOf(request))[0] ?? []
    const { audited } = request
    const entry = {
      at: now(),
      actor: request.caller.actor,
      actorId: request.caller.id,
      tokenId: request.caller.token?.publicId ?? null,
      action: operationOf(route),
      targetKind: audited?.kind ?? (name === undefined ? '' : kindOf(route.url, name)),
      detail: audited?.detail ?? (route.config?.auditBody === false ? null : request.body),
    }
    for (const targetId of audited?.ids ?? [audited?.id ?? id]) audit.record({ ...entry, targetId })
  }
}

function paramsOf(request: FastifyRequest): Record<string, string> {
  // Fastify's router returns strings.
  return (request.params ?? {}) as Record<string, string>
}

function operationOf(route: RouteOptions): string {
  const schema: unknown = route.schema
  if (typeof schema === 'object' && schema !== null && 'operationId' in schema) return String(schema.operationId)
  return `${String(route.method)} ${route.url}`
}

/** `/api/v1/jobs/:jobId/actions` and `jobId` → `job`. */
function kindOf(url: string, param: string): string {
  const segments = url.split('/')
  const before = segments[segments.indexOf(`:${param}`) - 1] ?? ''
  return before.replace(/s$/, '')
}
