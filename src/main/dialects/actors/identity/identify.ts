/** Finds out who calls: an assertion of the gateway, a token of the farm, a nonce, or this machine, in this order. */
import type { FastifyRequest } from 'fastify'
import { isLoopbackAddress } from '../../../security/hosts.ts'
import type { Caller } from '../../../security/accounts/callers.ts'
import { ActorsError, notAuthorized } from '../errors.ts'
import type { Registry } from '../model/registry.ts'
import { ActorsSettings } from '../settings.ts'
import type { ApiContext } from '../../../http/context.ts'
import { findAssertion, readAssertion } from './assertions.ts'
import { whoOfCaller, whoOfGateway, whoOfNonce, type Who } from './who.ts'

export const NOBODY = 'No JWT or nonce provided.'
const WRONG_TOKEN = 'The token is unknown, expired or revoked.'

export class Identities {
  /** A caller object stands for the same rights as long as it lives. */
  private readonly known = new WeakMap<Caller, Who>()

  constructor(
    private readonly context: Pick<ApiContext, 'settings' | 'now'>,
    private readonly registry: Registry,
  ) {}

  /** @throws ActorsError 401 for a token that is wrong, 400 when there is no credential */
  identify(request: FastifyRequest): Who {
    const { headers } = request.raw
    const asserted = this.asserted(request)
    if (asserted) return asserted
    const { caller } = request
    if (headers.authorization !== undefined) {
      if (caller.via === 'nobody') throw new ActorsError(WRONG_TOKEN, 401)
      return this.whoOf(caller)
    }
    const nonce = nonceOf(request)
    if (nonce !== undefined) {
      const found = this.registry.findNonce(nonce)
      if (!found) throw new ActorsError('Nonce does not exist.')
      return whoOfNonce(found)
    }
    if (caller.via === 'nobody' || caller.via === 'worker') throw new ActorsError(NOBODY)
    return this.whoOf(caller)
  }

  private asserted(request: FastifyRequest): Who | undefined {
    const found = findAssertion(request.raw.headers)
    if (!found) return undefined
    const { actorsGatewayKey: key, actorsUnsignedAssertions } = this.context.settings.of(ActorsSettings)
    // The setting is for tests: with it, only callers on this machine are believed.
    const unsigned = actorsUnsignedAssertions && isLoopbackAddress(request.raw.socket.remoteAddress)
    if (key === '' && !unsigned) return undefined
    const assertion = readAssertion(found, { key, unsigned, now: this.context.now() })
    if (!assertion) {
      if (nonceOf(request) !== undefined || request.raw.headers.authorization !== undefined) return undefined
      throw new ActorsError(NOBODY)
    }
    const who = whoOfGateway(assertion.tenant, assertion.user, assertion.roles)
    if (!who) throw notAuthorized('missing required role.')
    return who
  }

  private whoOf(caller: Caller): Who {
    // Inside of an execution: its actor's tenant.
    const actor = caller.attempt && this.registry.ofTask(caller.attempt.taskId)
    if (caller.attempt && !actor) throw new ActorsError(WRONG_TOKEN, 401)
    const known = this.known.get(caller)
    const tenant = actor?.tenant ?? this.context.settings.of(ActorsSettings).actorsTenant
    if (known?.tenant === tenant) return known
    const who = whoOfCaller(caller, tenant)
    this.known.set(caller, who)
    return who
  }
}

function nonceOf({ query }: FastifyRequest): string | undefined {
  if (typeof query !== 'object' || query === null || !('x-nonce' in query)) return undefined
  const value = query['x-nonce']
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : undefined
}
