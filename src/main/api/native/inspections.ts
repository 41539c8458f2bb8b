/** /inspections: what is in a .blend. A worker with Blender opens it and evaluates what a job type wants to know of it. */
import { Value } from 'typebox/value'
import type { JobTypeInfo } from '../../../shared/schemas/jobType.ts'
import { BlendFacts, Inspection, InspectionInput } from '../../../shared/schemas/storage.ts'
import { ConflictError, InvalidInputError, UnavailableError } from '../../engine/errors.ts'
import { ErrandFailedError } from '../../engine/errands.ts'
import type { WorkerState } from '../../engine/model.ts'
import { runningByWorker } from '../../store/queries/staff.ts'
import type { ServerContext } from '../context.ts'
import type { NativeApp } from './common.ts'

/** A large scene may take a minute to open. */
const MAX_RUN_MS = 90_000
/** One may be gone, or not see the file: then others are asked. */
const MAX_TRIES = 3

/** Nobody is there who could look into it. */
export class NoBlenderError extends ConflictError {
  override readonly code = 'no-blender'
}

export function inspectionRoutes(app: NativeApp, context: ServerContext): void {
  const { farm, jobTypes, uploads } = context

  /** Workers that can open a .blend, idle ones first. */
  async function candidates(): Promise<WorkerState[]> {
    const able = farm
      .workers()
      .filter((worker) => worker.adapter === 'native' && worker.approvedAt !== null && worker.deletedAt === null)
      .filter((worker) => worker.kinds.includes('blender') && (worker.status === 'awake' || worker.status === 'asleep'))
    const running = await runningByWorker(context.read)
    const load = (worker: WorkerState): number =>
      (running.get(worker.id) ?? []).length / worker.capacity + (worker.status === 'asleep' ? 1 : 0)
    return able.sort((a, b) => load(a) - load(b)).slice(0, MAX_TRIES)
  }

  app.post(
    '/inspections',
    {
      config: { access: 'submit', audit: false },
      schema: {
        tags: ['jobs'],
        operationId: 'inspectBlend',
        summary: "A worker with Blender opens a .blend and evaluates the job type's defaults",
        body: InspectionInput,
        response: { 200: Inspection },
      },
    },
    async ({ body }) => {
      const expressions = expressionsOf(await jobTypes.get(body.type))
      const workers = await candidates()
      if (workers.length === 0) throw new NoBlenderError('no worker with Blender is online: type the values, or start one')
      const command = { name: 'inspect-blend', parameters: { exe: '{blender}', blendfile: body.blendfile, expressions }, totalStepCount: 0 }
      const checkoutId = uploads.idIn(body.blendfile)
      let failure: unknown
      for (const worker of workers) {
        try {
          const facts = await farm.askWorker(worker.publicId, {
            command,
            maxRunMs: MAX_RUN_MS,
            ...(checkoutId !== undefined && { checkoutId }),
          })
          if (!Value.Check(BlendFacts, facts)) throw new ErrandFailedError(`worker "${worker.name}" gave an answer that cannot be read`)
          return { worker: { id: worker.publicId, name: worker.name }, ...facts }
        } catch (error) {
          if (!(error instanceof ErrandFailedError || error instanceof UnavailableError)) throw error
          failure = error
        }
      }
      if (failure instanceof ErrandFailedError) throw new InvalidInputError('/blendfile', failure.message)
      throw failure
    },
  )
}

/** What Blender can evaluate of a job type now: settings that do not depend on others, which the form does not have yet. */
function expressionsOf(type: JobTypeInfo): Record<string, string> {
  const own = type.settings.flatMap(({ key, eval: expression }) =>
    expression !== undefined && !/\b(settings|jobname)\b/.test(expression) ? [[key, expression] as const] : [],
  )
  return Object.fromEntries(own)
}
