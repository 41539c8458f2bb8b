/** Rows of the dialect's tables ↔ what the registry keeps in memory. */
import type { SecretBox } from '../../../security/secretBox.ts'
import type { Connection, ReadDatabase } from '../../../store/connection.ts'
import type { SideRowWriter } from '../../../store/sideRows.ts'
import type { Actor, ActorSpec, Alias, Config, Nonce } from '../model/actor.ts'

/** Stored with the job of a new actor. */
export interface NewActor {
  tenant: string
  jobId: string
  name: string | null
  ownerId: string
  owner: string
  spec: ActorSpec
  cronNext: number | null
  /** The creator's permission. */
  level: number
}

/** Only this dialect creates such rows, so their format is known. */
export const writeNewActor: SideRowWriter = async (tx, { jobId: jobKey, at }, values) => {
  const { tenant, jobId, name, ownerId, owner, spec, cronNext, level } = values as NewActor
  await tx.run(
    `insert into actors (tenant, job_key, job_id, name, owner_id, owner, spec, status, created_at, updated_at, cron_next)
     values (?, ?, ?, ?, ?, ?, ?, 'SUBMITTED', ?, ?, ?)`,
    [tenant, jobKey, jobId, name, ownerId, owner, JSON.stringify(spec), at, at, cronNext],
  )
  await tx.run(
    `insert into actor_permissions (target, principal, label, level) select 'actor:' || id, ?, ?, ? from actors where job_key = ?`,
    [ownerId, owner, level, jobKey],
  )
}

type ActorRow = Omit<Actor, 'spec'> & { spec: string }

const ACTORS = `select a.id as key, a.tenant, a.job_key as jobKey, a.job_id as jobId, a.name, a.owner_id as ownerId, a.owner, a.spec, a.state, a.status,
  a.status_message as statusMessage, a.revision, a.created_at as createdAt, a.updated_at as updatedAt, a.cron_next as cronNext
  from actors a join jobs j on j.id = a.job_key where j.deleted_at is null`

/** The spec is written by this file alone. */
const actorOf = ({ spec, ...row }: ActorRow): Actor => ({ ...row, spec: JSON.parse(spec) as ActorSpec })

export async function loadActors(db: ReadDatabase): Promise<Actor[]> {
  return (await db.all<ActorRow>(`${ACTORS} order by a.id`)).map(actorOf)
}

/** Of a job that is not deleted. */
export async function loadActorOfJob(db: ReadDatabase, jobId: string): Promise<Actor | undefined> {
  const row = await db.get<ActorRow>(`${ACTORS} and a.job_id = ?`, [jobId])
  return row && actorOf(row)
}

export async function saveActor(tx: Connection, actor: Actor): Promise<void> {
  await tx.run(
    'update actors set spec = ?, state = ?, status = ?, status_message = ?, revision = ?, updated_at = ?, cron_next = ? where id = ?',
    [
      JSON.stringify(actor.spec),
      actor.state,
      actor.status,
      actor.statusMessage,
      actor.revision,
      actor.updatedAt,
      actor.cronNext,
      actor.key,
    ],
  )
}

export interface PermissionRow {
  target: string
  principal: string
  label: string
  level: number
}

export const loadPermissions = (db: ReadDatabase): Promise<PermissionRow[]> =>
  db.all('select target, principal, label, level from actor_permissions order by target')

export async function savePermission(tx: Connection, { target, principal, label, level }: PermissionRow): Promise<void> {
  await tx.run('insert or replace into actor_permissions (target, principal, label, level) values (?, ?, ?, ?)', [
    target,
    principal,
    label,
    level,
  ])
}

export const loadAliases = (db: ReadDatabase): Promise<Alias[]> =>
  db.all('select tenant, alias, actor_key as actorKey, owner_id as ownerId, owner, created_at as createdAt from actor_aliases')

export async function saveAlias(tx: Connection, { tenant, alias, actorKey, ownerId, owner, createdAt }: Alias): Promise<void> {
  await tx.run('insert or replace into actor_aliases (tenant, alias, actor_key, owner_id, owner, created_at) values (?, ?, ?, ?, ?, ?)', [
    tenant,
    alias,
    actorKey,
    ownerId,
    owner,
    createdAt,
  ])
}

export async function deleteAlias(tx: Connection, { tenant, alias }: Alias, target: string): Promise<void> {
  await tx.run('delete from actor_aliases where tenant = ? and alias = ?', [tenant, alias])
  await tx.run('delete from actor_permissions where target = ?', [target])
  await tx.run('delete from actor_nonces where target = ?', [target])
}

type NonceRow = Omit<Nonce, 'id' | 'roles'> & { sealed: string; roles: string }

/** Nonces that cannot be decrypted (the key file is another one) are left out: no caller could use them. */
export async function loadNonces(db: ReadDatabase, secrets: SecretBox): Promise<Nonce[]> {
  const rows = await db.all<NonceRow>(
    `select id as key, sealed, tenant, target, owner_id as ownerId, owner, roles, level, max_uses as maxUses, current_uses as currentUses,
       description, created_at as createdAt, last_used_at as lastUsedAt from actor_nonces order by id`,
  )
  return rows.flatMap(({ sealed, roles, ...row }) => {
    const id = secrets.unseal(sealed)
    // Written by addNonce.
    return id === undefined ? [] : [{ ...row, id, roles: JSON.parse(roles) as string[] }]
  })
}

/** Returns its key. */
export async function addNonce(tx: Connection, nonce: Omit<Nonce, 'key'>, secrets: SecretBox): Promise<number> {
  const { lastId } = await tx.run(
    `insert into actor_nonces (sealed, tenant, target, owner_id, owner, roles, level, max_uses, description, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      secrets.seal(nonce.id),
      nonce.tenant,
      nonce.target,
      nonce.ownerId,
      nonce.owner,
      JSON.stringify(nonce.roles),
      nonce.level,
      nonce.maxUses,
      nonce.description,
      nonce.createdAt,
    ],
  )
  return lastId
}

export async function saveNonceUse(tx: Connection, { key, currentUses, lastUsedAt }: Nonce): Promise<void> {
  await tx.run('update actor_nonces set current_uses = ?, last_used_at = ? where id = ?', [currentUses, lastUsedAt, key])
}

export async function deleteNonce(tx: Connection, key: number): Promise<void> {
  await tx.run('delete from actor_nonces where id = ?', [key])
}

export async function loadConfigs(db: ReadDatabase): Promise<Config[]> {
  const rows = await db.all<Omit<Config, 'isSecret'> & { isSecret: number }>(
    'select tenant, name, value, is_secret as isSecret, actors from actor_configs order by tenant, name',
  )
  return rows.map((row) => ({ ...row, isSecret: row.isSecret === 1 }))
}

export async function saveConfig(tx: Connection, { tenant, name, value, isSecret, actors }: Config): Promise<void> {
  await tx.run('insert or replace into actor_configs (tenant, name, value, is_secret, actors) values (?, ?, ?, ?, ?)', [
    tenant,
    name,
    value,
    Number(isSecret),
    actors,
  ])
}

export async function deleteConfig(tx: Connection, { tenant, name }: Config, target: string): Promise<void> {
  await tx.run('delete from actor_configs where tenant = ? and name = ?', [tenant, name])
  await tx.run('delete from actor_permissions where target = ?', [target])
}
