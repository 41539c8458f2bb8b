/** `framehouse submit TYPE --set key=value …`: a new job. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { NewJob } from '../../../shared/schemas/job.ts'
import { CLIENT_OPTIONS, makeClient } from '../clientOptions.ts'
import type { Client } from '../client.ts'
import { defineCommand, type Context } from '../command.ts'
import { EXIT, UsageError } from '../errors.ts'
import { resolveJobId, resolveTagId } from '../ids.ts'
import { withBlendFacts } from '../inspectBlend.ts'
import { defaultName, settingsFromWords } from '../jobSettings.ts'
import { findJobType } from '../jobTypeLookup.ts'
import { flag, integer, keyValues, list, text } from '../options.ts'
import { platformName } from '../platform.ts'
import { printJson } from '../output.ts'
import { failureReasons, watchJob } from '../watch.ts'
import { plural } from '../../../shared/plural.ts'

const OPTIONS = {
  set: keyValues('KEY=VALUE', 'a setting of the job type'),
  settings: text('FILE', 'settings from a JSON file; --set wins over it', { completes: 'file' }),
  name: text('NAME', 'name of the job; made of type and file when left out'),
  priority: integer('N', '0 to 100, 50 without it; higher goes first', { min: 0, max: 100 }),
  project: text('NAME', 'project that the job belongs to'),
  metadata: keyValues('KEY=VALUE', 'metadata of the job'),
  tag: text('TAG', 'only workers with this tag (its name or id) run it'),
  'max-workers': integer('N', 'at most this many workers at once', { min: 1, max: 100_000 }),
  'start-after': text('TIME', 'not before this time, e.g. 2030-01-31T22:00'),
  'depends-on': list('JOB', 'starts when this job is completed', { completes: 'job' }),
  limit: list('NAME', 'takes one unit of this limit (a licence) per running task'),
  paused: flag('submit it paused'),
  check: flag('check the settings and show what would be made; submit nothing'),
  'no-inspect': flag('do not have a worker open the blend file for the settings that are left out'),
  watch: flag('follow the job until it ends; the exit code tells how it went', { short: 'w' }),
  ...CLIENT_OPTIONS,
}

export const submit = defineCommand({
  path: ['submit'],
  summary: 'submit a job',
  details:
    'Relative paths in settings for files and folders are taken from the current folder. "framehouse job-types TYPE" lists\n' +
    'the settings of a job type; those that are in a blend file (frames, format, scene, …) are taken from it by a worker with\n' +
    'Blender when they are left out. With --watch the exit code is 0 when the job is completed, 1 when it failed and 8 when it\n' +
    'was cancelled; with --json --watch the job is printed as one line of JSON whenever it changed.',
  examples: [
    'framehouse submit simple-blender-render --set blendfile=shot.blend --set frames=1-250 --watch',
    'framehouse submit echo-sleep-test --set message=hello --json',
  ],
  positionals: [{ name: 'TYPE', help: 'job type', completes: 'job-type' }],
  options: OPTIONS,
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const type = await findJobType(client, words[0] ?? '')
    const given = {
      ...(options.settings === undefined ? {} : await readSettings(resolve(context.cwd, options.settings))),
      ...settingsFromWords(type, options.set, context.cwd),
    }
    const settings = options['no-inspect'] ? given : await withBlendFacts(client, type, given, context.terminal)
    const job: NewJob = {
      type: type.name,
      name: options.name ?? defaultName(type, settings),
      settings,
      submitterPlatform: platformName(),
      ...(options.priority === undefined ? {} : { priority: options.priority }),
      ...(options.project === undefined ? {} : { project: options.project }),
      ...(options.metadata.size === 0 ? {} : { metadata: Object.fromEntries(options.metadata) }),
      ...(options.tag === undefined ? {} : { tag: await resolveTagId(client, options.tag) }),
      ...(options['max-workers'] === undefined ? {} : { maxWorkers: options['max-workers'] }),
      ...(options['start-after'] === undefined ? {} : { startAfter: timeOf(options['start-after']) }),
      ...(options.limit.length === 0 ? {} : { limits: options.limit }),
      ...(options.paused ? { paused: true } : {}),
    }
    if (options['depends-on'].length) job.dependsOn = await Promise.all(options['depends-on'].map((word) => resolveJobId(client, word)))
    if (options.check) return check(client, job, context, json)

    const submitted = await client.submit(job)
    if (!options.watch) {
      if (json) printJson(context.terminal, submitted)
      else context.terminal.out(`${submitted.id}\n`)
      return EXIT.done
    }
    if (!json) context.terminal.err(`Submitted "${submitted.name}" (${plural(submitted.counts.total, 'task')}): ${submitted.id}\n`)
    const { job: ended, exitCode } = await watchJob(client, submitted.id, context, json)
    if (!json) {
      context.terminal.err(`${ended.name}: ${ended.status}${ended.frameCount ? `, ${plural(ended.frameCount, 'frame')}` : ''}\n`)
      if (ended.outputDir) context.terminal.out(`${ended.outputDir}\n`)
      if (ended.status === 'failed') for (const line of await failureReasons(client, ended)) context.terminal.err(`${line}\n`)
    }
    return exitCode
  },
})

async function check(client: Client, job: NewJob, { terminal }: Context, json: boolean): Promise<number> {
  const result = await client.check(job)
  if (json) {
    printJson(terminal, result)
    return EXIT.done
  }
  terminal.out(`${plural(result.taskCount, 'task')}\n`)
  for (const task of result.tasks) terminal.out(`  ${task.name} (${task.kind})\n`)
  if (result.tasks.length < result.taskCount) terminal.out(`  … and ${result.taskCount - result.tasks.length} more\n`)
  return EXIT.done
}

async function readSettings(file: string): Promise<Record<string, unknown>> {
  let content: unknown
  try {
    content = JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--settings ${file}: ${error instanceof Error ? error.message : String(error)}`, '--settings', ['submit'])
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw new UsageError(`--settings ${file} must hold a JSON object of settings`, '--settings', ['submit'])
  }
  return { ...content }
}

function timeOf(word: string): string {
  const time = Date.parse(word)
  if (Number.isNaN(time)) {
    throw new UsageError(`--start-after must be a time like 2030-01-31T22:00, not "${word}"`, '--start-after', ['submit'])
  }
  return new Date(time).toISOString()
}
