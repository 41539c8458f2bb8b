/**
 * Everything of actors that is small, in memory: descriptions, permissions, aliases, nonces, configs. Requests read it
 * without waiting; a change is on disk before it is seen here. Executions are not part of it.
 */
import { idTail } from '../../../../shared/ids.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import type { ApiContext } from '../../../http/context.ts'
import * as rows from '../store/rows.ts'
import { parseId } from '../values/ids.ts'
import { actorTarget, aliasTarget, configTarget, type Actor, type Alias, type Config, type Nonce } from './actor.ts'
import { WORLD } from './levels.ts'

interface Grant {
  label: string
  level: number
}

export class Registry {
  private readonly actors = new Map<number, Actor>()
  private readonly byJob = new Map<string, Actor>()
  /** By the part of the job's id that its tasks share. */
  private readonly byTail = new Map<string, Actor>()
  private readonly aliases = new Map<string, Alias>()
  private readonly nonces = new Map<string, Nonce>()
  private readonly configs = new Map<string, Config>()
  /** Target → principal → level. */
  private readonly grants = new Map<string, Map<string, Grant>>()

  constructor(private readonly context: Pick<ApiContext, 'read' | 'writer' | 'secrets' | 'now'>) {}

  async load(): Promise<void> {
    const { read, secrets } = this.context
    for (const actor of await rows.loadActors(read)) this.keep(actor)
    for (const alias of await rows.loadAliases(read)) this.aliases.set(aliasTarget(alias), alias)
    for (const nonce of await rows.loadNonces(read, secrets)) this.nonces.set(nonce.id, nonce)
    for (const config of await rows.loadConfigs(read)) this.configs.set(configTarget(config), config)
    for (const { target, principal, label, level } of await rows.loadPermissions(read))
      this.grantsOf(target).set(principal, { label, level })
  }

  // Actors ------------------------------------------------------------------------------------------------------

  all(): Iterable<Actor> {
    return this.actors.values()
  }

  find(key: number): Actor | undefined {
    return this.actors.get(key)
  }

  ofJob(jobId: string): Actor | undefined {
    return this.byJob.get(jobId)
  }

  /** By id or alias, in a tenant. */
  resolve(tenant: string, text: string): Actor | undefined {
    const parsed = parseId(text)
    const key = parsed?.kind === 'actor' ? parsed.actorKey : this.aliases.get(aliasTarget({ tenant, alias: text }))?.actorKey
    const actor = key === undefined ? undefined : this.actors.get(key)
    return actor?.tenant === tenant ? actor : undefined
  }

  /** Reads an actor whose job was just stored, or came back. */
  async adopt(jobId: string): Promise<Actor> {
    const actor = await rows.loadActorOfJob(this.context.read, jobId)
    if (!actor) throw new Error(`the job ${jobId} has no actor`)
    this.keep(actor)
    const target = actorTarget(actor)
    const grants = this.grantsOf(target)
    if (grants.size === 0) {
      for (const row of await rows.loadPermissions(this.context.read)) if (row.target === target) grants.set(row.principal, row)
    }
    return actor
  }

  /** Its job is deleted: it stays on disk while that can be undone. */
  forget(jobId: string): void {
    const actor = this.byJob.get(jobId)
    if (!actor) return
    this.actors.delete(actor.key)
    this.byJob.delete(jobId)
    this.byTail.delete(idTail(jobId))
  }

  /** Changes an actor. Concurrent changes of one actor apply one after the other. */
  async change(actor: Actor, changes: Partial<Actor>): Promise<void> {
    await this.context.writer.exclusive((tx) => rows.saveActor(tx, { ...actor, ...changes }))
    Object.assign(actor, changes)
  }

  private keep(actor: Actor): void {
    this.actors.set(actor.key, actor)
    this.byJob.set(actor.jobId, actor)
    this.byTail.set(idTail(actor.jobId), actor)
  }

  // Permissions -------------------------------------------------------------------------------------------------

  /** What a principal may do: the higher one of its own level and everyone's. */
  levelOf(target: string, principal: string): number {
    const grants = this.grants.get(target)
    return Math.max(grants?.get(principal)?.level ?? 0, grants?.get(WORLD)?.level ?? 0)
  }

  /** Whether there is a row of its own, with any level but NONE. */
  hasRow(target: string, principal: string): boolean {
    return (this.grants.get(target)?.get(principal)?.level ?? 0) > 0
  }

  /** Name of the user → level. */
  permissionsOf(target: string): [string, number][] {
    return [...(this.grants.get(target) ?? new Map<string, Grant>()).values()].map(({ label, level }) => [label, level])
  }

