/** `framehouse job ID`: one job with its tasks. */
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import type { Client, Job, TaskSummary } from '../../client/client.ts'
import { defineCommand } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { ago, duration } from '../../output/format.ts'
import { resolveJobId } from '../../client/ids.ts'
import { integer, withDefault } from '../../parsing/options.ts'
import { printFacts, printJson, printTable } from '../../output/output.ts'
import type { Terminal } from '../../output/terminal.ts'
import { failureReasons } from '../../client/watch.ts'
import { statusWords, warningLines } from '../../output/warnings.ts'
import { plural } from '../../../../shared/text/plural.ts'

export const job = defineCommand({
  path: ['job'],
  summary: 'show one job and its tasks',
  details: 'ID is a job\'s id, a prefix of it, or the word "last" for the newest job.',
  positionals: [{ name: 'ID', help: 'the job', completes: 'job' }],
  options: {
    tasks: withDefault(20, '20', integer('N', 'show at most this many tasks', { min: 0, max: 1000 })),
    ...CLIENT_OPTIONS,
  },
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const found = await client.job(await resolveJobId(client, words[0] ?? ''))
    const tasks = options.tasks > 0 ? (await client.tasks(found.id, { limit: options.tasks })).items : []
    if (json) {
      const warnings = found.warningCount > 0 ? (await client.warnings(found.id, 1000)).items : []
      printJson(context.terminal, { ...found, tasks, warnings })
      return EXIT.done
    }
    printJob(context.terminal, found, context.now())
    if (tasks.length) {
      context.terminal.out('\n')
      printTasks(context.terminal, tasks)
      const more = found.counts.total - tasks.length
      if (more > 0) context.terminal.err(`… and ${plural(more, 'more task', 'more tasks')}; show them with --tasks.\n`)
    }
    if (found.warningCount > 0) context.terminal.out(`\n${(await warningLines(client, found)).join('\n')}\n`)
    await printWhy(context.terminal, client, found)
    return EXIT.done
  },
})

function printJob(terminal: Terminal, job: Job, now: number): void {
  const { counts } = job
  const states = (['active', 'queued', 'completed', 'failed', 'softFailed', 'paused', 'canceled'] as const)
    .filter((state) => counts[state] > 0)
    .map((state) => `${counts[state]} ${state === 'softFailed' ? 'soft-failed' : state}`)
  printFacts(terminal, [
    ['Job', job.name],
    ['ID', job.id],
    ['Type', job.type],
    ['Status', statusWords(job)],
    ['Activity', job.activity],
    ['Priority', job.priority],
    ['Project', job.project],
    ['Owner', job.owner],
    ['Tasks', `${counts.total}${states.length ? `: ${states.join(', ')}` : ''}`],
    ['Steps', job.steps.total > 0 ? `${job.steps.completed} of ${job.steps.total}` : ''],
    ['Frames', job.frameCount || ''],
    ['Output', job.outputDir],
    ['Submitted', ago(job.createdAt, now)],
    ['Started', ago(job.startedAt, now)],
    ['Finished', ago(job.finishedAt, now)],
    ['Deleted', job.deletedAt !== null ? `${ago(job.deletedAt, now)}; "framehouse undelete" restores it` : ''],
    ['Took', job.startedAt && job.finishedAt ? duration(Date.parse(job.finishedAt) - Date.parse(job.startedAt)) : ''],
    ['Left', job.etaSeconds !== null ? `about ${duration(job.etaSeconds * 1000)}` : ''],
    ['Starts after', job.startAfter],
    ['Waits for', job.dependsOn.map((other) => other.name).join(', ')],
    ['Workers', job.activeWorkers.map((worker) => worker.name).join(', ')],
    ['Blocked', job.blocklist.map((entry) => `${entry.worker.name} (${entry.kind})`).join(', ')],
    ['Settings', Object.entries(job.settings).map(showSetting).join('  ')],
  ])
}

function showSetting([key, value]: [string, unknown]): string {
  return `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`
}

function printTasks(terminal: Terminal, tasks: readonly TaskSummary[]): void {
  printTable(
    terminal,
    [
      { title: 'TASK', value: (task) => task.id },
      { title: 'STATUS', value: (task) => task.status, state: true },
      { title: 'NAME', value: (task) => task.name, shrinks: true },
      { title: 'WORKER', value: (task) => task.worker?.name ?? '', shrinks: true },
      { title: 'STEPS', value: (task) => (task.steps.total > 0 ? `${task.steps.completed}/${task.steps.total}` : ''), align: 'right' },
      { title: 'ACTIVITY', value: (task) => task.activity, shrinks: true },
    ],
    tasks,
  )
}

/** What the user wants to know next: why the job failed, or why it does not progress. */
async function printWhy(terminal: Terminal, client: Client, job: Job): Promise<void> {
  if (job.status === 'failed') {
    terminal.out(`\n${(await failureReasons(client, job)).join('\n')}\n`)
    return
  }
  if (job.counts.active > 0 || job.counts.queued + job.counts.softFailed === 0) return
  const { summary, reasons } = await client.explainJob(job.id)
  terminal.out(`\nWaiting: ${summary}\n`)
  for (const reason of reasons) terminal.out(`  ${reason.message}${reason.advice ? `\n    → ${reason.advice}` : ''}\n`)
}
