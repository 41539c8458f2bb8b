/** `framehouse submit TYPE --set key=value …`: submits a job. */
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { NewJob } from '../../../../shared/schemas/jobs/job.ts'
import type { JobTypeInfo } from '../../../../shared/schemas/jobs/jobType.ts'
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import type { Client } from '../../client/client.ts'
import { defineCommand, type Context } from '../../parsing/command.ts'
import { EXIT, UsageError } from '../../errors.ts'
import { resolveJobId, resolveTagId } from '../../client/ids.ts'
import { withBlendFacts } from '../../client/inspectBlend.ts'
import { defaultName, settingsFromWords } from '../../client/jobSettings.ts'
import { findJobType } from '../../client/jobTypeLookup.ts'
import { flag, integer, keyValues, list, size, text, textOr } from '../../parsing/options.ts'
import { sendProject, type SendOptions } from '../../client/sendProject.ts'
import { platformName } from '../../services/platform.ts'
import { printJson } from '../../output/output.ts'
import { failureReasons, watchJob } from '../../client/watch.ts'
import { statusWords, warningLines } from '../../output/warnings.ts'
import { plural } from '../../../../shared/text/plural.ts'

const OPTIONS = {
  set: keyValues('KEY=VALUE', 'a setting of the job type'),
  settings: text('FILE', 'settings from a JSON file; --set takes precedence', { completes: 'file' }),
  name: text('NAME', 'name of the job (default: derived from the file or type)'),
  priority: integer('N', '0 to 100, higher runs first (default: 50)', { min: 0, max: 100 }),
  project: text('NAME', 'project that the job belongs to'),
  metadata: keyValues('KEY=VALUE', 'metadata of the job'),
  tag: text('TAG', 'run only on workers with this tag (name or id)'),
  'max-workers': integer('N', 'maximum number of workers; each may run as many of its tasks as it has slots', {
    min: 1,
    max: 100_000,
  }),
  'max-tasks': integer('N', 'maximum number of its tasks running at a time, on any number of workers', { min: 1, max: 100_000 }),
  'max-log': size('SIZE', "end a task when its log reaches this size, e.g. 200MB; 0: no limit (default: the farm's setting)"),
  'start-after': text('TIME', 'do not start before this time, e.g. 2030-01-31T22:00'),
  'depends-on': list('JOB', 'start when this job is completed', { completes: 'job' }),
  limit: list('NAME', 'use one unit of this limit (e.g. a license) per running task'),
  'allow-shared-output': flag('allow it to write the same frames as an unfinished job to the same folder'),
  paused: flag('submit it paused'),
  'keep-whole-frames': flag('keep complete existing files, whatever created them, instead of rendering them again'),
  send: flag("send the job's files to the manager and its results back: the workers need no shared storage", { short: 's' }),
  'send-file': list('PATH', 'with --send: a file or folder that the job needs; its place is {inputs}/NAME', { completes: 'file' }),
  'project-root': text('DIR', "with --send: files in it keep their places (default: the blend file's folder)", { completes: 'folder' }),
  blender: textOr('blender', 'PROGRAM', 'with --send: the Blender that lists the files and reads the settings of the scene'),
  yes: flag('with --send: do not ask before many bytes are sent', { short: 'y' }),
  check: flag('check the settings and preview the tasks without submitting'),
  'no-inspect': flag('do not read missing settings from the blend file'),
  watch: flag('follow the job until it ends; the exit code reports the result', { short: 'w' }),
  strict: flag('with --watch: the exit code is 9 when the job completed with warnings'),
  ...CLIENT_OPTIONS,
}

