/** /inspections: the contents of a .blend. A worker with Blender opens it and evaluates what a job type needs from it. */
import { inspectBlend } from '../../../../shared/operations/jobs/inspections.ts'
import type { JobTypeInfo } from '../../../../shared/schemas/jobs/jobType.ts'
import { WorkerRequestFailedError } from '../../../engine/workers/workerRequests.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'

export function inspectionRoutes(app: NativeApp, { jobTypes, inspector }: ServerContext): void {
  app.route({
    ...inspectBlend,
    handler: async ({ body }) => {
      const expressions = expressionsOf(await jobTypes.get(body.type))
      try {
        return await inspector.inspect(body.blendfile, expressions)
      } catch (error) {
        throw error instanceof WorkerRequestFailedError ? new InvalidInputError('/blendfile', error.message) : error
      }
    },
  })
}

/**
 * What Blender can evaluate for a job type now: settings that do not depend on others, because the form does not have
 * those yet.
 */
function expressionsOf(type: JobTypeInfo): Record<string, string> {
  const own = type.settings.flatMap(({ key, eval: expression }) =>
    expression !== undefined && !/\b(settings|jobname)\b/.test(expression) ? [[key, expression] as const] : [],
  )
  return Object.fromEntries(own)
}
