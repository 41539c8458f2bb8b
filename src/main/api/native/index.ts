/** The native API, `/api/v1`: everything that the GUI and scripts do. One file a resource. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../context.ts'
import { agentRoutes } from './agent.ts'
import { agentErrandRoutes } from './agentErrands.ts'
import { backupRoutes } from './backups.ts'
import { farmRoutes } from './farm.ts'
import { frameRoutes } from './frames.ts'
import { inspectionRoutes } from './inspections.ts'
import { jobContentRoutes } from './jobContents.ts'
import { jobRoutes } from './jobs.ts'
import { jobTypeRoutes } from './jobTypes.ts'
import { logRoutes } from './logs.ts'
import { machineRoutes } from './machines.ts'
import { notificationRoutes } from './notifications.ts'
import { registryRoutes } from './registries.ts'
import { scheduleRoutes } from './schedules.ts'
import { reachabilityRoutes } from './reachability.ts'
import { sessionRoutes } from './sessions.ts'
import { settingsRoutes } from './settings.ts'
import { limitRoutes, tagRoutes } from './tagsAndLimits.ts'
import { taskRoutes } from './tasks.ts'
import { tokenRoutes } from './tokens.ts'
import { uploadRoutes } from './uploads.ts'
import { userRoutes } from './users.ts'
import { workerRoutes } from './workers.ts'

/** @param app with the prefix `/api/v1` */
export function nativeApi(app: FastifyInstance, context: ServerContext): void {
  const typed = app.withTypeProvider<TypeBoxTypeProvider>()
  const resources = [
    farmRoutes,
    jobRoutes,
    jobContentRoutes,
    taskRoutes,
    logRoutes,
    frameRoutes,
    workerRoutes,
    machineRoutes,
    tagRoutes,
    limitRoutes,
    registryRoutes,
    jobTypeRoutes,
    scheduleRoutes,
    uploadRoutes,
    inspectionRoutes,
    settingsRoutes,
    notificationRoutes,
    reachabilityRoutes,
    backupRoutes,
    sessionRoutes,
    tokenRoutes,
    userRoutes,
    agentRoutes,
    agentErrandRoutes,
  ]
  for (const register of resources) register(typed, context)
}
