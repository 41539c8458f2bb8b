/** /backups: copies of the farm that can be started from, for admins. They hold the hashes of passwords and tokens. */
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import { Backup, Backups } from '../../../shared/schemas/storage.ts'
import { tarOf } from '../../files/tar.ts'
import type { ServerContext } from '../context.ts'
import { Nothing, type NativeApp } from './common.ts'
import { userContentHeaders } from './userContent.ts'

const tags = ['settings']
const NameParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) })

export function backupRoutes(app: NativeApp, { backups }: ServerContext): void {
  app.get(
    '/backups',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'listBackups', summary: 'Backups on this manager, newest first', response: { 200: Backups } },
    },
    async () => ({ folder: backups.folder, items: await backups.list() }),
  )
  app.post(
    '/backups',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'makeBackup', summary: 'Copy database, logs and scripts now', response: { 201: Backup } },
    },
    async (request, reply) => {
      const backup = await backups.make()
      request.audited = { kind: 'backup', id: backup.name, detail: { bytes: backup.bytes } }
      return reply.code(201).send(backup)
    },
  )
  app.get(
    '/backups/:name/archive',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'downloadBackup', summary: 'A backup as a tar archive', params: NameParams },
    },
    async ({ params }, reply) => {
      const folder = await backups.folderOf(params.name)
      return reply
        .headers(userContentHeaders('application/x-tar'))
        .header('content-disposition', `attachment; filename="framehouse-${params.name}.tar"`)
        .send(Readable.from(tarOf(folder, `framehouse-${params.name}`)))
    },
  )
  app.delete(
    '/backups/:name',
    {
      config: { access: 'admin' },
      schema: { tags, operationId: 'deleteBackup', summary: 'Remove a backup', params: NameParams, response: Nothing },
    },
    async ({ params }, reply) => {
      await backups.remove(params.name)
      return reply.code(204).send(null)
    },
  )
}
