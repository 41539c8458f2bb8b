/** Refusals of this dialect as errors of the farm, which the native API words. */
import { ConflictError, InvalidInputError, NotAllowedError, NotFoundError } from '../../../engine/base/errors.ts'
import type { Colony, Executor } from '../people/registry.ts'
import type { Service } from '../service.ts'
import { ColoniesError } from '../wire/errors.ts'

/** Anything else stays what it is. Where the original answers 500 it means what the caller sent. */
export function farmError(error: unknown): unknown {
  if (!(error instanceof ColoniesError)) return error
  if (error.statusCode === 404) return new NotFoundErrorWithWords(error.message)
  if (error.statusCode === 403) return new NotAllowedError(error.message)
  if (error.statusCode === 409) return new ConflictError(error.message)
  return new InvalidInputError('', error.message)
}

class NotFoundErrorWithWords extends NotFoundError {
  constructor(override readonly message: string) {
    super('', '')
  }
}

/** @throws NotFoundError */
export function needColony({ registry }: Service, name: string): Colony {
  const colony = registry.find(name)
  if (!colony) throw new NotFoundError('colony', name)
  return colony
}

/** @throws NotFoundError */
export function needExecutor(service: Service, colonyName: string, name: string): Executor {
  const executor = needColony(service, colonyName).executors.get(name)
  if (!executor) throw new NotFoundError('executor', name)
  return executor
}
