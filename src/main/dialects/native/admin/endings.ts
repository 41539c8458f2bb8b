/** What ends with a token or user: tokens immediately, jobs only on request. */
import type { FastifyRequest } from 'fastify'
import type { Ending } from '../../../../shared/schemas/account.ts'
import { FarmError, NotAllowedError } from '../../../engine/base/errors.ts'
import type { Token } from '../../../security/accounts/accountRecords.ts'
import { tokenPrincipal } from '../../../security/accounts/principals.ts'
import { unfinishedJobsOf } from '../../../store/queries/jobs/jobOwners.ts'
import type { ServerContext } from '../../../http/context.ts'

/** @param tokens all that end, with their descendants @param ownerIds further owners who are gone then */
export async function endingOf({ read }: ServerContext, tokens: readonly Token[], ownerIds: readonly string[] = []): Promise<Ending> {
  const owners = [...ownerIds, ...tokens.filter(({ userId }) => userId === null).map(({ publicId }) => tokenPrincipal(publicId))]
  const jobs = await unfinishedJobsOf(
    read,
    owners,
    tokens.map(({ publicId }) => publicId),
  )
  return {
    tokens: tokens.flatMap(({ publicId, kind, name }) => (kind === 'session' ? [] : [{ id: publicId, kind, name }])),
    jobs,
  }
}

/**
 * Cancels jobs whose token or owner ended; a job that finished in the meantime is not an error. Resolves to the
 * canceled ones.
 */
export async function cancelJobs({ farm }: ServerContext, request: FastifyRequest, jobs: Ending['jobs']): Promise<string[]> {
  const done: string[] = []
  for (const { id } of jobs) {
    try {
      await farm.jobs.act(id, 'cancel', request.caller.actor)
      done.push(id)
    } catch (error) {
      if (!(error instanceof FarmError)) throw error
    }
  }
  return done
}

/** @throws NotAllowedError when the caller may not cancel jobs */
export function requireCancelRight(request: FastifyRequest): void {
  if (!request.caller.scopes.has('manage'))
    throw new NotAllowedError(`${request.caller.actor} may not cancel jobs: it needs the right "manage"`)
}
