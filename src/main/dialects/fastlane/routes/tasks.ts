/** Lists of tasks, search, a task with its jobs (protocol 2.4, 2.5, 2.8). */
import { Type } from 'typebox'
import { HttpError } from '../../../http/errors.ts'
import { jobsOfFastlaneTask, listFastlaneTasks, searchFastlaneTasks, type FastlaneTaskRow } from '../store/queries.ts'
import { OperationError } from '../errors.ts'
import type { Routes } from '../paths.ts'
import { searchQuery } from '../search.ts'
import { sendJson, urlsFor, type Parts, type TaskParams } from '../support.ts'
import { wireTime } from '../values.ts'
import { FastlaneSettings } from '../settings.ts'

const Query = Type.Object({ page: Type.Optional(Type.String()), query: Type.Optional(Type.String()) })

export function taskRoutes(routes: Routes, { context }: Parts): void {
  routes.get('/tasks/', { operationId: 'getTasks', querystring: Query }, async (request, reply) => {
    const { page } = request.query as { page?: string }
    const urls = urlsFor(request, context)
    const result = await pageOf(page, context.settings.of(FastlaneSettings).fastlanePageSize, (offset, limit) =>
      listFastlaneTasks(context.read, offset, limit),
    )
    return sendJson(
      reply,
      pageView(
        result,
        (row) => urls.task(row.name),
        (number) => `${urls.tasks()}?page=${number}`,
      ),
    )
  })

  routes.get('/search/', { operationId: 'searchTasks', querystring: Query }, async (request, reply) => {
    const { page, query } = request.query as { page?: string; query?: string }
    if (query === undefined || query === '') throw new OperationError(400, 'search_tasks', 'The query param is required.')
    const urls = urlsFor(request, context)
    const match = searchQuery(query)
    const result = await pageOf(page, context.settings.of(FastlaneSettings).fastlanePageSize, (offset, limit) =>
      match === undefined ? Promise.resolve({ rows: [], total: 0 }) : searchFastlaneTasks(context.read, match, offset, limit),
    )
    const base = `${urls.tasks().slice(0, -'tasks/'.length)}search/?query=${encodeURIComponent(query)}`
    return sendJson(
      reply,
      pageView(
        result,
        (row) => urls.task(row.name),
        (number) => `${base}&page=${number}`,
      ),
    )
  })

  routes.get('/tasks/:task/', { operationId: 'getTask' }, async (request, reply) => {
    const { task } = request.params as TaskParams
    const jobs = await jobsOfFastlaneTask(context.read, task)
    if (!jobs) throw new OperationError(404, 'get_task', 'Task not found.')
    const urls = urlsFor(request, context)
    return sendJson(reply, {
      jobs: jobs.map(({ clientId, createdAt }) => ({ createdAt: wireTime(createdAt), id: clientId, url: urls.job(task, clientId) })),
      taskId: task,
    })
  })
}

interface Page {
  page: number
  perPage: number
  total: number
  rows: FastlaneTaskRow[]
}

/** @throws OperationError for an invalid page number; HttpError 404 beyond the last page */
async function pageOf(
  text: string | undefined,
  perPage: number,
  load: (offset: number, limit: number) => Promise<{ rows: FastlaneTaskRow[]; total: number }>,
): Promise<Page> {
  const page = text === undefined || text === '' ? 1 : /^\d{1,15}$/.test(text) ? Number(text) : 0
  if (page < 1) throw new OperationError(400, 'get_tasks', 'Tasks pagination page param should be a positive integer.')
  const { rows, total } = await load((page - 1) * perPage, perPage)
  if (rows.length === 0 && page !== 1) throw new HttpError({ status: 404, code: 'not-found', message: `there is no page ${page}` })
  return { page, perPage, total, rows }
}

function pageView({ page, perPage, total, rows }: Page, urlOf: (row: FastlaneTaskRow) => string, pageUrl: (page: number) => string) {
  const pages = Math.ceil(total / perPage)
  const hasNext = page < pages
  const hasPrev = page > 1
  return {
    hasNext,
    hasPrev,
    items: rows.map((row) => ({
      createdAt: wireTime(row.createdAt),
      jobsCount: row.jobsCount,
      lastModifiedAt: wireTime(row.modifiedAt),
      taskId: row.name,
      url: urlOf(row),
    })),
    nextUrl: hasNext ? pageUrl(page + 1) : null,
    page,
    pages,
    perPage,
    prevUrl: hasPrev ? pageUrl(page - 1) : null,
    total,
  }
}
