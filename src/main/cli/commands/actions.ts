/** `framehouse cancel|pause|resume|requeue|delete|undelete ID`: what can be done to a job, and partly to a task. */
import { isUuid } from '../../../shared/ids.ts'
import type { JobAction, TaskAction } from '../../../shared/schemas/job.ts'
import { CLIENT_OPTIONS, makeClient } from '../clientOptions.ts'
import { defineCommand, type Command } from '../command.ts'
import { CliError, EXIT } from '../errors.ts'
import { resolveJobId, taskId } from '../ids.ts'
import { flag } from '../options.ts'
import { printJson } from '../output.ts'

interface Action {
  job: JobAction
  /** The same for a single task, where there is such a thing. */
  task?: TaskAction
  summary: string
}

const ACTIONS: readonly Action[] = [
  { job: 'cancel', task: 'cancel', summary: 'stop a job (or task) for good; what runs is ended' },
  { job: 'pause', summary: 'hand out no more tasks of a job; what runs goes on' },
  { job: 'resume', summary: 'hand out tasks of a paused job again' },
  { job: 'requeue', task: 'requeue', summary: 'run a job (or task, and what depends on it) again' },
  { job: 'delete', summary: 'delete a job; "undelete" brings it back for a while' },
  { job: 'undelete', summary: 'bring a deleted job back' },
]

export const actions: readonly Command[] = [
  ...ACTIONS.map(action),
  defineCommand({
    path: ['skip'],
    summary: 'count a task as completed without running it',
    positionals: [{ name: 'TASK', help: 'id of the task' }],
    options: CLIENT_OPTIONS,
    async run(context, { options, words, json }) {
      const id = taskId(words[0] ?? '')
      const client = makeClient(context, options)
      await client.actOnTask(id, 'skip')
      if (json) printJson(context.terminal, await client.task(id))
      return EXIT.done
    },
  }),
]

function action({ job, task, summary }: Action): Command {
  return defineCommand({
    path: [job],
    summary,
    positionals: [{ name: 'ID', help: task ? 'id of a job or task' : 'id of a job', rest: true, completes: 'job' }],
    options: {
      ...(job === 'requeue'
        ? {
            failed: flag('only what failed or was cancelled, and what depends on it'),
            elsewhere: flag('a task only: not on the worker that ran it last'),
          }
        : {}),
      ...CLIENT_OPTIONS,
    },
    async run(context, { options, words, json }) {
      const client = makeClient(context, options)
      const wanted: JobAction = job === 'requeue' && options.failed === true ? 'requeue-failed' : job
      const results: unknown[] = []
      for (const word of words) {
        const id = await resolveJobId(client, word, job === 'undelete')
        if (options.elsewhere === true) {
          await client.actOnTask(id, 'requeue-elsewhere')
          results.push(json ? await client.task(id) : { id, action: 'requeue-elsewhere' })
          continue
        }
        try {
          await client.actOnJob(id, wanted)
          results.push(json && job !== 'delete' ? await client.job(id) : { id, action: wanted })
        } catch (error) {
          // Jobs and tasks have ids of one shape, so what is no job may be a task.
          const mayBeTask = task && wanted !== 'requeue-failed' && isUuid(word)
          if (!mayBeTask || !(error instanceof CliError) || error.exitCode !== EXIT.notFound) throw error
          await client.actOnTask(id, task).catch((problem: unknown) => {
            if (!(problem instanceof CliError) || problem.exitCode !== EXIT.notFound) throw problem
            throw new CliError(EXIT.notFound, `no job or task "${id}" found`, 'not-found')
          })
          results.push(json ? await client.task(id) : { id, action: task })
        }
      }
      if (json) printJson(context.terminal, results.length === 1 ? results[0] : results)
      return EXIT.done
    },
  })
}
