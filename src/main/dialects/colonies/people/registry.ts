/** Colonies with their users and executors: in memory, every change on disk first. */
import type { ApiContext } from '../../../http/context.ts'
import * as rows from '../store/people.ts'

/** The protocol's numbers. */
export const PENDING = 0
export const APPROVED = 1
export const REJECTED = 2
export const UNREGISTERED = 3
export type ExecutorStatus = 0 | 1 | 2 | 3

export interface User {
  readonly rowId: number
  userId: string
  readonly name: string
  readonly email: string
  readonly phone: string
}

export interface NewExecutor {
  executorId: string
  name: string
  type: string
  location: string
  requiresFunctions: boolean
  /** JSON as the client sent it. */
  capabilities: string
  allocations: string
  blueprintId: string
  blueprintGeneration: number
}

export interface Executor extends NewExecutor {
  readonly rowId: number
  readonly colony: Colony
  status: ExecutorStatus
  /** Public id of the farm's worker that stands for it; empty until it is approved for the first time. */
  workerId: string
  readonly commissionedAt: number
  /** Milliseconds; 0: never in this run of the manager. */
  heardAt: number
}

export interface Colony {
  readonly id: number
  readonly name: string
  ownerId: string
  paused: boolean
  builtIn: boolean
  readonly createdAt: number
  /** By name. */
  readonly users: Map<string, User>
  /** By name; those that were replaced are only on disk. */
  readonly executors: Map<string, Executor>
}

export class Registry {
  private readonly byName = new Map<string, Colony>()
  private readonly byId = new Map<number, Colony>()
  private readonly executorsById = new Map<string, Set<Executor>>()

  private constructor(
    private readonly writer: ApiContext['writer'],
    private readonly now: () => number,
  ) {}

  static async load({ read, writer, now }: Pick<ApiContext, 'read' | 'writer' | 'now'>): Promise<Registry> {
    const registry = new Registry(writer, now)
    for (const row of await rows.loadColonies(read)) registry.remember({ ...row, users: new Map(), executors: new Map() })
    for (const { colonyId, ...user } of await rows.loadUsers(read)) registry.byId.get(colonyId)?.users.set(user.name, user)
    for (const { colonyId, ...executor } of await rows.loadExecutors(read)) {
      const colony = registry.byId.get(colonyId)
      if (colony) registry.addToMemory({ ...executor, colony, heardAt: 0 })
    }
    return registry
  }

  colonies(): Colony[] {
    return [...this.byName.values()]
  }

  find(name: string): Colony | undefined {
    return this.byName.get(name)
  }

  findById(id: number): Colony | undefined {
    return this.byId.get(id)
  }

  /** The executors with this id, of all colonies. */
  executorsOf(executorId: string): Iterable<Executor> {
    return this.executorsById.get(executorId) ?? []
  }

  executorIn(colony: Colony, executorId: string): Executor | undefined {
    let found: Executor | undefined
    for (const executor of this.executorsOf(executorId)) {
      // Of several registrations with one id, one that may work is meant.
      if (executor.colony === colony && (found === undefined || executor.status === APPROVED)) found = executor
    }
    return found
  }

  userIn(colony: Colony, userId: string): User | undefined {
    for (const user of colony.users.values()) if (user.userId === userId) return user
    return undefined
  }

  async addColony(name: string, ownerId: string): Promise<Colony> {
    const createdAt = this.now()
    const id = await this.writer.exclusive((tx) => rows.insertColony(tx, { name, ownerId, createdAt }))
    const colony: Colony = { id, name, ownerId, paused: false, builtIn: false, createdAt, users: new Map(), executors: new Map() }
    this.remember(colony)
    return colony
  }

  async changeColony(colony: Colony, changes: Partial<Pick<Colony, 'ownerId' | 'paused' | 'builtIn'>>): Promise<void> {
    const { id, ownerId, paused, builtIn } = { ...colony, ...changes }
    await this.writer.exclusive((tx) => rows.saveColony(tx, { id, ownerId, paused, builtIn }))
    Object.assign(colony, changes)
  }

  /** It has no members any longer. */
  async removeColony(colony: Colony): Promise<void> {
    await this.writer.exclusive((tx) => rows.deleteColony(tx, colony.id))
    this.byName.delete(colony.name)
    this.byId.delete(colony.id)
    for (const executor of colony.executors.values()) this.forgetId(executor)
  }

  async addUser(colony: Colony, user: Omit<User, 'rowId'>): Promise<User> {
    const rowId = await this.writer.exclusive((tx) => rows.insertUser(tx, colony.id, user))
    const added = { rowId, ...user }
    colony.users.set(user.name, added)
    return added
  }

  async changeUserId(user: User, userId: string): Promise<void> {
    await this.writer.exclusive((tx) => rows.saveUserId(tx, user.rowId, userId))
    user.userId = userId
  }

  async removeUser(colony: Colony, user: User): Promise<void> {
    await this.writer.exclusive((tx) => rows.deleteUser(tx, user.rowId))
    colony.users.delete(user.name)
  }

  /** Takes over the name from an executor that has it. */
  async addExecutor(colony: Colony, input: NewExecutor): Promise<Executor> {
    const commissionedAt = this.now()
    const rowId = await this.writer.exclusive((tx) => rows.insertExecutor(tx, colony.id, { ...input, commissionedAt }))
    const before = colony.executors.get(input.name)
    if (before) this.forgetId(before)
    const executor: Executor = { ...input, rowId, colony, status: PENDING, workerId: '', commissionedAt, heardAt: 0 }
    this.addToMemory(executor)
    return executor
  }

  async changeExecutor(
    executor: Executor,
    changes: Partial<Omit<Executor, 'rowId' | 'colony' | 'name' | 'commissionedAt' | 'heardAt'>>,
  ): Promise<void> {
    await this.writer.exclusive((tx) => rows.saveExecutor(tx, { ...executor, ...changes }))
    if (changes.executorId !== undefined) this.forgetId(executor)
    Object.assign(executor, changes)
    this.rememberId(executor)
  }

  private remember(colony: Colony): void {
    this.byName.set(colony.name, colony)
    this.byId.set(colony.id, colony)
  }

  private addToMemory(executor: Executor): void {
    executor.colony.executors.set(executor.name, executor)
    this.rememberId(executor)
  }

  private rememberId(executor: Executor): void {
    const known = this.executorsById.get(executor.executorId)
    if (known) known.add(executor)
    else this.executorsById.set(executor.executorId, new Set([executor]))
  }

  private forgetId(executor: Executor): void {
    const known = this.executorsById.get(executor.executorId)
    known?.delete(executor)
    if (known?.size === 0) this.executorsById.delete(executor.executorId)
  }
}
