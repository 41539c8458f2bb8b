/** `framehouse demo`: a farm in one terminal: a manager, a worker and a job that needs neither Blender nor Docker. */
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { DEFAULT_HOST, DEFAULT_PORT, nextFreePort, type Address } from '../../services/address.ts'
import { Client, type Job } from '../../client/client.ts'
import { defineCommand, type Context } from '../../parsing/command.ts'
import { FailedError } from '../../errors.ts'
import { duration } from '../../output/format.ts'
import { connection } from '../../client/http.ts'
import { makeLogger } from '../../services/logger.ts'
import { openManager } from '../../services/managerService.ts'
import { flag, integer, text } from '../../parsing/options.ts'
import { printJson } from '../../output/output.ts'
import { platformName } from '../../services/platform.ts'
import { baseFolder, listenAddress, stopAsked } from '../../parsing/serviceOptions.ts'
import { failureReasons, watchJob } from '../../client/watch.ts'
import { superviseWorker } from '../../services/workerService.ts'
import { plural } from '../../../../shared/text/plural.ts'

const JOB_TYPE = 'demo-render'

export const demo = defineCommand({
  path: ['demo'],
  summary: 'start a small farm and render an animation on it',
  details:
    'The worker renders the animation with its built-in ray tracer; you need no other software. Afterwards the farm keeps\n' +
    'running until you press Ctrl-C; with --exit it stops, with status 0 when the job completed.',
  options: {
    exit: flag('stop when the job ends'),
    data: text('DIR', 'folder of the demo (default: .framehouse/demo of a clone)', { completes: 'folder' }),
    listen: text('HOST:PORT', `where to listen (default: ${DEFAULT_HOST}:${DEFAULT_PORT}, or the next free port)`),
    slots: integer('N', 'concurrent tasks (default: one per core)', { min: 1, max: 64 }),
  },
  async run(context, { options, json }) {
    const { terminal } = context
    const say = (line: string) => terminal.err(`${line}\n`)
    // Warnings and errors only: users who try the demo read the progress, not a log.
    const log = makeLogger(terminal, { level: 'warn', json: false, now: context.now })
    const dataDir = options.data === undefined ? demoFolder(context) : resolve(context.cwd, options.data)
    const address = options.listen === undefined ? await freeAddress(say) : listenAddress(options.listen)
    const startedAt = context.now()
    const manager = await openManager({ dataDir, address, trustLoopback: true, log })
    try {
      const slots = options.slots ?? availableParallelism()
      const worker = superviseWorker(context, {
        managerUrl: manager.url,
        base: dataDir,
        name: 'demo',
        slots,
        logArgs: ['--log-level', 'warn'],
        log,
      })
      try {
        say(`Manager: ${manager.url}    Worker: "demo", ${plural(slots, 'slot')}    Data: ${dataDir}`)
        const client = new Client(connection(manager.url, undefined, context.signal))
        const submitted = await client.submit({
          type: JOB_TYPE,
          name: 'Demo animation',
          priority: 100,
          submitterPlatform: platformName(),
        })
        const { job, exitCode } = await Promise.race([
          watchJob(client, submitted.id, context, false),
          worker.ended.then(({ exitCode: code }) => {
            throw new FailedError(`the worker ended with status ${code} before the job ended`, 'worker-ended')
          }),
        ])
        await tell(context, client, job, manager.url, context.now() - startedAt, json)
        if (!options.exit) {
          say(`The farm keeps running. Open it in a browser: ${manager.url}\nPress Ctrl-C to stop it.`)
          await stopAsked(context.signal)
        }
        return exitCode
      } finally {
        await worker.stop()
      }
    } finally {
      await manager.stop()
    }
  },
})

async function tell(context: Context, client: Client, job: Job, url: string, tookMs: number, json: boolean): Promise<void> {
  const { terminal } = context
  const folder = await folderOfFrames(client, job)
  const reasons = job.status === 'completed' ? [] : await failureReasons(client, job)
  if (json) {
    printJson(terminal, { url, folder, frames: job.frameCount, tookMs, job, ...(reasons.length ? { reasons } : {}) })
    return
  }
  if (job.status === 'completed') {
    terminal.out(`Rendered ${plural(job.frameCount, 'frame')} in ${duration(tookMs)}.\nFrames:  ${folder}\nFarm:    ${url}\n`)
  } else terminal.err(`The demo job ended as "${job.status}".\n${reasons.map((line) => `${line}\n`).join('')}`)
}

/** Where the frames are: the folder of the first one, as the worker reported it. */
async function folderOfFrames(client: Client, job: Job): Promise<string> {
  const [first] = (await client.frames(job.id, { limit: 1 })).items
  return first ? dirname(first.path) : (job.outputDir ?? '')
}

/** In a clone it is beside the sources, easy to find and delete; else in the usual data folder. */
function demoFolder(context: Context): string {
  const root = resolve(dirname(context.program), '..', '..')
  return existsSync(join(root, 'electron.vite.config.ts')) ? join(root, '.framehouse', 'demo') : join(baseFolder(context), 'demo')
}

async function freeAddress(say: (line: string) => void): Promise<Address> {
  const port = await nextFreePort({ host: DEFAULT_HOST, port: DEFAULT_PORT })
  if (port !== DEFAULT_PORT) say(`Port ${DEFAULT_PORT} is taken; using ${port}.`)
  return { host: DEFAULT_HOST, port }
}
