/** `framehouse schedules list|show|add|run|pause|resume|delete`: jobs submitted later or repeatedly. */
import type { NewJob } from '../../../../shared/schemas/jobs/job.ts'
import { MISSED_POLICIES, OVERLAP_POLICIES, type TriggerInput } from '../../../../shared/schemas/schedule.ts'
import { CLIENT_OPTIONS, makeClient } from '../../parsing/clientOptions.ts'
import type { Schedule } from '../../client/client.ts'
import { defineCommand, type Command } from '../../parsing/command.ts'
import { EXIT, UsageError } from '../../errors.ts'
import { ago, duration } from '../../output/format.ts'
import { resolveScheduleId } from '../../client/ids.ts'
import { withBlendFacts } from '../../client/inspectBlend.ts'
import { settingsFromWords } from '../../client/jobSettings.ts'
import { findJobType } from '../../client/jobTypeLookup.ts'
import { choice, flag, integer, keyValues, seconds, text } from '../../parsing/options.ts'
import { printFacts, printJson, printTable } from '../../output/output.ts'
import { platformName } from '../../services/platform.ts'

const ID = { name: 'ID', help: "a schedule's id, a prefix of it, or its name", completes: 'schedule' } as const
const SHOWN_FIRINGS = 10

export const listSchedules = defineCommand({
  path: ['schedules', 'list'],
  summary: 'list the schedules',
  options: CLIENT_OPTIONS,
  async run(context, { options, json }) {
    const schedules = await makeClient(context, options).schedules()
    if (json) {
      printJson(context.terminal, schedules)
      return EXIT.done
    }
    const now = context.now()
    printTable(
      context.terminal,
      [
        { title: 'ID', value: (schedule) => schedule.id.slice(0, 8) },
        { title: 'STATE', value: (schedule) => schedule.state, state: true },
        { title: 'NAME', value: (schedule) => schedule.name, shrinks: true },
        { title: 'WHEN', value: whenOf, shrinks: true },
        { title: 'NEXT', value: (schedule) => ago(schedule.nextAt, now) },
        { title: 'LAST', value: (schedule) => (schedule.last ? `${schedule.last.outcome} ${ago(schedule.last.firedAt, now)}` : 'never') },
        { title: 'RUNS', value: (schedule) => String(schedule.fired), align: 'right' },
      ],
      schedules,
    )
    return EXIT.done
  },
})

export const showSchedule = defineCommand({
  path: ['schedules', 'show'],
  summary: 'show a schedule, its next runs and its history',
  positionals: [ID],
  options: CLIENT_OPTIONS,
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const id = await resolveScheduleId(client, words[0] ?? '')
    const [schedule, next, firings] = await Promise.all([client.schedule(id), client.nextFirings(id, 5), client.firings(id, SHOWN_FIRINGS)])
    if (json) {
      printJson(context.terminal, { ...schedule, next, firings })
      return EXIT.done
    }
    printFacts(context.terminal, [
      ['Schedule', schedule.name],
      ['ID', schedule.id],
      ['Status', schedule.state],
      ['When', whenOf(schedule)],
      ['Submits', schedule.job ? `${schedule.job.name} (${schedule.job.type})` : null],
      ['Adds to', schedule.growsJobId],
      ['After downtime', schedule.missed === 'all' ? `all, at most ${schedule.missedLimit}` : schedule.missed],
      ['Overlap', schedule.overlap],
      ['Owner', schedule.owner],
      ['Runs', schedule.fired],
      ['Waiting', schedule.waiting || null],
      ['Next', next.join('  ')],
    ])
    if (firings.length === 0) return EXIT.done
    context.terminal.out('\n')
    printTable(
      context.terminal,
      [
        { title: 'DUE', value: (firing) => firing.dueAt },
        { title: 'OUTCOME', value: (firing) => (firing.count > 1 ? `${firing.outcome} (${firing.count})` : firing.outcome), state: true },
        { title: 'JOB', value: (firing) => firing.job?.id ?? '' },
        { title: 'STATUS', value: (firing) => firing.job?.status ?? '', state: true },
        { title: 'REASON', value: (firing) => firing.reason, shrinks: true },
      ],
      firings,
    )
    return EXIT.done
  },
})