  async grant(target: string, principal: string, label: string, level: number): Promise<void> {
    await this.context.writer.exclusive((tx) => rows.savePermission(tx, { target, principal, label, level }))
    this.grantsOf(target).set(principal, { label, level })
  }

  private grantsOf(target: string): Map<string, Grant> {
    let grants = this.grants.get(target)
    if (!grants) this.grants.set(target, (grants = new Map()))
    return grants
  }

  // Aliases -----------------------------------------------------------------------------------------------------

  aliasesOf(tenant: string): Alias[] {
    return [...this.aliases.values()].filter((alias) => alias.tenant === tenant)
  }

  findAlias(tenant: string, alias: string): Alias | undefined {
    return this.aliases.get(aliasTarget({ tenant, alias }))
  }

  aliasesFor(actor: Actor): Alias[] {
    return [...this.aliases.values()].filter(({ actorKey }) => actorKey === actor.key)
  }

  /** Creates it, with a permission for its creator. @throws InvalidInputError when it exists */
  async addAlias(alias: Alias, level: number): Promise<void> {
    const target = aliasTarget(alias)
    if (this.aliases.has(target)) throw new InvalidInputError('alias', `Alias ${alias.alias} already exists.`)
    this.aliases.set(target, alias)
    try {
      await this.context.writer.exclusive(async (tx) => {
        await rows.saveAlias(tx, alias)
        await rows.savePermission(tx, { target, principal: alias.ownerId, label: alias.owner, level })
      })
    } catch (error) {
      this.aliases.delete(target)
      throw error
    }
    this.grantsOf(target).set(alias.ownerId, { label: alias.owner, level })
  }

  async pointAlias(alias: Alias, actorKey: number): Promise<void> {
    await this.context.writer.exclusive((tx) => rows.saveAlias(tx, { ...alias, actorKey }))
    alias.actorKey = actorKey
  }

  async deleteAlias(alias: Alias): Promise<void> {
    const target = aliasTarget(alias)
    await this.context.writer.exclusive((tx) => rows.deleteAlias(tx, alias, target))
    this.aliases.delete(target)
    this.grants.delete(target)
    for (const nonce of this.noncesOf(target)) this.nonces.delete(nonce.id)
  }

  // Nonces ------------------------------------------------------------------------------------------------------

  noncesOf(target: string): Nonce[] {
    return [...this.nonces.values()].filter((nonce) => nonce.target === target)
  }

  findNonce(id: string): Nonce | undefined {
    return this.nonces.get(id)
  }

  async addNonce(nonce: Omit<Nonce, 'key'>): Promise<Nonce> {
    const key = await this.context.writer.exclusive((tx) => rows.addNonce(tx, nonce, this.context.secrets))
    const added = { ...nonce, key }
    this.nonces.set(nonce.id, added)
    return added
  }

  /** Counts a use at once, so that parallel calls use up no more than there is. False: none is left. */
  async useNonce(nonce: Nonce): Promise<boolean> {
    if (nonce.maxUses !== -1 && nonce.currentUses >= nonce.maxUses) return false
    nonce.currentUses++
    nonce.lastUsedAt = this.context.now()
    await this.context.writer.exclusive((tx) => rows.saveNonceUse(tx, nonce))
    return true
  }

  async deleteNonce(nonce: Nonce): Promise<void> {
    await this.context.writer.exclusive((tx) => rows.deleteNonce(tx, nonce.key))
    this.nonces.delete(nonce.id)
  }

  // Configs -----------------------------------------------------------------------------------------------------

  configsOf(tenant: string): Config[] {
    return [...this.configs.values()].filter((config) => config.tenant === tenant)
  }

  findConfig(tenant: string, name: string): Config | undefined {
    return this.configs.get(configTarget({ tenant, name }))
  }

  /** Stores a new one with a permission for its creator, or changes one. */
  async saveConfig(config: Config, creator?: { principal: string; label: string; level: number }): Promise<void> {
    const target = configTarget(config)
    await this.context.writer.exclusive(async (tx) => {
      await rows.saveConfig(tx, config)
      if (creator) await rows.savePermission(tx, { target, ...creator })
    })
    this.configs.set(target, config)
    if (creator) this.grantsOf(target).set(creator.principal, creator)
  }

  async deleteConfig(config: Config): Promise<void> {
    const target = configTarget(config)
    await this.context.writer.exclusive((tx) => rows.deleteConfig(tx, config, target))
    this.configs.delete(target)
    this.grants.delete(target)
  }

  /** The actor whose execution this task is. */
  ofTask(taskId: string): Actor | undefined {
    return this.byTail.get(idTail(taskId))
  }
}
