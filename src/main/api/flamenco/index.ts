/**
 * The Flamenco 3 dialect: everything under `/api/v3`, and the addresses beside it that its clients know. Operations,
 * their states and every deliberate difference stand in docs/flamenco-api.md.
 */
import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../context.ts'
import type { Dialect } from '../server.ts'
import { flamencoError } from './errors.ts'
import { ForeignFrames } from './foreignFrames.ts'
import { jobFileRoutes } from './jobFiles.ts'
import { registerOpenApi } from './openapi.ts'
import type { TypedApp } from './routeSupport.ts'
import { configurationRoutes } from './routes/configuration.ts'
import { jobChangeRoutes } from './routes/jobChanges.ts'
import { jobRoutes } from './routes/jobs.ts'
import { jobTypeRoutes } from './routes/jobTypes.ts'
import { metaRoutes } from './routes/meta.ts'
import { outputProducedRoutes } from './routes/outputProduced.ts'
import { shamanRoutes, shamanUploadRoutes } from './routes/shaman.ts'
import { tagRoutes } from './routes/tags.ts'
import { taskRoutes } from './routes/tasks.ts'
import { workerRoutes } from './routes/worker.ts'
import { workerMgtRoutes } from './routes/workerMgt.ts'
import { socketIoRoute } from './socketio/endpoint.ts'
import { upnpRoutes } from './upnp.ts'
import { validatorCompiler } from './validation.ts'

export { flamencoError } from './errors.ts'

/** Registers all routes of the dialect on a scope of its own. The server brings door, JSON parser and WebSockets. */
export async function flamencoApi(app: FastifyInstance, context: ApiContext): Promise<void> {
  app.setValidatorCompiler(validatorCompiler)
  tellErrors(app, context)
  await registerOpenApi(app, context.settings.current().flamencoVersion)

  const frames = new ForeignFrames(context)
  app.addHook('onClose', () => frames.stop())
  await app.register(
    async (scope) => {
      const typed: TypedApp = scope.withTypeProvider()
      metaRoutes(typed, context)
      configurationRoutes(typed, context)
      jobTypeRoutes(typed, context)
      jobRoutes(typed, context)
      jobChangeRoutes(typed, context)
      taskRoutes(typed, context)
      workerRoutes(typed, context, frames)
      workerMgtRoutes(typed, context)
      tagRoutes(typed, context)
      shamanRoutes(typed, context)
      await scope.register(async (images) => outputProducedRoutes(images.withTypeProvider(), context))
      await scope.register(async (uploads) => shamanUploadRoutes(uploads.withTypeProvider(), context))
    },
    { prefix: '/api/v3' },
  )
  const typed: TypedApp = app.withTypeProvider()
  jobFileRoutes(typed, context)
  upnpRoutes(typed, context)
}

function tellErrors(app: FastifyInstance, context: ApiContext): void {
  app.setErrorHandler((error, request, reply) => {
    const { status, body, headers } = flamencoError(error, { bodyLimit: request.routeOptions.bodyLimit })
    if (status === 500) context.log.error({ err: error, method: request.method, url: request.url }, 'unexpected error in a request')
    return reply.code(status).headers(headers).send(body)
  })
}

/** For ServerOptions.dialects. */
export const flamencoDialect: Dialect = {
  owns: (url) => url.startsWith('/api/v3'),
  register: flamencoApi,
  sockets(app, context) {
    tellErrors(app, context)
    socketIoRoute(app, context)
  },
  error: flamencoError,
}
