/** How this dialect's routes are written: who calls is known, parameters are found, the reply is an envelope. */
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServerContext } from '../../../http/context.ts'
import { isOwnOrigin } from '../../../security/hosts.ts'
import { ActorsError, API_VERSION, notAuthorized } from '../errors.ts'
import { Identities, NOBODY } from '../identity/identify.ts'
import type { Who } from '../identity/who.ts'
import { actorTarget, aliasTarget, idOf, type Actor, type Alias, type Nonce } from '../model/actor.ts'
import { READ, UPDATE } from '../model/levels.ts'
import type { Registry } from '../model/registry.ts'
import { ActorsSettings } from '../settings.ts'
import { parseId } from '../values/ids.ts'
import type { Case } from '../values/names.ts'
import { bodyOf, readBodies, type Body } from './body.ts'
import { Fields } from './fields.ts'

export interface Call {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly who: Who
  readonly query: URLSearchParams
  readonly body: Body
  /** `https://HOST`, as the caller reaches this manager. */
  readonly base: string
  readonly case: Case
  param(name: string): string
  fields(prefix: string): Fields
}

export interface Answer {
  result: unknown
  message?: string
}

/** An answer in the envelope; undefined: the handler has sent the reply itself. */
export type Handler = (call: Call) => Promise<Answer | undefined>

const DEFAULT_MESSAGE = 'The request was successful'
const METHODS = 'GET, POST, PUT, DELETE, OPTIONS'
/** Larger ones are bytes, which are not kept in memory. */
export const MAX_BODY_BYTES = 4_194_304

export class Api {
  private readonly identities: Identities
  private readonly callers = new WeakMap<FastifyRequest, Who>()

  constructor(
    private readonly app: FastifyInstance,
    readonly context: ServerContext,
    readonly registry: Registry,
  ) {
    this.identities = new Identities(context, registry)
    readBodies(app)
    app.addHook('onRequest', (request, reply, done) => done(refuseForeign(request, reply)))
    // After access control, which knows the farm's own callers, and before any body is read.
    app.addHook('preParsing', (request, _reply, payload, done) => {
      try {
        if (request.method !== 'OPTIONS') this.callers.set(request, this.identities.identify(request))
        done(null, payload)
      } catch (error) {
        done(error instanceof Error ? error : new Error(String(error)))
      }
    })
    for (const url of ['/actors', '/actors/*']) {
      app.options(url, { config: { access: 'public' }, schema: { hide: true } }, (request, reply) =>
        reply
          .headers({
            'access-control-allow-methods': METHODS,
            'access-control-allow-headers': request.headers['access-control-request-headers'] ?? 'authorization, content-type',
          })
          .send(''),
      )
    }
  }

  /** Adds a route. @param path below `/actors` @param operationId its name in the audit log */
  on(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, operationId: string, handler: Handler): void {
    this.app.route({
      method,
      url: `/actors${path}`,
      bodyLimit: MAX_BODY_BYTES,
      // Who may do what depends on the actor; `auditBody`: messages and secrets stay out of the log.
      config: { access: 'public', auditBody: false, anyText: true },
      schema: { operationId, hide: true },
      handler: (request, reply) => this.answer(request, reply, handler),
    })
  }

  private async answer(request: FastifyRequest, reply: FastifyReply, handler: Handler): Promise<unknown> {
    const who = this.callers.get(request)
    if (!who) throw new ActorsError(NOBODY)
    const query = new URLSearchParams(request.url.split('?', 2)[1] ?? '')
    const body = bodyOf(request.body)
    const spelling = request.headers['x-framehouse-case'] === 'camel' ? 'camel' : this.context.settings.of(ActorsSettings).actorsCase
    const call: Call = {
      request,
      reply,
      who,
      query,
      body,
      base: this.baseOf(request),
      case: spelling,
      // Fastify's router returns strings.
      param: (name) => (request.params as Record<string, string>)[name] ?? '',
      fields: (prefix) => new Fields(prefix, body, query, spelling),
    }
    try {
      const answer = await handler(call)
      // A reply that was sent resolves to nothing.
      if (answer === undefined) return reply
      return { message: answer.message ?? DEFAULT_MESSAGE, result: answer.result, status: 'success', version: API_VERSION }
    } finally {
      // A body of bytes that no handler read must not hold the connection.
      if (body.kind === 'bytes') drain(body.stream)
    }
  }

