/**
 * The Flamenco 3 dialect: everything under `/api/v3`, and the other addresses that its clients use. Operations, their
 * states and every deliberate difference are documented in docs/flamenco-api.md.
 */
import type { FastifyInstance } from 'fastify'
import type { ApiContext } from '../../http/context.ts'
import type { Dialect } from '../../http/dialect.ts'
import { flamencoError } from './errors.ts'
import { ForeignFrames } from './foreignFrames.ts'
import { FlamencoSettings, WORDS } from './settings.ts'
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

/**
 * Registers all routes of the dialect on a scope of its own. The server provides access control, the JSON parser and
 * WebSockets.
 */
async function flamencoApi(app: FastifyInstance, context: ApiContext): Promise<void> {
  app.setValidatorCompiler(validatorCompiler)
  await registerOpenApi(app, context.settings.of(FlamencoSettings).flamencoVersion)

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

/** One of manager.ts's dialects. */
export const flamencoDialect: Dialect = {
  name: 'flamenco',
  owns: (url) => url.startsWith('/api/v3'),
  error: flamencoError,
  settings: FlamencoSettings.properties,
  words: WORDS,
  open: (context) => ({
    register: (app) => flamencoApi(app, context),
    sockets: (app) => socketIoRoute(app, context),
  }),
}
