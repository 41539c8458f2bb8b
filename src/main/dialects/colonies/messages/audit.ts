/** What the audit log keeps of what people change by messages. What executors tell of their own work is no change. */
import { taskPublicId } from '../../../../shared/ids.ts'
import type { Service } from '../service.ts'
import { parseProcessId } from '../wire/values.ts'

/** One entry: what was done to what. `kind` and `id` name it as it is called in the colony. */
export interface Audited {
  action: string
  kind: string
  id: string
  detail?: unknown
}

/** The signer: an id that cannot be chosen, and how the log calls them (`colonies:<colony>/<name>`). */
export function actorOf({ roles, registry }: Service, signer: string): { actorId: string; actor: string } {
  const actorId = `colonies:${signer}`
  if (roles.isServerOwner(signer)) return { actorId, actor: 'colonies:server-owner' }
  for (const { colony, name } of registry.executorsOf(signer)) return { actorId, actor: `colonies:${colony.name}/${name}` }
  for (const colony of registry.colonies()) {
    if (colony.ownerId === signer) return { actorId, actor: `colonies:${colony.name}/owner` }
    const user = registry.userIn(colony, signer)
    if (user) return { actorId, actor: `colonies:${colony.name}/${user.name}` }
  }
  return { actorId, actor: 'colonies:unknown' }
}

/** For messages whose body names a colony, and something in it. */
export function onColony<K extends string>(action: string, kind: string, field: K) {
  return (body: { colonyname: string } & Readonly<Record<K, string>>): Audited => ({
    action,
    kind,
    id: body[field],
    detail: { colony: body.colonyname },
  })
}

/** For messages whose body names a process, which is a task, or a process graph, which is a job. */
export function onJob<K extends string>(action: string, field: K) {
  return (body: Readonly<Record<K, string>>): Audited => {
    const { jobId = '', index = 0 } = parseProcessId(body[field]) ?? {}
    const target = index === 0 ? { kind: 'job', id: jobId } : { kind: 'task', id: taskPublicId(jobId, index) }
    return { action, ...target, detail: { [field]: body[field] } }
  }
}