  /** The caller of a route that belongs to no actor or alias: nonces are not accepted there. */
  member(call: Call, changes = false): Who {
    if (call.who.nonce) throw new ActorsError(NOBODY)
    if (changes) this.mayChange(call)
    return call.who
  }

  admin(call: Call): void {
    if (!this.member(call).isAdmin) throw notAuthorized('Abaco Admin role required.')
  }

  private mayChange({ who }: Call): void {
    if (!who.mayChange) throw notAuthorized('missing required role.')
  }

  /**
   * The actor of the address, if the caller has this level on it.
   * @throws ActorsError 404 for an unknown one, 400 for missing rights
   */
  async actor(call: Call, level: number): Promise<Actor> {
    const text = call.param('actor')
    const actor = this.registry.resolve(call.who.tenant, text)
    if (!actor) throw this.unknownActor(call, text)
    await this.spendNonce(call, [actorTarget(actor), aliasTarget({ tenant: actor.tenant, alias: text })], text, actor, level)
    this.needLevel(call, actor, level)
    return actor
  }

  /** @throws ActorsError unless the caller has this level on the actor */
  needLevel(call: Call, actor: Actor, level: number): void {
    if (level > READ) this.mayChange(call)
    if (!this.hasLevel(call.who, actor, level)) throw notAuthorized('you do not have access to this actor.')
  }

  hasLevel(who: Who, actor: Actor, level: number): boolean {
    return (who.isAdmin && who.tenant === actor.tenant) || this.registry.levelOf(actorTarget(actor), who.principal) >= level
  }

  /** The alias of the address, if the caller has this level on it. */
  async alias(call: Call, level: number): Promise<Alias> {
    const text = call.param('alias')
    const alias = this.registry.findAlias(call.who.tenant, text)
    if (!alias) throw new ActorsError(`Alias '${text}' not found.`, 404)
    if (call.who.nonce) await this.spend(call.who.nonce, call.who.nonce.target === aliasTarget(alias), level)
    if (level > READ) this.mayChange(call)
    const { who } = call
    if (!who.isAdmin && this.registry.levelOf(aliasTarget(alias), who.principal) < level)
      throw notAuthorized('you do not have access to this alias.')
    return alias
  }

  /** A nonce of an actor counts under its id, one of an alias under that alias. */
  private async spendNonce({ who }: Call, [ofActor, ofAlias]: [string, string], text: string, actor: Actor, level: number): Promise<void> {
    if (!who.nonce) return
    await this.spend(who.nonce, who.nonce.target === (text === idOf(actor) ? ofActor : ofAlias), level)
  }

  private async spend(nonce: Nonce, fits: boolean, level: number): Promise<void> {
    if (!fits) throw new ActorsError('Nonce does not exist.')
    if (nonce.level < Math.min(level, UPDATE)) throw new ActorsError('Nonce does not have sufficient permissions level.')
    if (!(await this.registry.useNonce(nonce))) throw new ActorsError('No remaining uses left for this nonce.')
  }

  private unknownActor({ who }: Call, text: string): ActorsError {
    if (parseId(text)?.kind !== 'actor') return new ActorsError(`Actor with identifier '${text}' not found`, 404)
    return who.isAdmin
      ? new ActorsError(`No actor found with identifier: ${text}.`, 404)
      : new ActorsError(`Actor ${who.tenant}_${text} does not exist`)
  }

  private baseOf(request: FastifyRequest): string {
    const { publicUrl } = this.context.settings.current()
    if (publicUrl !== '') return publicUrl.replace(/\/+$/, '')
    return `${request.protocol}://${request.headers.host ?? 'localhost'}`
  }
}

/** Pages of other sites may not even read: some reads take something away. Our own pages get their origin back. */
function refuseForeign(request: FastifyRequest, reply: FastifyReply): Error | undefined {
  const { origin, host } = request.headers
  if (origin !== undefined && !isOwnOrigin(origin, host)) return new ActorsError(`Pages of ${origin} cannot call this API.`, 403)
  // A page's picture or link sends no Origin.
  if (request.headers['sec-fetch-site'] === 'cross-site') return new ActorsError('Pages of other sites cannot call this API.', 403)
  reply.header('access-control-allow-origin', origin ?? `${request.protocol}://${host ?? ''}`)
  return undefined
}

function drain(stream: Readable): void {
  if (!stream.readableEnded && !stream.destroyed) stream.resume()
}
