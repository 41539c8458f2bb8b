/** The S3 endpoint of the Colonies dialect: bytes of its files, in buckets of each colony, over the farm's content store. */
import type { FastifyInstance } from 'fastify'
import type { Service } from '../service.ts'
import { ColoniesSettings } from '../settings.ts'
import { AccessKeys } from './auth/accessKeys.ts'
import { Endpoint } from './endpoint.ts'
import { keyRoutes } from './keyRoutes.ts'
import { S3Listener } from './listener.ts'
import { deleteUploadsBefore } from './store/uploads.ts'

/** Uploads in parts that no client completes are dropped after this time. */
const ABANDONED_MS = 7 * 86_400_000

export interface S3 {
  /** Registers the routes of its keys; the listener follows the settings from then on. */
  register(app: FastifyInstance, loopbackOnly: boolean): Promise<void>
}

export async function openS3({ context, registry, roles, owner }: Service): Promise<S3> {
  const keys = await AccessKeys.load(context, registry, roles)
  const bucketHosts = (): string[] =>
    context.settings
      .of(ColoniesSettings)
      .coloniesS3Hosts.toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean)
  const endpoint = new Endpoint({ context, keys, hosts: context.security.hosts, bucketHosts })
  return {
    async register(app, loopbackOnly) {
      const listener = new S3Listener({ context, endpoint, loopbackOnly, isOn: () => owner.isOn })
      await app.register(async (scope) => keyRoutes(scope, { context, registry, keys }), { prefix: '/api/v1' })
      const unfollow = context.settings.onChange(() => void listener.follow())
      app.addHook('onReady', () => listener.follow())
      app.addHook('preClose', async () => {
        unfollow()
        await listener.close()
      })
    },
  }
}

/** Drops what was begun and never completed. */
export async function dropAbandonedUploads({ context }: Pick<Service, 'context'>): Promise<void> {
  await context.writer.exclusive((tx) => deleteUploadsBefore(tx, context.now() - ABANDONED_MS))
}
