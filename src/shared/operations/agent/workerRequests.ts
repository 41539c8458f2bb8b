/** Operations of the native API: agent/workerRequests. */
import { IdParams, Nothing } from '../params.ts'
import { WorkerRequestAnswer, WorkerRequestPreviewQuery } from '../../schemas/agent.ts'
import { MAX_LIGHT_BYTES } from '../../pictures/sceneLight.ts'
import { operation } from '../operation.ts'

export const answerWorkerRequest = operation({
  method: 'POST',
  url: '/agent/requests/:id',
  config: { access: 'worker', audit: false, anyText: true },
  schema: {
    tags: ['agent'],
    operationId: 'answerWorkerRequest',
    summary: 'The answer to a request of the manager',
    params: IdParams,
    body: WorkerRequestAnswer,
    response: Nothing,
  },
})

export const putRequestedPreview = operation({
  method: 'PUT',
  url: '/agent/requests/:id/preview',
  bodyLimit: MAX_LIGHT_BYTES,
  config: { access: 'worker', audit: false },
  schema: {
    tags: ['agent'],
    operationId: 'putRequestedPreview',
    summary: 'The preview that the manager requested: JPEG, or packed floats with linear light (size light)',
    consumes: ['image/jpeg', 'application/octet-stream'],
    params: IdParams,
    querystring: WorkerRequestPreviewQuery,
    response: Nothing,
  },
})
