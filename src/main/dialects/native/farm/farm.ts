/** The farm as a whole: version, status, the dashboard's overview, statistics, audit log. */
import { getVersion, getStatus, getOverview, getStatistics, listAudit } from '../../../../shared/operations/farm/farm.ts'
import { WORKER_STATUSES } from '../../../../shared/enums.ts'
import type { Status } from '../../../../shared/schemas/farm.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'
import { pageOfAudit } from '../../../store/queries/farm/audit.ts'
import { countFramesSince } from '../../../store/queries/tasks/frames.ts'
import { countJobs } from '../../../store/queries/jobs/jobCounts.ts'
import { time } from '../../../store/queries/format.ts'
import { FarmHistory, HOUR_MS } from '../../../store/queries/farm/history.ts'
import { readStatistics, type Span } from '../../../store/queries/farm/statistics.ts'
import type { ServerContext } from '../../../http/context.ts'
import type { NativeApp } from '../common.ts'
import { readOverview } from './overview.ts'
import { sharedFor } from './sharedReply.ts'

const DAY_MS = 24 * HOUR_MS
const MAX_BUCKETS = 1_000
/** Every open page requests these after each change. */
const STATUS_FRESH_MS = 250
const OVERVIEW_FRESH_MS = 1_000

export function farmRoutes(app: NativeApp, context: ServerContext): void {
  const startedAt = context.now()

  app.route({ ...getVersion, handler: () => ({ name: context.settings.current().managerName, version: context.version }) })

  const history = new FarmHistory(context.read, context.now)
  const status = sharedFor(STATUS_FRESH_MS, readStatus)
  const overview = sharedFor(OVERVIEW_FRESH_MS, async () => readOverview(context, history, await status()))

  async function readStatus(): Promise<Status> {
    const now = context.now()
    const [counts, framesLastHour] = await Promise.all([countJobs(context.read), countFramesSince(context.read, now - HOUR_MS)])
    const workers = context.farm.workers.all()
    const { managerName, openToLan } = context.settings.current()
    return {
      version: context.version,
      managerName,
      farm: context.farm.status(),
      now: time(now),
      startedAt: time(startedAt),
      ...counts,
      workers: Object.fromEntries(WORKER_STATUSES.map((word) => [word, workers.filter((worker) => worker.status === word).length])),
      pendingWorkers: workers.filter((worker) => worker.approvedAt === null).length,
      framesLastHour,
      openToLan,
      faults: context.faults.list(),
    }
  }

  app.route({ ...getStatus, handler: status })

  app.route({ ...getOverview, handler: overview })

  app.route({ ...getStatistics, handler: ({ query }) => readStatistics(context.read, history, spanOf(query, context.now())) })

  app.route({ ...listAudit, handler: ({ query }) => pageOfAudit(context.read, query) })
}

/** Aligned to whole buckets, so that the same hour is the same bucket in every reply. @throws InvalidInputError */
function spanOf(query: { since?: string; until?: string; bucket?: 'hour' | 'day' }, now: number): Span {
  const until = query.until === undefined ? now : Date.parse(query.until)
  const since = query.since === undefined ? until - DAY_MS : Date.parse(query.since)
  if (since >= until) throw new InvalidInputError('since', 'since must be before until')
  const bucketMs = (query.bucket ?? (until - since > 8 * DAY_MS ? 'day' : 'hour')) === 'day' ? DAY_MS : HOUR_MS
  const first = Math.floor(since / bucketMs) * bucketMs
  if ((until - first) / bucketMs > MAX_BUCKETS)
    throw new InvalidInputError('bucket', `the span has more than ${MAX_BUCKETS} buckets; use days or a shorter span`)
  return { since: first, until, bucketMs }
}
