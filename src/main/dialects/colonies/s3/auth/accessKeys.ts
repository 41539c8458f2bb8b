/** Access keys of members of colonies. The secret is shown once, and stored sealed, because a signature needs it. */
import { randomBytes } from 'node:crypto'
import type { ServerContext } from '../../../../http/context.ts'
import { ConflictError, NotFoundError } from '../../../../engine/base/errors.ts'
import type { Colony, Registry } from '../../people/registry.ts'
import type { Member, Roles } from '../../people/roles.ts'
import * as rows from '../store/keys.ts'

const ACCESS_KEY_CHARS = 16
const SECRET_BYTES = 30
const MOST_OF_COLONY = 1_000
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

export type AccessKeyContext = Pick<ServerContext, 'read' | 'writer' | 'secrets' | 'now'>

export class AccessKeys {
  private readonly keys = new Map<string, rows.KeyRow>()

  private constructor(
    private readonly context: AccessKeyContext,
    private readonly registry: Pick<Registry, 'findById'>,
    private readonly roles: Pick<Roles, 'member'>,
  ) {}

  static async load(context: AccessKeyContext, registry: Pick<Registry, 'findById'>, roles: Pick<Roles, 'member'>): Promise<AccessKeys> {
    const keys = new AccessKeys(context, registry, roles)
    for (const key of await rows.loadKeys(context.read)) keys.keys.set(key.accessKey, key)
    return keys
  }

  /** A new key of a member: the only time that its secret is seen. @throws NotFoundError, ConflictError */
  async make(colony: Colony, memberName: string): Promise<rows.KeyRow & { plainSecret: string }> {
    const id = colony.executors.get(memberName)?.executorId ?? colony.users.get(memberName)?.userId
    const member = id === undefined ? undefined : this.roles.member(id, colony)
    if (!member) throw new NotFoundError(`approved executor or user of the colony ${colony.name}`, memberName)
    if (this.of(colony).length >= MOST_OF_COLONY) throw new ConflictError(`a colony may have ${MOST_OF_COLONY} keys; remove some first`)
    const plainSecret = randomBytes(SECRET_BYTES).toString('base64url')
    const key = {
      accessKey: `FH${[...randomBytes(ACCESS_KEY_CHARS)].map((byte) => LETTERS[byte % LETTERS.length]).join('')}`,
      secret: this.context.secrets.seal(plainSecret),
      colonyId: colony.id,
      memberId: member.id,
      memberName: member.name,
      createdAt: this.context.now(),
    }
    await this.context.writer.exclusive((tx) => rows.insertKey(tx, key))
    this.keys.set(key.accessKey, key)
    return { ...key, plainSecret }
  }

  of(colony: Colony): rows.KeyRow[] {
    return [...this.keys.values()].filter(({ colonyId }) => colonyId === colony.id)
  }

  /** @throws NotFoundError */
  async remove(colony: Colony, accessKey: string): Promise<void> {
    if (this.keys.get(accessKey)?.colonyId !== colony.id) throw new NotFoundError('key', accessKey)
    await this.context.writer.exclusive((tx) => rows.deleteKey(tx, accessKey))
    this.keys.delete(accessKey)
  }

  /** Whose key it is; undefined: no member's, or of one that belongs to the colony no longer. */
  holder(accessKey: string): { member: Member; secret: string } | undefined {
    const key = this.keys.get(accessKey)
    const member = key && this.roles.member(key.memberId, this.registry.findById(key.colonyId))
    const secret = key && this.context.secrets.unseal(key.secret)
    return member && secret ? { member, secret } : undefined
  }

  /** Whether the key counts: its member still belongs to the colony. */
  counts({ accessKey }: rows.KeyRow): boolean {
    return this.holder(accessKey) !== undefined
  }
}
