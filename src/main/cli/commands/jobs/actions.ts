/** `framehouse cancel|pause|resume|requeue|delete|undelete ID`: actions on a job, and some of them on a task. */
import { FrameRangeError, listFrames } from '../../../../shared/frames/frameRange.ts'
import { isUuid } from '../../../../shared/ids.ts'
import type { JobAction } from '../../../../shared/schemas/jobs/job.ts'
import type { TaskAction } from '../../../../shared/schemas/jobs/task.ts'
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import { defineCommand, type Command } from '../../parsing/command.ts'
import { CliError, EXIT, UsageError } from '../../errors.ts'
import { resolveJobId, taskId } from '../../client/ids.ts'
import { flag, size, text } from '../../parsing/options.ts'
import { printJson } from '../../output/output.ts'

interface Action {
  job: JobAction
  /** The corresponding action on a single task, if there is one. */
  task?: TaskAction
  summary: string
}

const ACTIONS: readonly Action[] = [
  { job: 'cancel', task: 'cancel', summary: 'cancel a job (or task) and stop what is running' },
  { job: 'pause', summary: 'pause a job; running tasks continue' },
  { job: 'resume', summary: 'resume a paused job' },
  { job: 'requeue', task: 'requeue', summary: 'requeue a job (or a task and what depends on it)' },
  { job: 'delete', summary: 'delete a job; "undelete" can restore it for a while' },
  { job: 'undelete', summary: 'restore a deleted job' },
]

export const actions: readonly Command[] = [
  ...ACTIONS.map(action),
  defineCommand({
    path: ['skip'],
    summary: 'mark a task as completed without running it',
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
            failed: flag('only tasks that failed or were cancelled, and what depends on them'),
            elsewhere: flag('tasks only: exclude the worker that ran it last'),
            frames: text('FRAMES', 'only these frames, e.g. 5,7 or 10-19; keep the others'),
            'keep-whole-frames': flag('keep complete existing files, whatever created them'),
            'replace-frames': flag('render all frames again, even if the job keeps existing frames'),
            'max-log': size('SIZE', 'end a task of the job when its log reaches this size from now on, e.g. 200MB; 0: no limit'),
          }
        : {}),
      ...CLIENT_OPTIONS,
    },
    async run(context, { options, words, json }) {
      const client = makeClient(context, options)
      const wanted: JobAction = job === 'requeue' && options.failed === true ? 'requeue-failed' : job
      const choices = choicesOf(options)
      const results: unknown[] = []
      for (const word of words) {
        const id = await resolveJobId(client, word, job === 'undelete')
        if (options['max-log'] !== undefined) await client.changePolicy(id, { maxLogBytes: options['max-log'] })
        if (options.elsewhere === true) {
          await client.actOnTask(id, 'requeue-elsewhere', choices)
          results.push(json ? await client.task(id) : { id, action: 'requeue-elsewhere' })
          continue
        }
        try {
          await client.actOnJob(id, wanted, choices)
          results.push(json && job !== 'delete' ? await client.job(id) : { id, action: wanted })
        } catch (error) {
          // Jobs and tasks have ids of the same form, so what is not a job may be a task.
          const mayBeTask = task && wanted !== 'requeue-failed' && isUuid(word)
          if (!mayBeTask || !(error instanceof CliError) || error.exitCode !== EXIT.notFound) throw error
          await client.actOnTask(id, task, choices).catch((problem: unknown) => {
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

/** The options of a requeue. @throws UsageError */
function choicesOf(options: { frames?: string; 'keep-whole-frames'?: boolean; 'replace-frames'?: boolean }): {
  frames?: number[]
  keepWholeFrames?: boolean
} {
  const keeps = options['keep-whole-frames'] === true
  const replaces = options['replace-frames'] === true
  if (keeps && replaces) {
    throw new UsageError('--keep-whole-frames and --replace-frames cannot be combined', '--replace-frames', ['requeue'])
  }
  return {
    ...(options.frames !== undefined && { frames: framesOf(options.frames) }),
    ...((keeps || replaces) && { keepWholeFrames: keeps }),
  }
}

function framesOf(text: string): number[] {
  try {
    return listFrames(text, 100_000)
  } catch (error) {
    if (error instanceof FrameRangeError) throw new UsageError(`--frames: ${error.message}`, '--frames', ['requeue'])
    throw error
  }
}
