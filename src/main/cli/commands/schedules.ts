/** `framehouse schedules list|show|add|run|pause|resume|delete`: what submits jobs later or again. */
import type { NewJob } from '../../../shared/schemas/job.ts'
import { MISSED_POLICIES, OVERLAP_POLICIES, type TriggerInput } from '../../../shared/schemas/schedule.ts'
import { CLIENT_OPTIONS, makeClient } from '../clientOptions.ts'
import type { Schedule } from '../client.ts'
import { defineCommand, type Command } from '../command.ts'
import { EXIT, UsageError } from '../errors.ts'
import { ago, duration } from '../format.ts'
import { resolveScheduleId } from '../ids.ts'
import { withBlendFacts } from '../inspectBlend.ts'
import { settingsFromWords } from '../jobSettings.ts'
import { findJobType } from '../jobTypeLookup.ts'
import { choice, flag, integer, keyValues, seconds, text } from '../options.ts'
import { printFacts, printJson, printTable } from '../output.ts'
import { platformName } from '../platform.ts'

const ID = { name: 'ID', help: "a schedule's id, the beginning of one, or its name", completes: 'schedule' } as const
const SHOWN_FIRINGS = 10

export const listSchedules = defineCommand({
  path: ['schedules', 'list'],
  summary: 'list what submits jobs later or again',
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
  summary: 'show a schedule, its next moments and what it did',
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
  summary: 'submit a job later or again',
  details:
    'Give one of --at, --every and --cron. A cron expression has five fields (minute hour day month weekday), or six with the\n' +
    'seconds before them. In the name {n}, {date} and {time} are filled in at each run.',
  examples: [
    'framehouse schedules add echo-sleep-test --cron "0 20 * * 1-5" --time-zone Europe/Berlin --name "nightly {date}"',
    'framehouse schedules add simple-blender-render --set blendfile=shot.blend --at 2030-01-31T22:00',
  ],
  positionals: [{ name: 'TYPE', help: 'job type', completes: 'job-type' }],
  options: {
    at: text('TIME', 'once, e.g. 2030-01-31T22:00'),
    every: seconds('TIME', 'again and again, so far apart: 90 (seconds), 30m, 2h, 1d, 1h30m', { min: 1, max: 31_622_400 }),
    cron: text('EXPRESSION', 'by the calendar'),
    'seconds-last': flag('the seconds of a cron expression with six fields stand at its end'),
    'time-zone': text('ZONE', "of the cron expression, e.g. Europe/Berlin; this machine's without it"),
    missed: choice(MISSED_POLICIES, 'what becomes of runs that a downtime swallowed (once, when left out)'),
    'missed-limit': integer('N', 'with --missed all: at most so many', { min: 1, max: 100 }),
    overlap: choice(OVERLAP_POLICIES, 'what a run does while the last one is not finished (allow, when left out)'),
    set: keyValues('KEY=VALUE', 'a setting of the job type'),
    name: text('NAME', 'name of the schedule and of its jobs; the job type when left out'),
    priority: integer('N', '0 to 100, 50 without it; higher goes first', { min: 0, max: 100 }),
    project: text('NAME', 'project that the jobs belong to'),
    paused: flag('do not start it yet'),
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
  action('run', 'run a schedule now, beside its moments', async (client, id) => client.runSchedule(id)),
  action('pause', 'run it no more until it is resumed', async (client, id) => client.actOnSchedule(id, 'pause')),
  action('resume', 'run it again, from now on', async (client, id) => client.actOnSchedule(id, 'resume')),
  action('delete', 'delete a schedule; its jobs stay', async (client, id) => {
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

/** @throws UsageError unless exactly one of the three kinds is given */
function triggerOf(options: TriggerOptions): TriggerInput {
  const { at, every, cron } = options
  if ([at, every, cron].filter((each) => each !== undefined).length !== 1) {
    throw new UsageError('give one of --at, --every and --cron', '--cron', ['schedules', 'add'])
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
