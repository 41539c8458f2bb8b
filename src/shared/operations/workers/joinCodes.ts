/** Operations of the native API: workers/joinCodes. */
import { CreatedJoinCode, JoinCodeInput, JoinCodeParams, JoinCodes } from '../../schemas/joinCodes.ts'
import { Nothing } from '../params.ts'
import { operation } from '../operation.ts'

export const listJoinCodes = operation({
  method: 'GET',
  url: '/join-codes',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'listJoinCodes',
    summary: 'Codes by which machines join without approval, the newest first',
    response: { 200: JoinCodes },
  },
})

export const createJoinCode = operation({
  method: 'POST',
  url: '/join-codes',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'createJoinCode',
    summary: 'Create a join code and the file with the same rights; both are shown only once',
    body: JoinCodeInput,
    response: { 201: CreatedJoinCode },
  },
})

export const revokeJoinCode = operation({
  method: 'DELETE',
  url: '/join-codes/:joinCodeId',
  config: { access: 'admin' },
  schema: {
    tags: ['workers'],
    operationId: 'revokeJoinCode',
    summary: 'Revoke a join code; machines that joined with it stay',
    params: JoinCodeParams,
    response: Nothing,
  },
})
