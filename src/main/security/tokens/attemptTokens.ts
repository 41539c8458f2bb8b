/**
 * Tokens of running attempts: with one, a program that the farm runs calls the API of its dialect for the job's owner. A token is valid
 * only while its attempt holds its task, and opens no route of the native API: its caller has no scopes, and a dialect admits it by
 * `caller.attempt`. Nothing is stored: the token itself says, sealed, whose it is.
 */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Caller } from '../accounts/callers.ts'
import type { SecretBox } from '../secretBox.ts'

/** Beside those of TokenBook. */
const PREFIX = 'fha_'
const MARK = /^sealed\$1\$/

const Claims = Type.Object({
  use: Type.Literal('attempt'),
  task: Type.String(),
  attempt: Type.Integer({ minimum: 1 }),
  owner: Type.String(),
  label: Type.String(),
})

export interface AttemptTokenOptions {
  secrets: Pick<SecretBox, 'seal' | 'unseal'>
  /** Whether this attempt holds its task now. */
  holdsTask(taskId: string, attempt: number): boolean
  /** Whether the owner may still act. */
  isOwnerGone(ownerId: string): boolean
}

export class AttemptTokens {
  constructor(private readonly options: AttemptTokenOptions) {}

  /** A token for an attempt. @param ownerId whom its calls act for; @param label the owner's name, for people */
  mint(taskId: string, attempt: number, ownerId: string, label: string): string {
    const claims = { use: 'attempt', task: taskId, attempt, owner: ownerId, label }
    return PREFIX + this.options.secrets.seal(JSON.stringify(claims)).replace(MARK, '')
  }

  /** Whether the text has the form of such a token. */
  isOne(text: string): boolean {
    return text.startsWith(PREFIX)
  }

  /** The caller of a request with this token; undefined when it is not valid, or no longer. */
  find(text: string): Caller | undefined {
    const sealed = `sealed$1$${text.slice(PREFIX.length)}`
    const json = this.isOne(text) ? this.options.secrets.unseal(sealed) : undefined
    const claims: unknown = json === undefined ? undefined : parse(json)
    if (!Value.Check(Claims, claims)) return undefined
    const { task: taskId, attempt, owner: id, label: actor } = claims
    if (!this.options.holdsTask(taskId, attempt) || this.options.isOwnerGone(id)) return undefined
    return { id, actor, role: 'artist', scopes: new Set(), via: 'attempt', token: null, attempt: { taskId, attempt } }
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
