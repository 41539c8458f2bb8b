/** `framehouse logs TASK [--follow]`: what an attempt printed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CLIENT_OPTIONS, makeClient } from '../clientOptions.ts'
import type { Client, Task } from '../client.ts'
import { defineCommand, type Context } from '../command.ts'
import { CliError, EXIT } from '../errors.ts'
import { plural } from '../format.ts'
import { flag, integer } from '../options.ts'
import { printJsonLine } from '../output.ts'

const EVERY_MS = 250

export const logs = defineCommand({
  path: ['logs'],
  summary: 'print the log of a task',
  details:
    'Prints the newest attempt, or the one of --attempt. --follow goes on until the attempt ends, and until the next one\n' +
    'does when the task is tried again. With --json every line is a document {"line", "text"}.',
  positionals: [{ name: 'TASK', help: 'id of the task ("framehouse job ID" lists them)' }],
  options: {
    follow: flag('go on printing what is added', { short: 'f' }),
    attempt: integer('N', 'which run of the task, from 1; the newest without it', { min: 1, max: 1_000_000 }),
    ...CLIENT_OPTIONS,
  },
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const id = words[0] ?? ''
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
    const print = json ? jsonLines(context) : (text: string) => context.terminal.out(text)
    for (;;) {
      await printAttempt(client, id, attempt, options.follow, context, print)
      if (!options.follow || options.attempt !== undefined) return EXIT.done
      task = await client.task(id)
      if (task.attempts === attempt) return EXIT.done
      context.terminal.err(`--- attempt ${++attempt} ---\n`)
    }
  },
})

/** Until its end with `follow`, else what is there now. */
async function printAttempt(
  client: Client,
  taskId: string,
  attempt: number,
  follow: boolean,
  context: Context,
  print: (text: string) => void,
): Promise<void> {
  // A piece may end in the middle of a character; the decoder keeps the rest for the next one.
  const decoder = new TextDecoder()
  let from = 0
  for (;;) {
    // Asked before the bytes: what an attempt that has ended printed is then certainly among them.
    const ended = !follow || hasEnded(await client.task(taskId), attempt)
    const piece = await client.log(taskId, attempt, from)
    from = piece.next
    if (piece.bytes.length) print(decoder.decode(piece.bytes, { stream: true }))
    else if (ended) break
    else await pause(context)
  }
  const rest = decoder.decode()
  if (rest) print(rest)
}

function hasEnded(task: Task, attempt: number): boolean {
  return task.attemptList.some((one) => one.number === attempt && one.status !== 'active') || task.attempts > attempt
}

async function waitForAttempt(client: Client, id: string, context: Context): Promise<Task> {
  for (;;) {
    const task = await client.task(id)
    if (task.attempts > 0) return task
    await pause(context)
  }
}

async function pause(context: Context): Promise<void> {
  await sleep(EVERY_MS, undefined, { signal: context.signal }).catch(() => {
    throw new CliError(EXIT.interrupted, 'interrupted', 'interrupted')
  })
}

/** Whole lines as documents; the start of a line waits for its end. */
function jsonLines(context: Context): (text: string) => void {
  let line = 0
  let open = ''
  return (text) => {
    const lines = (open + text).split('\n')
    open = lines.pop() ?? ''
    for (const one of lines) printJsonLine(context.terminal, { line: line++, text: one })
  }
}
