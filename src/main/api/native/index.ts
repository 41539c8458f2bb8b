/** The native API, `/api/v1`: everything that the GUI and scripts do. One file a resource. */
import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../server.ts'

export async function nativeApi(app: FastifyInstance, context: ServerContext): Promise<void> {
  app.get('/api/v1/version', { config: { access: 'public' } }, () => ({ version: context.version }))
}
