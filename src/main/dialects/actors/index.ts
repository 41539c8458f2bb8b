/**
 * The actors dialect: Abaco's API under `/actors` and `/actors/v2`. An actor is a Docker image with a mailbox; each
 * message runs it once. Operations, their states and every deliberate difference are documented in docs/actors-api.md.
 */
import type { FastifyInstance } from 'fastify'
import { ACTOR_KIND, PRIVILEGED_ACTOR_KIND } from '../../../shared/schemas/actorRun.ts'
import type { Dialect } from '../../http/dialect.ts'
import { endingHandler } from './engine/endings.ts'
import { Events, WEBHOOK_KIND } from './engine/events.ts'
import { actorHandOut } from './engine/handOut.ts'
import { Lifecycle } from './engine/lifecycle.ts'
import { Mailbox } from './engine/mailbox.ts'
import { Upkeep } from './engine/upkeep.ts'
import { webhookHandler } from './engine/webhooks.ts'
import { ActorWorkers } from './engine/workers.ts'
import { actorsErrorForm } from './errors.ts'
import { Api } from './http/api.ts'
import { rewriteAddress } from './http/address.ts'
import { Registry } from './model/registry.ts'
import { accessRoutes } from './routes/access.ts'
import { actorRoutes } from './routes/actors.ts'
import { adminRoutes } from './routes/admin.ts'
import { aliasRoutes } from './routes/aliases.ts'
import { configRoutes } from './routes/configs.ts'
import { executionRoutes } from './routes/executions.ts'
import { messageRoutes } from './routes/messages.ts'
import { searchRoutes } from './routes/search.ts'
import { stateRoutes } from './routes/state.ts'
import { workerRoutes } from './routes/workers.ts'
import { ActorsSettings, WORDS } from './settings.ts'
import { MIGRATIONS } from './store/migrations.ts'
import { writeNewActor } from './store/rows.ts'

/** One of manager.ts's dialects. */
export const actorsDialect: Dialect = {
  name: 'actors',
  owns: (url) => /^\/actors(\/|\?|$)/.test(url),
  rewrite: rewriteAddress,
  error: actorsErrorForm,
  settings: ActorsSettings.properties,
  loopbackOnlySetting: 'actorsUnsignedAssertions' satisfies keyof typeof ActorsSettings.properties,
  migrations: MIGRATIONS,
  sideRows: { actor: writeNewActor },
  words: WORDS,
  open(context) {
    const registry = new Registry(context)
    const mailbox = new Mailbox(context, registry)
    const lifecycle = new Lifecycle(context, registry, mailbox)
    const workers = new ActorWorkers(context, registry)
    const events = new Events(context, registry, mailbox)
    const upkeep = new Upkeep({ context, registry, mailbox, lifecycle, workers, events })
    const handOut = actorHandOut(context, registry, workers)
    let server: FastifyInstance | undefined
    return {
      async register(app) {
        server = app
        await registry.load()
        await workers.load()
        await lifecycle.haltAgain()
        const parts = { api: new Api(app, context, registry), mailbox, lifecycle, workers }
        actorRoutes(parts)
        aliasRoutes(parts)
        configRoutes(parts)
        searchRoutes(parts)
        adminRoutes(parts)
        messageRoutes(parts)
        executionRoutes(parts)
        stateRoutes(parts)
        accessRoutes(parts)
        workerRoutes(parts)
        upkeep.start()
        app.addHook('onClose', () => upkeep.stop())
      },
      outboxHandlers: {
        'actors:task-ended': endingHandler({ context, registry, events, lifecycle, workers }),
        [WEBHOOK_KIND]: webhookHandler(context, () => server),
      },
      handOut: { [ACTOR_KIND]: handOut, [PRIVILEGED_ACTOR_KIND]: handOut },
    }
  },
}
