/** Who may do what in a colony. One identity may have several roles; every check names the one that it wants. */
import { ColoniesError } from '../wire/errors.ts'
import { APPROVED, type Colony, type Executor, type Registry, type User } from './registry.ts'

/** An approved executor or a user of the colony. */
export interface Member {
  colony: Colony
  id: string
  /** The executor's name, else the user's. */
  name: string
  executor: Executor | undefined
  user: User | undefined
}

export class Roles {
  constructor(
    private readonly registry: Registry,
    private readonly serverOwner: () => string,
  ) {}

  isServerOwner(id: string): boolean {
    return id !== '' && id === this.serverOwner()
  }

  /** @throws ColoniesError 403 */
  needServerOwner(id: string): void {
    if (!this.isServerOwner(id)) throw new ColoniesError(403, 'Access denied, not server owner')
  }

  /** @throws ColoniesError 400 for an unknown colony, 403 */
  needOwner(id: string, colonyName: string, orServerOwner = false): Colony {
    const colony = this.registry.find(colonyName)
    if (colony?.ownerId === id || (colony && orServerOwner && this.isServerOwner(id))) return colony
    // Who may not see a colony does not learn that there is none.
    if (!colony && this.isServerOwner(id)) throw new ColoniesError(400, `Colony with name <${colonyName}> not found`)
    throw new ColoniesError(403, `Access denied, not owner of Colony with name ${colonyName}`)
  }

  /** @throws ColoniesError 403 */
  needMember(id: string, colonyName: string): Member {
    const member = this.member(id, this.registry.find(colonyName))
    if (!member) throw notMember(colonyName)
    return member
  }

  /** The same for a colony that was found otherwise. @throws ColoniesError 403 */
  needMemberOf(id: string, colonyId: number): Member {
    const colony = this.registry.findById(colonyId)
    const member = this.member(id, colony)
    if (!member) throw notMember(colony?.name ?? '')
    return member
  }

  /** A member, or an executor that is not approved. @throws ColoniesError 403 */
  needKnown(id: string, colonyName: string): Colony {
    const colony = this.registry.find(colonyName)
    if (!colony || !(this.member(id, colony) || this.registry.executorIn(colony, id))) throw notMember(colonyName)
    return colony
  }

  /** A member or the colony's owner. @throws ColoniesError 403 */
  needMemberOrOwner(id: string, colonyName: string): Colony {
    const colony = this.registry.find(colonyName)
    if (!colony || !(colony.ownerId === id || this.member(id, colony))) throw notMember(colonyName)
    return colony
  }

  /** Those who may see who belongs to the colony: known executors, users, the owners. @throws ColoniesError 403 */
  needInsider(id: string, colonyName: string): Colony {
    const colony = this.registry.find(colonyName)
    const isOwner = colony?.ownerId === id || this.isServerOwner(id)
    if (colony && isOwner) return colony
    return this.needKnown(id, colonyName)
  }

  member(id: string, colony: Colony | undefined): Member | undefined {
    if (!colony) return undefined
    const executor = this.registry.executorIn(colony, id)
    const user = this.registry.userIn(colony, id)
    if (executor?.status === APPROVED) return { colony, id, name: executor.name, executor, user }
    return user ? { colony, id, name: user.name, executor: undefined, user } : undefined
  }
}

function notMember(colonyName: string): ColoniesError {
  return new ColoniesError(403, `Access denied, not a member of Colony with name ${colonyName}`)
}
