/** What a worker was given to join a farm with: a join code, or the path of a join file. */
import { readFile } from 'node:fs/promises'
import { Value } from 'typebox/value'
import { readJoinCode } from '../../../shared/lan/joinCode.ts'
import { JoinFile } from '../../../shared/schemas/joinCodes.ts'

export interface Invitation {
  /** 16 hex digits. */
  secret: string
  /** Of the key of the farm's authority: the whole fingerprint, or the beginning of it without colons. */
  authority: string
  /** Empty: it is looked for. */
  urls: readonly string[]
}

/** A text that is neither. */
export class InvitationError extends Error {
  override readonly name = 'InvitationError'
}

/** @param given a code as a person types it, or the absolute path of a file @throws InvitationError */
export async function readInvitation(given: string): Promise<Invitation> {
  const code = readJoinCode(given)
  if (code) return { secret: code.secret, authority: code.authorityPrefix, urls: [] }
  let value: unknown
  try {
    value = JSON.parse(await readFile(given, 'utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new InvitationError(`"${given}" is neither a join code (26 characters) nor a join file: ${reason}`)
  }
  if (!Value.Check(JoinFile, value)) throw new InvitationError(`${given} is no join file of this version`)
  return { secret: value.secret, authority: value.authority, urls: value.urls }
}

/** Whether an authority is the one that is meant. @param wanted the whole fingerprint, or at least its first 16 digits */
export function isAuthority(authority: string | undefined, wanted: string): boolean {
  const digits = wanted.replaceAll(':', '')
  return digits.length >= 16 && authority !== undefined && authority.replaceAll(':', '').startsWith(digits)
}
