/** The native API, `/api/v1`: everything that the GUI and scripts do. One file per resource. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../../http/context.ts'
import type { Dialect } from '../../http/dialect.ts'
import { nativeReply } from '../../http/errors.ts'
import { agentRoutes } from './agent/agent.ts'
import { agentResultRoutes } from './agent/results.ts'
import { workerRequestRoutes } from './agent/workerRequests.ts'
import { backupRoutes } from './admin/backups.ts'
import { dialectRoutes } from './admin/dialects.ts'
import { listenerRoutes } from './admin/listeners.ts'
import { eventRoutes } from './farm/events.ts'
import { farmRoutes } from './farm/farm.ts'
import { contentRoutes } from './jobs/content.ts'
import { frameRoutes } from './jobs/frames.ts'
import { inspectionRoutes } from './jobs/inspections.ts'
import { jobContentRoutes } from './jobs/jobContents.ts'
import { jobRoutes } from './jobs/jobs.ts'
import { jobTypeRoutes } from './jobs/jobTypes.ts'
import { logRoutes } from './jobs/logs.ts'
import { joinCodeRoutes } from './workers/joinCodes.ts'
import { machineRoutes } from './workers/machines.ts'
import { notificationRoutes } from './admin/notifications.ts'
import { resultRoutes } from './jobs/results.ts'
import { registryRoutes } from './admin/imageRegistries.ts'
import { scheduleRoutes } from './farm/schedules.ts'
import { reachabilityRoutes } from './workers/reachability.ts'
import { sessionRoutes } from './admin/sessions.ts'
import { settingsRoutes } from './admin/settings.ts'
import { limitRoutes, tagRoutes } from './workers/tagsAndLimits.ts'
import { taskRoutes } from './jobs/tasks.ts'
import { tokenRoutes } from './admin/tokens.ts'
import { uploadRoutes } from './jobs/uploads.ts'
import { userRoutes } from './admin/users.ts'
import { workerRoutes } from './workers/workers.ts'
import { registerOpenApi } from './openapi.ts'

/** @param app with the prefix `/api/v1` */
export function nativeApi(app: FastifyInstance, context: ServerContext): void {
  const typed = app.withTypeProvider<TypeBoxTypeProvider>()
  const resources = [
    farmRoutes,
    jobRoutes,
    jobContentRoutes,
    taskRoutes,
    logRoutes,
    resultRoutes,
    frameRoutes,
    workerRoutes,
    joinCodeRoutes,
    machineRoutes,
    tagRoutes,
    limitRoutes,
    registryRoutes,
    jobTypeRoutes,
    scheduleRoutes,
    uploadRoutes,
    contentRoutes,
    inspectionRoutes,
    settingsRoutes,
    dialectRoutes,
    listenerRoutes,
    notificationRoutes,
    reachabilityRoutes,
    backupRoutes,
    sessionRoutes,
    tokenRoutes,
    userRoutes,
    agentRoutes,
    agentResultRoutes,
    workerRequestRoutes,
  ]
  for (const register of resources) register(typed, context)
}

/** One of manager.ts's dialects. */
export const nativeDialect: Dialect = {
  name: 'native',
  owns: (url) => url.startsWith('/api/v1'),
  open: (context) => ({
    async register(app, natives) {
      await registerOpenApi(app, context.version)
      await app.register(
        async (scope) => {
          nativeApi(scope, context)
          for (const register of natives) await scope.register(async (part) => register(part))
        },
        { prefix: '/api/v1' },
      )
    },
    async sockets(app) {
      await app.register(async (scope) => eventRoutes(scope, context), { prefix: '/api/v1' })
    },
  }),
  error: (_error, _facts, failure) => nativeReply(failure),
}
