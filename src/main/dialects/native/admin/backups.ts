/** /backups: copies of the farm that a manager can start from, for admins. They contain the hashes of passwords and tokens. */
import { listBackups, makeBackup, downloadBackup, deleteBackup } from '../../../../shared/operations/admin/backups.ts'
import { tarOf } from '../../../files/tar.ts'
import type { ServerContext } from '../../../http/context.ts'
import { type NativeApp } from '../common.ts'
import { userContentHeaders } from '../jobs/userContent.ts'

export function backupRoutes(app: NativeApp, { backups }: ServerContext): void {
  app.route({ ...listBackups, handler: async () => ({ folder: backups.folder, items: await backups.list() }) })
  app.route({
    ...makeBackup,
    handler: async (request, reply) => {
      const backup = await backups.make()
      request.audited = { kind: 'backup', id: backup.name, detail: { bytes: backup.bytes } }
      return reply.code(201).send(backup)
    },
  })
  app.route({
    ...downloadBackup,
    handler: async ({ params }, reply) => {
      const folder = await backups.folderOf(params.name)
      return reply
        .headers(userContentHeaders('application/x-tar'))
        .header('content-disposition', `attachment; filename="framehouse-${params.name}.tar"`)
        .send(tarOf(folder, `framehouse-${params.name}`))
    },
  })
  app.route({
    ...deleteBackup,
    handler: async ({ params }, reply) => {
      await backups.remove(params.name)
      return reply.code(204).send(null)
    },
  })
}
