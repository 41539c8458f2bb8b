/** Job types: what can be submitted, with which settings (§1.4). */
import { Type } from 'typebox'
import { NotFoundError } from '../../../engine/base/errors.ts'
import type { ApiContext } from '../../../http/context.ts'
import { WireError } from '../errors.ts'
import { errors, type TypedApp } from '../routeSupport.ts'
import { AvailableJobType, AvailableJobTypes } from '../schemas/jobs.ts'

export function jobTypeRoutes(app: TypedApp, { jobTypes }: ApiContext): void {
  app.get(
    '/jobs/types',
    {
      config: { access: 'read', openToLan: true },
      schema: { operationId: 'getJobTypes', tags: ['jobs'], response: { 200: AvailableJobTypes } },
    },
    async () => ({ job_types: await jobTypes.list() }),
  )

  app.get(
    '/jobs/type/:typeName',
    {
      config: { access: 'read', openToLan: true },
      schema: {
        operationId: 'getJobType',
        tags: ['jobs'],
        params: Type.Object({ typeName: Type.String() }),
        response: { 200: AvailableJobType, ...errors(404) },
      },
    },
    async (request) => {
      try {
        return await jobTypes.get(request.params.typeName)
      } catch (error) {
        if (error instanceof NotFoundError) throw new WireError(404, 'no such job type known')
        throw error
      }
    },
  )
}
