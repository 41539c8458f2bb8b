/** What the native API says of colonies (`/api/v1/colonies…`): for the window, and for scripts with an account of the farm. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from 'fastify'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Service } from '../service.ts'
import { colonyRoutes } from './colonies.ts'
import { farmError } from './errors.ts'
import { executorRoutes } from './executors.ts'
import { planRoutes } from './plans.ts'
import { workRoutes } from './work.ts'

export type NativeApp = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeBoxTypeProvider>

/** @param app a scope of the native API: what this one throws, it words */
export function nativeRoutes(app: FastifyInstance, service: Service): void {
  app.setErrorHandler((error) => {
    throw farmError(error)
  })
  const typed = app.withTypeProvider<TypeBoxTypeProvider>()
  for (const register of [colonyRoutes, executorRoutes, workRoutes, planRoutes]) register(typed, service)
}
