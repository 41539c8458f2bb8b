/** Operations of the native API: workers/reachability. */
import { Reachability } from '../../schemas/storage.ts'
import { operation } from '../operation.ts'

export const checkReachability = operation({
  method: 'POST',
  url: '/reachability',
  config: { access: 'admin', audit: false },
  schema: {
    tags: ['settings'],
    operationId: 'checkReachability',
    summary: 'Check whether every worker reaches the storage and the paths in variables',
    response: { 200: Reachability },
  },
})
