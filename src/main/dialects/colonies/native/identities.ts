/** Keys that the manager makes for colonies, executors and users: they are in one reply, and nowhere else. */
import type { NewIdentity } from '../../../../shared/schemas/colonies/people.ts'
import { isDevelopmentId } from '../crypto/developmentKeys.ts'
import { idOfPrivateKey, newPrivateKey } from '../crypto/signatures.ts'
import type { Service } from '../service.ts'
import { ColoniesError } from '../wire/errors.ts'

/** A new key, or the identity that the caller brings. The key is in this reply only. @throws ColoniesError 400 for a published one */
export function identityFor({ context }: Service, name: string, id: string | undefined): NewIdentity {
  if (id !== undefined) {
    if (isDevelopmentId(id) && !context.coloniesDevKeys) throw new ColoniesError(400, 'this is a published development identity')
    return { name, id, privateKey: null }
  }
  const privateKey = newPrivateKey()
  return { name, id: idOfPrivateKey(privateKey), privateKey }
}
