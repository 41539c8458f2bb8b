/** `framehouse workers` and the actions on workers. */
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import type { Worker, WorkerStatusRequest } from '../../client/client.ts'
import { defineCommand, type Command } from '../../parsing/command.ts'
import { EXIT } from '../../errors.ts'
import { ago } from '../../output/format.ts'
import { resolveWorkerId } from '../../client/ids.ts'
import { choice, flag } from '../../parsing/options.ts'
import { printJson, printTable } from '../../output/output.ts'
import { plural } from '../../../../shared/text/plural.ts'

export const workers = defineCommand({
  path: ['workers'],
  summary: 'list the workers',
  options: CLIENT_OPTIONS,
  async run(context, { options, json }) {
    const all = await makeClient(context, options).workers()
    if (json) {
      printJson(context.terminal, all)
      return EXIT.done
    }
    const now = context.now()
    printTable(
      context.terminal,
      [
        { title: 'ID', value: (worker) => worker.id.slice(0, 8) },
        { title: 'NAME', value: (worker) => worker.name, shrinks: true },
        { title: 'STATUS', value: statusText, state: true },
        { title: 'RUNNING', value: runningText, shrinks: true },
        { title: 'SLOTS', value: (worker) => `${worker.running.length}/${worker.capacity}`, align: 'right' },
        { title: 'SOFTWARE', value: (worker) => worker.software, shrinks: true },
        { title: 'ADDRESS', value: (worker) => worker.address },
        { title: 'SEEN', value: (worker) => ago(worker.lastSeenAt, now) },
      ],
      all,
    )
    const waiting = all.filter((worker) => !worker.approved)
    if (waiting.length) context.terminal.err(`${plural(waiting.length, 'worker')} waiting for approval: framehouse workers approve ID\n`)
    for (const { name, signIn } of all) {
      if (signIn)
        context.terminal.err(
          `${signIn.person || 'somebody'} at ${name} asks to sign in: framehouse workers approve ${name} --sign-in artist|viewer\n`,
        )
    }
    for (const { name, approved, folders } of all) {
      const asked = approved ? folders.filter(({ allowed }) => !allowed).map(({ path }) => path) : []
      if (asked.length)
        context.terminal.err(`${name} asks that files it saves may be opened in ${asked.join(', ')}: framehouse workers approve ${name}\n`)
    }
    return EXIT.done
  },
})

export const approveWorker = defineCommand({
  path: ['workers', 'approve'],
  summary: 'approve a pending worker, and allow the folders that it names',
  positionals: [{ name: 'ID', help: 'id of the worker, a prefix of it, or its name', rest: true, completes: 'worker' }],
  options: {
    'sign-in': choice(['viewer', 'artist'], 'also grant the sign-in that the window at its machine asks for'),
    ...CLIENT_OPTIONS,
  },
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const approved: string[] = []
    for (const word of words) {
      const id = await resolveWorkerId(client, word)
      await client.approveWorker(id)
      if (options['sign-in'] !== undefined) await client.grantSignIn(id, options['sign-in'])
      approved.push(id)
    }
    if (json)
      printJson(
        context.terminal,
        (await client.workers()).filter((worker) => approved.includes(worker.id)),
      )
    return EXIT.done
  },
})

const REQUESTS: readonly { word: string; status: WorkerStatusRequest; summary: string }[] = [
  { word: 'sleep', status: 'asleep', summary: 'stop assigning tasks to a worker' },
  { word: 'wake', status: 'awake', summary: 'resume assigning tasks to a worker' },
  { word: 'shutdown', status: 'offline', summary: 'shut down a worker' },
  { word: 'restart', status: 'restart', summary: 'restart a worker' },
]

/** `workers sleep|wake|shutdown|restart NAME` */
export const workerRequests: readonly Command[] = REQUESTS.map(({ word, status, summary }) =>
  defineCommand({
    path: ['workers', word],
    summary,
    positionals: [{ name: 'ID', help: 'id of the worker, a prefix of it, or its name', rest: true, completes: 'worker' }],
    options: { now: flag('requeue its running tasks instead of waiting for them to end'), ...CLIENT_OPTIONS },
    async run(context, { options, words, json }) {
      const client = makeClient(context, options)
      const asked: Worker[] = []
      for (const one of words) asked.push(await client.actOnWorker(await resolveWorkerId(client, one), status, !options.now))
      if (json) printJson(context.terminal, asked)
      return EXIT.done
    },
  }),
)

function statusText(worker: Worker): string {
  if (!worker.approved) return 'waits for approval'
  // The status that an offline worker should have on its return is not worth showing.
  if (worker.status === 'offline' && worker.statusRequested === 'awake') return worker.status
  return worker.statusRequested ? `${worker.status} → ${worker.statusRequested}` : worker.status
}

function runningText(worker: Worker): string {
  return worker.running.map((one) => `${one.jobName}: ${one.taskName}`).join('; ')
}
