/**
 * The Colonies dialect: `POST /api` and the WebSocket `/pubsub`, on a listener of its own. Messages, their states and
 * every deliberate difference are documented in docs/colonies-api.md.
 */
import type { ServerContext } from '../../http/context.ts'
import type { Dialect } from '../../http/dialect.ts'
import { Calls } from './calls.ts'
import { idOfPrivateKey, newPrivateKey } from './crypto/signatures.ts'
import { Recovery } from './crypto/recovery.ts'
import { Verifier } from './crypto/verifier.ts'
import { BodyBudget } from './endpoint/budget.ts'
import { httpRoutes } from './endpoint/http.ts'
import { OwnListener } from './endpoint/listener.ts'
import { socketRoutes } from './endpoint/sockets.ts'
import { nativeRoutes } from './native/routes.ts'
import { openService, type Service } from './service.ts'
import { openS3 } from './s3/index.ts'
import { Upkeep } from './upkeep.ts'
import { ColoniesSettings, WORDS } from './settings.ts'
import { MIGRATIONS } from './store/migrations.ts'
import { recordCronRun, recordUsedPacks, type CronRun, type UsedPacks } from './store/plans.ts'
import { SHARED_PROCESSES, writeProcesses, type NewProcesses } from './store/processes.ts'
import { writeSharedJob, type NewSharedJob } from './store/sharedJobs.ts'
import { coloniesError } from './wire/errors.ts'

const ADDRESSES = /^\/(api|health|pubsub)(\?|$)/

/** One of manager.ts's dialects. */
export const coloniesDialect: Dialect = {
  name: 'colonies',
  owns: (url) => ADDRESSES.test(url),
  error: coloniesError,
  settings: ColoniesSettings.properties,
  ownerKey: {
    setting: 'coloniesServerId',
    make: () => {
      const secret = newPrivateKey()
      return { secret, value: idOfPrivateKey(secret) }
    },
  },
  migrations: MIGRATIONS,
  // Only this dialect creates such rows.
  sideRows: {
    'colonies-job': (tx, place, values) => writeSharedJob(tx, place, values as NewSharedJob),
    colonies: (tx, place, values) => writeProcesses(tx, place, values as NewProcesses),
    'colonies-cron': (tx, place, values) => recordCronRun(tx, place, values as CronRun),
    'colonies-packs': (tx, _place, values) => recordUsedPacks(tx, values as UsedPacks),
  },
  appendedRows: { 'colonies-process': SHARED_PROCESSES },
  words: WORDS,
  open(context) {
    let opening: Promise<Opened> | undefined
    const opened = (): Promise<Opened> => (opening ??= openDialect(context))
    return {
      async register(app) {
        const { service, calls, recovery } = await opened()
        // Before the dialect's own parser of bodies is installed: these routes read JSON.
        await (await openS3(service)).register(app, context.coloniesDevKeys)
        const listener = new OwnListener(app, context, context.coloniesDevKeys, () => service.owner.isOn)
        httpRoutes(app, { service, calls, budget: new BodyBudget() })
        const unfollow = context.settings.onChange(() => void listener.follow())
        const upkeep = new Upkeep(service)
        app.addHook('onReady', async () => {
          upkeep.start()
          await listener.follow()
        })
        app.addHook('preClose', async () => {
          unfollow()
          service.watching.stop()
          await Promise.all([upkeep.stop(), listener.close()])
        })
        app.addHook('onClose', () => {
          recovery.close()
        })
      },
      sockets: async (app) => socketRoutes(app, await opened()),
      native: async (app) => nativeRoutes(app, (await opened()).service),
    }
  },
}

interface Opened {
  service: Service
  calls: Calls
  recovery: Recovery
}

async function openDialect(context: ServerContext): Promise<Opened> {
  const service = await openService(context)
  const recovery = new Recovery((error) =>
    context.log.error({ err: error }, 'the thread that checks signatures ended; the main one does it'),
  )
  return { service, calls: new Calls(service, new Verifier(recovery), context.coloniesDevKeys), recovery }
}
