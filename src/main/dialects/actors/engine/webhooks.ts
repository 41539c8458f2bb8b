/** Delivers webhooks: to other servers by the farm's rules; to actors of this manager from inside, without a connection. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { FastifyInstance } from 'fastify'
import type { ServerContext } from '../../../http/context.ts'
import type { Delivered, Handler } from '../../../notify/deliveries.ts'
import { messageOf, webhookTarget } from '../../../notify/notifier.ts'

const Call = Type.Object({ url: Type.String(), body: Type.String() })
/** Abaco calls once; a server that is being restarted still gets the event. */
const WAITS_MS = [5_000, 30_000]
/** An address of the documentation range: a call from inside does not come from a trusted machine. */
const NOWHERE = '192.0.2.1'

export function webhookHandler(context: ServerContext, app: () => FastifyInstance | undefined): Handler {
  return {
    targetOf: (payload) => webhookTarget(Value.Parse(Call, payload).url),
    async handle({ payload, tries }): Promise<Delivered> {
      const { url, body } = Value.Parse(Call, payload)
      try {
        const status = (await inside(context, app(), url, body)) ?? (await outside(context, url, body))
        if (status < 400) return {}
        return status < 500 ? { error: `${url} answered with status ${status}` } : again(tries, `${url} answered with status ${status}`)
      } catch (error) {
        return again(tries, `${url}: ${messageOf(error)}`)
      }
    },
  }
}

function again(tries: number, error: string): Delivered {
  const retryInMs = WAITS_MS[tries]
  return retryInMs === undefined ? { error } : { error, retryInMs }
}

async function outside({ notifier }: ServerContext, url: string, body: string): Promise<number> {
  return (await notifier.call({ url, method: 'POST', headers: { 'content-type': 'application/json' }, body })).status
}

/** The status of the reply; undefined when the address is not a mailbox of this manager. */
async function inside(context: ServerContext, app: FastifyInstance | undefined, url: string, body: string): Promise<number | undefined> {
  const address = new URL(url)
  if (!app || !/^\/+actors\/.*\/messages\/?$/.test(address.pathname) || !isOwn(context, address)) return undefined
  const reply = await app.inject({
    method: 'POST',
    url: address.pathname + address.search,
    headers: { host: address.host, 'content-type': 'application/json' },
    payload: body,
    remoteAddress: NOWHERE,
  })
  return reply.statusCode
}

function isOwn({ settings, security, listeners }: ServerContext, address: URL): boolean {
  const { publicUrl } = settings.current()
  if (publicUrl !== '' && URL.canParse(publicUrl) && new URL(publicUrl).origin === address.origin) return true
  const port = Number(address.port || (address.protocol === 'https:' ? 443 : 80))
  return listeners.list().some((own) => own.port === port) && security.hosts.allows(address.host)
}
