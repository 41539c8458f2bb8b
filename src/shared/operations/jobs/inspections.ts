/** Operations of the native API: jobs/inspections. */
import { InspectionInput, Inspection } from '../../schemas/storage.ts'
import { operation } from '../operation.ts'

export const inspectBlend = operation({
  method: 'POST',
  url: '/inspections',
  config: { access: 'submit', audit: false },
  schema: {
    tags: ['jobs'],
    operationId: 'inspectBlend',
    summary: "A worker with Blender opens a .blend, evaluates the job type's defaults and lists its missing files",
    body: InspectionInput,
    response: { 200: Inspection },
  },
})
