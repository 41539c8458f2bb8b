/** Health, farm status, blacklist of hosts (protocol 2.1, 2.2, 2.15). */
import { containerOfActivity } from '../../../../shared/schemas/container.ts'
import { fastlaneCounts, fastlaneJobsByPublicIds, fastlaneMessages, runningContainers } from '../store/queries.ts'
import { sendHealth } from '../health.ts'
import { TextError } from '../errors.ts'
import { enginesOf, hostKey, hostViews } from '../hosts.ts'
import type { Routes } from '../paths.ts'
import { parseBody } from '../payload.ts'
import { reference, sendJson, urlsFor, type Parts } from '../support.ts'
import { isHostText, wireTime } from '../values.ts'
import { jobView, splitHost } from '../views.ts'
import type { FastifyInstance, FastifyRequest } from 'fastify'

export function healthRoutes(app: FastifyInstance, { context }: Parts): void {
  for (const url of ['/healthcheck', '/healthcheck/']) {
    app.get(url, { config: { access: 'public' }, schema: { hide: true } }, (_request, reply) => sendHealth(context, reply))
  }
}

export function farmRoutes(routes: Routes, { context, jobs }: Parts): void {
  const { read, farm, settings, now } = context

  routes.get('/status/', { operationId: 'status' }, async (request, reply) => {
    const at = now()
    const urls = urlsFor(request, context)
    const { dockerBlacklist } = settings.current()
    const schedules = farm.schedules.list().filter(({ origin, state }) => origin === 'fastlane' && state === 'active')
    const nextOf = new Map(
      schedules.flatMap(({ clientId, nextAt }) => (clientId === null || nextAt === null ? [] : [[clientId, nextAt] as const])),
    )
    const [counts, messages, cronJobs, containers] = await Promise.all([
      fastlaneCounts(read, at),
      fastlaneMessages(read, at),
      fastlaneJobsByPublicIds(read, [...nextOf.keys()]),
      runningContainers(read),
    ])
    const due = (kind: string): number => messages.find((message) => message.kind === kind)?.due ?? 0
    const moments = [...nextOf.values(), ...messages.map(({ nextAt }) => nextAt), counts.nextAt].filter((moment) => moment !== null)
    const next = moments.length === 0 ? null : Math.min(...moments)
    const workers = new Map(farm.workers.all().map((worker) => [worker.id, worker]))
    return sendJson(reply, {
      containers: {
        running: containers.flatMap(({ workerId, activity, containerId, host }) => {
          const running = containerOfActivity(activity)
          const engine = running?.host ?? host ?? enginesOf(workers.get(workerId) ?? { capabilities: {} })[0]?.host
          if (engine === undefined || dockerBlacklist.includes(hostKey(engine)) || /pulling /.test(activity)) return []
          return [{ ...splitHost(engine), id: running?.id ?? containerId ?? '' }]
        }),
      },
      fastlane: { executor: 'framehouse', version: context.version },
      hosts: hostViews(farm.workers.all(), dockerBlacklist),
      jobs: {
        count: counts.jobs,
        scheduled: cronJobs.map((job) => {
          const { taskId: _, ...view } = jobView(job, jobs.scheduleOf(job) !== undefined, settings.current())
          const url = urls.job(job.task, job.clientId)
          return {
            ...view,
            nextScheduledAt: wireTime(nextOf.get(job.publicId) ?? at),
            stopUrl: `${url}stop/`,
            task: reference(job.task, urls.task(job.task)),
            url,
          }
        }),
      },
      queues: {
        jobs: { length: counts.ready },
        monitor: { length: due('fastlane:task-ended') },
        notify: { length: due('mail') },
        scheduled: {
          length: counts.delayed + nextOf.size + messages.reduce((sum, { later }) => sum + later, 0),
          nextHumanReadableDate: next === null ? null : wireTime(next),
          nextTimeStamp: next === null ? null : next / 1000,
        },
        webhooks: { length: due('fastlane:webhook') },
      },
      tasks: { count: counts.tasks },
    })
  })

  const known = (): string[] => farm.workers.all().flatMap((worker) => enginesOf(worker).map(({ host }) => hostKey(host)))

  async function change(request: FastifyRequest, verb: 'add' | 'remove'): Promise<void> {
    const host = hostOf(request, verb, known())
    const others = settings.current().dockerBlacklist.filter((each) => each !== host)
    await settings.update({ dockerBlacklist: verb === 'add' ? [...others, host] : others })
    request.audited = { kind: 'docker-host', id: host, detail: null }
  }

  routes.change(
    ['POST', 'PUT'],
    '/docker-executor/blacklist',
    { operationId: 'blacklistHost', access: 'admin' },
    async (request, reply) => {
      await change(request, 'add')
      return reply.type('text/plain; charset=utf-8').send('')
    },
  )
  routes.change(['DELETE'], '/docker-executor/blacklist', { operationId: 'unblacklistHost', access: 'admin' }, async (request, reply) => {
    await change(request, 'remove')
    return reply.type('text/plain; charset=utf-8').send('')
  })
}

/** @throws TextError with the original's wording, errors included */
function hostOf(request: FastifyRequest, verb: 'add' | 'remove', known: string[]): string {
  const start = verb === 'add' ? 'Failed to add host to blacklist' : 'Failed to remove host from blacklist'
  let body: unknown
  try {
    body = parseBody(request.body)
  } catch {
    body = undefined
  }
  if (typeof body !== 'object' || body === null) throw new TextError(`${start} because JSON body could not be parsed.`)
  const host = 'host' in body ? body.host : undefined
  if (host === undefined || host === null || host === '')
    throw new TextError(`${start} because 'host' attribute was not found in JSON body.`)
  if (typeof host !== 'string' || host.length > 300 || !isHostText(host, known)) {
    throw new TextError(`Failed to ${verb} host to blacklist because 'host' attribute had an invalid value.`)
  }
  return host
}
