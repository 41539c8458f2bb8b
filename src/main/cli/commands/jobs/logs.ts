/** `framehouse logs TASK [--follow]`: what an attempt printed. */
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import type { Client, Task } from '../../client/client.ts'
import { defineCommand, type Context } from '../../parsing/command.ts'
import { CliError, EXIT } from '../../errors.ts'
import { taskId } from '../../client/ids.ts'
import { flag, integer } from '../../parsing/options.ts'
import { printJsonLine } from '../../output/output.ts'
import { patiently } from '../../client/patience.ts'
import { pause } from '../../client/pause.ts'
import { plural } from '../../../../shared/text/plural.ts'

const EVERY_MS = 250

export const logs = defineCommand({
  path: ['logs'],
  summary: 'print the log of a task',
  details:
    'Prints the newest attempt, or the one given by --attempt. --follow continues until the attempt ends, and then with the next\n' +
    'one if the task is retried immediately; it waits for a manager that restarts meanwhile. With --json every line is a\n' +
    'document {"line", "at", "stream", "text"}.',
  positionals: [{ name: 'TASK', help: 'id of the task ("framehouse job ID" lists them)' }],
  options: {
    follow: flag('keep printing new lines', { short: 'f' }),
    attempt: integer('N', 'number of the attempt, from 1 (default: the newest)', { min: 1, max: 1_000_000 }),
    ...CLIENT_OPTIONS,
  },
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const id = taskId(words[0] ?? '')
    let task = await client.task(id)
    let attempt = options.attempt ?? task.attempts
    if (attempt > task.attempts) {
      const message = `task "${task.name}" has ${plural(task.attempts, 'attempt')}, so there is no attempt ${attempt}`
      throw new CliError(EXIT.notFound, message, 'not-found', '--attempt')
    }
    if (attempt === 0) {
      if (!options.follow) {
        context.terminal.err(`Task "${task.name}" has not run yet. See "framehouse explain ${id}".\n`)
        return EXIT.done
      }
      task = await waitForAttempt(client, id, context)
      attempt = 1
    }
    for (;;) {
      if (json) await printLines(client, id, attempt, options.follow, context)
      else for await (const text of options.follow ? client.followLog(id, attempt) : client.log(id, attempt)) context.terminal.outRaw(text)
      if (!options.follow || options.attempt !== undefined) return EXIT.done
      task = await patiently(() => client.task(id), context)
      if (task.attempts <= attempt) return EXIT.done
      context.terminal.err(`--- attempt ${++attempt} ---\n`)
    }
  },
})

/** With `follow` until the attempt ends, else what is there now. */
async function printLines(client: Client, taskId: string, attempt: number, follow: boolean, context: Context): Promise<void> {
  const asked = <T>(call: () => Promise<T>) => (follow ? patiently(call, context) : call())
  for (let from = 0; ;) {
    // Queried before the lines, so that the complete output of an ended attempt is certain to be among them.
    const ended = !follow || hasEnded(await asked(() => client.task(taskId)), attempt)
    const { lines, total } = await asked(() => client.logLines(taskId, attempt, from))
    for (const line of lines) printJsonLine(context.terminal, line)
    from += lines.length
    if (from < total) continue
    if (ended) return
    await pause(EVERY_MS, context.signal)
  }
}

function hasEnded(task: Task, attempt: number): boolean {
  return task.attemptList.some((one) => one.number === attempt && one.status !== 'active')
}

async function waitForAttempt(client: Client, id: string, context: Context): Promise<Task> {
  for (;;) {
    const task = await patiently(() => client.task(id), context)
    if (task.attempts > 0) return task
    await pause(EVERY_MS, context.signal)
  }
}
