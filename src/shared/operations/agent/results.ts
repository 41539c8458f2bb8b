/** Operations of the native API: agent/results. */
import {
  EarlierResultQuery,
  EarlierResults,
  EarlierResultsQuery,
  ResultState,
  ResultStateQuery,
  SendResultQuery,
} from '../../schemas/jobs/content.ts'
import { AttemptParams, Nothing } from '../params.ts'
import { operation } from '../operation.ts'

export const sendResult = operation({
  method: 'PUT',
  url: '/agent/results/:taskId/:attempt',
  config: { access: 'worker', audit: false },
  schema: {
    tags: ['agent'],
    operationId: 'sendResult',
    summary: 'A file that an attempt saved, from an offset on; the reply comes when it is in its place and on disk',
    consumes: ['application/octet-stream'],
    params: AttemptParams,
    querystring: SendResultQuery,
    response: Nothing,
  },
})

export const getResultState = operation({
  method: 'GET',
  url: '/agent/results/:taskId/:attempt/state',
  config: { access: 'worker' },
  schema: {
    tags: ['agent'],
    operationId: 'getResultState',
    summary: 'Whether such a file is home already, and at which byte to go on',
    params: AttemptParams,
    querystring: ResultStateQuery,
    response: { 200: ResultState },
  },
})

export const listEarlierResults = operation({
  method: 'GET',
  url: '/agent/results/:taskId/:attempt',
  config: { access: 'worker' },
  schema: {
    tags: ['agent'],
    operationId: 'listEarlierResults',
    summary: 'What the job saved so far, for a task that needs it',
    params: AttemptParams,
    querystring: EarlierResultsQuery,
    response: { 200: EarlierResults },
  },
})

export const getEarlierResult = operation({
  method: 'GET',
  url: '/agent/results/:taskId/:attempt/file',
  config: { access: 'worker' },
  schema: {
    tags: ['agent'],
    operationId: 'getEarlierResult',
    summary: 'One of these files',
    params: AttemptParams,
    querystring: EarlierResultQuery,
  },
})
