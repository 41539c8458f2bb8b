/** /jobs/{id}/results: what a job saved, for people: a list that grows, single files, and all of them as a zip file. */
import { getResult, getResultsZip, listResults } from '../../../../shared/operations/jobs/results.ts'
import { taskPublicId } from '../../../../shared/ids.ts'
import { safeName } from '../../../../shared/paths/jobPaths.ts'
import type { ResultFile } from '../../../../shared/schemas/jobs/content.ts'
import { basename } from 'node:path'
import { JobFiles, zipOf } from '../../../files/results/jobFiles.ts'
import { time } from '../../../store/queries/format.ts'
import type { ServerContext } from '../../../http/context.ts'
import { requireJob, type NativeApp } from '../common.ts'
import { userContentHeaders } from './userContent.ts'

const OCTETS = 'application/octet-stream'

export function resultRoutes(app: NativeApp, context: ServerContext): void {
  const files = new JobFiles(context)

  app.route({
    ...listResults,
    handler: async ({ params, query }) => {
      const job = await requireJob(context, params.jobId)
      const { after = 0, limit = 1000 } = query
      const [page, about] = await Promise.all([files.page(job.id, after, limit), files.about(job.id)])
      const items = page.items.map(({ path, bytes, sha256, taskIndex, seq, at }): ResultFile => ({
        path,
        bytes,
        sha256,
        taskId: taskPublicId(job.publicId, taskIndex),
        seq,
        at: time(at),
      }))
      return { ...about, items, next: items.at(-1)?.seq ?? after, more: page.more }
    },
  })

  app.route({
    ...getResult,
    handler: async ({ params, query }, reply) => {
      const job = await requireJob(context, params.jobId)
      const { file, bytes } = await files.open(job.id, query.path)
      return reply
        .headers(userContentHeaders(OCTETS))
        .header('content-disposition', attachment(basename(query.path)))
        .header('content-length', bytes)
        .send(file.createReadStream())
    },
  })

  app.route({
    ...getResultsZip,
    handler: async ({ params }, reply) => {
      const job = await requireJob(context, params.jobId)
      const name = await files.nameOf(job.id)
      return reply
        .headers(userContentHeaders('application/zip'))
        .header('content-disposition', attachment(`${safeName(name)}.zip`))
        .send(zipOf(files, job.id, (error) => context.log.warn({ err: error, job: job.publicId }, 'a zip file of results broke off')))
    },
  })
}

const attachment = (name: string): string => `attachment; filename*=UTF-8''${encodeURIComponent(name)}`