export const addSchedule = defineCommand({
  path: ['schedules', 'add'],
  summary: 'schedule a job, once or repeatedly',
  details:
    'Give one of --at, --every and --cron. A cron expression has five fields (minute hour day month weekday), or six with\n' +
    'the seconds first. Each run fills in {n}, {date} and {time} in the name.',
  examples: [
    'framehouse schedules add echo-sleep-test --cron "0 20 * * 1-5" --time-zone Europe/Berlin --name "nightly {date}"',
    'framehouse schedules add simple-blender-render --set blendfile=shot.blend --at 2030-01-31T22:00',
  ],
  positionals: [{ name: 'TYPE', help: 'job type', completes: 'job-type' }],
  options: {
    at: text('TIME', 'once, e.g. 2030-01-31T22:00'),
    every: seconds('TIME', 'repeat at this interval: 90 (seconds), 30m, 2h, 1d, 1h30m', { min: 1, max: 31_622_400 }),
    cron: text('EXPRESSION', 'cron expression'),
    'seconds-last': flag('in a cron expression with six fields, the last one is the seconds'),
    'time-zone': text('ZONE', "time zone of the cron expression, e.g. Europe/Berlin (default: this machine's)"),
    missed: choice(MISSED_POLICIES, 'what to do about runs missed during a downtime (default: once)'),
    'missed-limit': integer('N', 'with --missed all: maximum number of runs to make up', { min: 1, max: 100 }),
    overlap: choice(OVERLAP_POLICIES, 'what to do when the previous run is not finished (default: allow)'),
    set: keyValues('KEY=VALUE', 'a setting of the job type'),
    name: text('NAME', 'name of the schedule and of its jobs (default: the job type)'),
    priority: integer('N', '0 to 100, higher runs first (default: 50)', { min: 0, max: 100 }),
    project: text('NAME', 'project that the jobs belong to'),
    paused: flag('create it paused'),
    ...CLIENT_OPTIONS,
  },
  async run(context, { options, words, json }) {
    const client = makeClient(context, options)
    const trigger = triggerOf(options)
    const type = await findJobType(client, words[0] ?? '')
    const name = options.name ?? (type.label || type.name)
    const job: NewJob = {
      type: type.name,
      name,
      settings: await withBlendFacts(client, type, settingsFromWords(type, options.set, context.cwd), context.terminal),
      submitterPlatform: platformName(),
      ...(options.priority === undefined ? {} : { priority: options.priority }),
      ...(options.project === undefined ? {} : { project: options.project }),
    }
    const made = await client.createSchedule({
      name,
      trigger,
      job,
      ...(options.missed === undefined ? {} : { missed: options.missed }),
      ...(options['missed-limit'] === undefined ? {} : { missedLimit: options['missed-limit'] }),
      ...(options.overlap === undefined ? {} : { overlap: options.overlap }),
      ...(options.paused ? { paused: true } : {}),
    })
    if (json) printJson(context.terminal, made)
    else context.terminal.out(`${made.id}\n`)
    return EXIT.done
  },
})

export const scheduleActions: readonly Command[] = [
  action('run', 'run a schedule now, in addition to its regular runs', async (client, id) => client.runSchedule(id)),
  action('pause', 'pause a schedule', async (client, id) => client.actOnSchedule(id, 'pause')),
  action('resume', 'resume a schedule', async (client, id) => client.actOnSchedule(id, 'resume')),
  action('delete', 'delete a schedule; keeps its jobs', async (client, id) => {
    await client.deleteSchedule(id)
    return { id, deleted: true }
  }),
]

function action(word: string, summary: string, run: (client: ReturnType<typeof makeClient>, id: string) => Promise<object>): Command {
  return defineCommand({
    path: ['schedules', word],
    summary,
    positionals: [ID],
    options: CLIENT_OPTIONS,
    async run(context, { options, words, json }) {
      const client = makeClient(context, options)
      const result = await run(client, await resolveScheduleId(client, words[0] ?? ''))
      if (json) printJson(context.terminal, result)
      else if ('job' in result && typeof result.job === 'object' && result.job !== null && 'outcome' in result && 'id' in result.job) {
        context.terminal.out(`${String(result.job.id)}\n`)
      }
      return EXIT.done
    },
  })
}

interface TriggerOptions {
  at: string | undefined
  every: number | undefined
  cron: string | undefined
  'seconds-last': boolean
  'time-zone': string | undefined
}

/** @throws UsageError unless exactly one of the three is given */
function triggerOf(options: TriggerOptions): TriggerInput {
  const { at, every, cron } = options
  if ([at, every, cron].filter((each) => each !== undefined).length !== 1) {
    throw new UsageError('pass exactly one of --at, --every and --cron', '--cron', ['schedules', 'add'])
  }
  if (every !== undefined) return { kind: 'interval', everySeconds: every }
  if (at !== undefined) {
    const time = Date.parse(at)
    if (Number.isNaN(time)) throw new UsageError(`--at must be a time like 2030-01-31T22:00, not "${at}"`, '--at', ['schedules', 'add'])
    return { kind: 'at', at: new Date(time).toISOString() }
  }
  const timeZone = options['time-zone'] ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  return { kind: 'cron', expression: cron ?? '', seconds: options['seconds-last'] ? 'last' : 'first', timeZone }
}

function whenOf({ trigger }: Schedule): string {
  if (trigger.kind === 'at') return `at ${trigger.at}`
  if (trigger.kind === 'interval') return `every ${duration(trigger.everySeconds * 1000)}`
  return `${trigger.expression} (${trigger.timeZone})`
}
