/** Operations of the native API: farm/listeners. */
import { Listeners, ListenersInput } from '../../schemas/listeners.ts'
import { operation } from '../operation.ts'

export const getListeners = operation({
  method: 'GET',
  url: '/listeners',
  config: { access: 'admin' },
  schema: {
    tags: ['settings'],
    operationId: 'getListeners',
    summary: 'Where the manager listens, with addresses, certificate and firewall commands',
    response: { 200: Listeners },
  },
})

export const changeListeners = operation({
  method: 'PUT',
  url: '/listeners',
  config: { access: 'admin' },
  schema: {
    tags: ['settings'],
    operationId: 'changeListeners',
    summary: 'Replace the listeners beside those of the command line; they open and close at once, all of them or none',
    body: ListenersInput,
    response: { 200: Listeners },
  },
})