export const submit = defineCommand({
  path: ['submit'],
  summary: 'submit a job',
  details:
    'Relative paths in settings for files and folders are relative to the current folder. "framehouse job-types TYPE" lists\n' +
    'the settings of a job type; a worker with Blender (with --send: yours) reads those stored in a blend file\n' +
    '(frames, format, scene, …) if you leave them out. With --watch the exit code is 0 when the job completed, 1 when it failed and 8 when it\n' +
    'was cancelled; with --strict it is 9 when it completed with warnings. --json --watch prints the job as one line of JSON on every change.',
  examples: [
    'framehouse submit simple-blender-render --set blendfile=shot.blend --set frames=1-250 --watch',
    'framehouse submit simple-blender-render --send --set blendfile=shot.blend --set frames=1-250',
    'framehouse submit echo-sleep-test --set message=hello --json',
  ],
  positionals: [{ name: 'TYPE', help: 'job type', completes: 'job-type' }],
  options: OPTIONS,
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const type = await findJobType(client, words[0] ?? '')
    const given = {
      ...(options.settings === undefined ? {} : await readSettings(resolve(context.cwd, options.settings))),
      ...settingsFromWords(type, options.set, context.cwd, options.send),
    }
    const settings = await completed(client, type, given, options, context)
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
      ...(options['max-tasks'] === undefined ? {} : { maxTasks: options['max-tasks'] }),
      ...(options['max-log'] === undefined ? {} : { policy: { maxLogBytes: options['max-log'] } }),
      ...(options['start-after'] === undefined ? {} : { startAfter: timeOf(options['start-after']) }),
      ...(options.limit.length === 0 ? {} : { limits: options.limit }),
      ...(options['allow-shared-output'] ? { allowSharedOutput: true } : {}),
      ...(options.paused ? { paused: true } : {}),
      ...(options.send ? { sendFiles: true } : {}),
      ...(options['keep-whole-frames'] ? { keepWholeFrames: true } : {}),
    }
    if (options['depends-on'].length) job.dependsOn = await Promise.all(options['depends-on'].map((word) => resolveJobId(client, word)))
    if (options.check) return check(client, job, context, json)

    const submitted = await client.submit(job)
    for (const text of await sharedOutputOf(client, submitted.id)) context.terminal.err(`Warning: ${text}\n`)
    if (!options.watch) {
      if (json) printJson(context.terminal, submitted)
      else context.terminal.out(`${submitted.id}\n`)
      return EXIT.done
    }
    if (!json) context.terminal.err(`Submitted "${submitted.name}" (${plural(submitted.counts.total, 'task')}): ${submitted.id}\n`)
    const { job: ended, exitCode } = await watchJob(client, submitted.id, context, json)
    if (!json) {
      context.terminal.err(`${ended.name}: ${statusWords(ended)}${ended.frameCount ? `, ${plural(ended.frameCount, 'frame')}` : ''}\n`)
      if (ended.warningCount > 0) for (const line of await warningLines(client, ended)) context.terminal.err(`${line}\n`)
      if (ended.outputDir) context.terminal.out(`${ended.outputDir}\n`)
      if (ended.status === 'failed') for (const line of await failureReasons(client, ended)) context.terminal.err(`${line}\n`)
    }
    return options.strict && exitCode === EXIT.done && ended.warningCount > 0 ? EXIT.warned : exitCode
  },
})

/** With the settings that are in the scene, which the Blender of this machine or of a worker reads, and the places of sent files. */
async function completed(
  client: Client,
  type: JobTypeInfo,
  given: Record<string, unknown>,
  options: SendOptions & { send: boolean },
  context: Context,
): Promise<Record<string, unknown>> {
  if (options.send) return sendProject(client.connection, type, given, options, context)
  return options['no-inspect'] ? given : withBlendFacts(client, type, given, context.terminal)
}

/** Warns that the job writes to another job's folder; older managers do not report it. */
async function sharedOutputOf(client: Client, jobId: string): Promise<string[]> {
  const { items } = await client.warnings(jobId, 50).catch(() => ({ items: [] }))
  return items.filter(({ code }) => code === 'output-shared').map(({ text }) => text)
}

async function check(client: Client, job: NewJob, { terminal }: Context, json: boolean): Promise<number> {
  const result = await client.check(job)
  if (json) {
    printJson(terminal, result)
    return EXIT.done
  }
  if (result.sharedOutput) {
    const names = result.sharedOutput.jobs.map(({ name }) => `"${name}"`).join(', ')
    const remedy = result.sharedOutput.clashes ? ', with the same frames; submitting needs --allow-shared-output' : ''
    terminal.err(`Warning: another job writes to ${result.sharedOutput.folder}: ${names}${remedy}\n`)
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
    throw new UsageError(`--settings ${file} must contain a JSON object of settings`, '--settings', ['submit'])
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
