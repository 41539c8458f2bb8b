/** `framehouse workers`, and what can be asked of them. */
import { CLIENT_OPTIONS, makeClient } from '../clientOptions.ts'
import type { Worker, WorkerRequest } from '../client.ts'
import { defineCommand, type Command } from '../command.ts'
import { EXIT } from '../errors.ts'
import { ago } from '../format.ts'
import { resolveWorkerId } from '../ids.ts'
import { flag } from '../options.ts'
import { printJson, printTable } from '../output.ts'
import { plural } from '../../../shared/plural.ts'

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
    if (waiting.length) context.terminal.err(`${plural(waiting.length, 'worker')} waiting: framehouse workers approve ID\n`)
    return EXIT.done
  },
})

export const approveWorker = defineCommand({
  path: ['workers', 'approve'],
  summary: 'let a worker that waits for approval in',
  positionals: [{ name: 'ID', help: 'id of the worker, its beginning, or its name', rest: true, completes: 'worker' }],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const approved: string[] = []
    for (const word of words) {
      const id = await resolveWorkerId(client, word)
      await client.approveWorker(id)
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

const REQUESTS: readonly { word: string; status: WorkerRequest; summary: string }[] = [
  { word: 'sleep', status: 'asleep', summary: 'give a worker no more tasks' },
  { word: 'wake', status: 'awake', summary: 'give a sleeping worker tasks again' },
  { word: 'shutdown', status: 'offline', summary: "end a worker's program" },
  { word: 'restart', status: 'restart', summary: "start a worker's program anew, where something does that for it" },
]

/** `workers sleep|wake|shutdown|restart NAME` */
export const workerRequests: readonly Command[] = REQUESTS.map(({ word, status, summary }) =>
  defineCommand({
    path: ['workers', word],
    summary,
    positionals: [{ name: 'ID', help: 'id of the worker, its beginning, or its name', rest: true, completes: 'worker' }],
    options: { now: flag('stop what it runs and give it back, instead of waiting for its end'), ...CLIENT_OPTIONS },
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
  // What it is to be when it comes back is no news of one that is away.
  if (worker.status === 'offline' && worker.statusRequested === 'awake') return worker.status
  return worker.statusRequested ? `${worker.status} → ${worker.statusRequested}` : worker.status
}

function runningText(worker: Worker): string {
  return worker.running.map((one) => `${one.jobName}: ${one.taskName}`).join('; ')
}
