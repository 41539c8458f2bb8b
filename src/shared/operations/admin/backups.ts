/** Operations of the native API: admin/backups. */
import { Backups, Backup } from '../../schemas/storage.ts'
import { Nothing } from '../params.ts'
import { Type } from 'typebox'
import { operation } from '../operation.ts'

export const NameParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 100 }) })

export const listBackups = operation({
  method: 'GET',
  url: '/backups',
  config: { access: 'admin' },
  schema: { tags: ['settings'], operationId: 'listBackups', summary: 'Backups on this manager, newest first', response: { 200: Backups } },
})

export const makeBackup = operation({
  method: 'POST',
  url: '/backups',
  config: { access: 'admin' },
  schema: { tags: ['settings'], operationId: 'makeBackup', summary: 'Copy database, logs and scripts now', response: { 201: Backup } },
})

export const downloadBackup = operation({
  method: 'GET',
  url: '/backups/:name/archive',
  config: { access: 'admin' },
  schema: { tags: ['settings'], operationId: 'downloadBackup', summary: 'A backup as a tar archive', params: NameParams },
})

export const deleteBackup = operation({
  method: 'DELETE',
  url: '/backups/:name',
  config: { access: 'admin' },
  schema: { tags: ['settings'], operationId: 'deleteBackup', summary: 'Remove a backup', params: NameParams, response: Nothing },
})
