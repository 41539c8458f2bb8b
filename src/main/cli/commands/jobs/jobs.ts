/** `framehouse jobs`: the list. */
import { JOB_STATUSES } from '../../../../shared/enums.ts'
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import { defineCommand } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { ago, ratio } from '../../output/format.ts'
import { choiceList, flag, integer, text, withDefault } from '../../parsing/options.ts'
import { printJson, printTable } from '../../output/output.ts'

export const jobs = defineCommand({
  path: ['jobs'],
  summary: 'list jobs, the newest first',
  options: {
    status: choiceList(JOB_STATUSES, 'only jobs in one of these states'),
    search: text('TEXT', 'only jobs with this text in their name, type, owner or project'),
    type: text('TYPE', 'only jobs of this type', { completes: 'job-type' }),
    warnings: flag('only jobs that have warnings'),
    deleted: flag('list the deleted jobs that "framehouse undelete" can restore instead'),
    limit: withDefault(50, '50', integer('N', 'at most this many', { min: 1, max: 1000 })),
    ...CLIENT_OPTIONS,
  },
  async run(context, { options, json }) {
    const client = makeClient(context, options)
    const page = await client.jobs({
      status: options.status.length ? options.status.join(',') : undefined,
      q: options.search,
      type: options.type,
      limit: options.limit,
      ...(options.warnings === true ? { warnings: 'true' } : {}),
      ...(options.deleted === true ? { deleted: 'true' } : {}),
    })
    if (json) {
      printJson(context.terminal, page.items)
      return EXIT.done
    }
    const now = context.now()
    printTable(
      context.terminal,
      [
        { title: 'ID', value: (job) => job.id.slice(0, 8) },
        { title: 'STATUS', value: (job) => job.restsAs ?? job.status, state: true },
        { title: 'NAME', value: (job) => job.name, shrinks: true },
        { title: 'TYPE', value: (job) => job.type, shrinks: true },
        { title: 'TASKS', value: (job) => ratio(job.counts.completed, job.counts.total), align: 'right' },
        { title: 'WARN', value: (job) => (job.warningCount > 0 ? String(job.warningCount) : ''), align: 'right' },
        { title: 'PRIO', value: (job) => String(job.priority), align: 'right' },
        { title: 'SUBMITTED', value: (job) => ago(job.createdAt, now) },
      ],
      page.items,
    )
    const more = page.total - page.items.length
    if (more > 0) context.terminal.err(`… and ${more} more; show them with --limit, or narrow the list with --status or --search.\n`)
    return EXIT.done
  },
})
