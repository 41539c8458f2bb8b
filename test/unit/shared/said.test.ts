import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { JobHold, WorkerExclusion } from '../../../src/main/engine/rules/eligibility.ts'
import { effectOfJobStatus, jobAfterTaskChange } from '../../../src/main/engine/rules/jobRules.ts'
import { outlookOf, type Candidate } from '../../../src/main/engine/rules/outlook.ts'
import { attentionWords } from '../../../src/renderer/locales/attention.ts'
import { inLocale } from '../../../src/renderer/locales/said.ts'
import { JOB_STATUSES, TASK_STATUSES } from '../../../src/shared/enums.ts'
import { Policy } from '../../../src/shared/policy.ts'
import { ENGLISH, type SaidCode } from '../../../src/shared/said/english.ts'
import { de } from '../../../src/renderer/locales/de/index.ts'
import { ENGLISH_WORDING, inEnglish, recognise, say, translated, worded } from '../../../src/shared/said/said.ts'
import { Value } from 'typebox/value'

const codes = Object.keys(ENGLISH) as SaidCode[]
const placesOf = (template: string) => [...new Set([...template.matchAll(/\{(\w+)/g)].map(([, name]) => name))].toSorted()

/** A value for each place of a sentence, as they come. */
function valuesFor(code: SaidCode): Record<string, string | number | string[]> {
  const values: Record<string, string | number | string[]> = {}
  for (const [, name = '', as, one] of ENGLISH[code].matchAll(/\{(\w+)(?::(\w+))?(\|)?/g)) {
    if (as === 'names') values[name] = ['ada', 'bob']
    else if (as === 'time') values[name] = '2026-05-04T03:02:01.000Z'
    else if (as === 'status') values[name] = 'failed'
    else if (as === 'said') values[name] = 'its worker is gone'
    else if (one !== undefined || ['n', 'max', 'total', 'eligible', 'minutes', 'seconds', 'code'].includes(name)) values[name] = 2
    else values[name] ??= 'some words'
  }
  return values
}

describe('every sentence', () => {
  it.each(codes)('%s has the same values in German, and words of its own', (code) => {
    const english = placesOf(ENGLISH[code])
    // A number that only chooses a word may be needed in one of the two languages.
    expect(placesOf(de.said.sentences[code]).filter((name) => name !== 'n')).toEqual(english.filter((name) => name !== 'n'))
    if (code !== 'all-of' && code !== 'attention.waiting')
      expect(worded(say(code, valuesFor(code)), de.said)).not.toBe(inEnglish(say(code, valuesFor(code))))
  })

  it.each(codes.filter((code) => ENGLISH[code].replaceAll(/\{[^}]*\}/g, '').length >= 5))(
    '%s is known again by its English text',
    (code) => {
      const text = inEnglish(say(code, valuesFor(code)))
      const again = recognise(text)
      expect(again && worded(again, ENGLISH_WORDING)).toBe(text)
      expect(translated(text, de.said)).toBe(worded(say(code, valuesFor(code)), de.said))
    },
  )
})

describe('every sentence that is sent without its code', () => {
  const root = join(import.meta.dirname, '../../../src')
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.startsWith(join('shared', 'said')) && !file.startsWith('renderer'))
    .map((file) => readFileSync(join(root, file), 'utf8'))
    .join('\n')
  const longest = (template: string) =>
    template
      .split(/\{[^}]*\}/)
      .map((part) => part.trim())
      .toSorted((a, b) => b.length - a.length)[0] ?? ''

  // The advice of a rule is found by the rule's own code.
  it.each(codes.filter((code) => !sources.includes(`'${code}'`) && !code.endsWith('.advice')))(
    '%s is in the sources as in the table',
    (code) => {
      expect(sources.includes(longest(ENGLISH[code]))).toBe(true)
    },
  )
})

describe('a sentence', () => {
  it.each([
    [1, '1 worker is busy', '1 Rechner ist beschäftigt'],
    [3, '3 workers are busy', '3 Rechner sind beschäftigt'],
  ])('goes by the number %i', (n, english, german) => {
    const said = say('no-free-slot', { n })
    expect([worded(said, ENGLISH_WORDING), worded(said, de.said)]).toEqual([english, german])
    expect(translated(english, de.said)).toBe(german)
  })

  it('holds another one, with the times of who reads it', () => {
    const why = say('asleep', { who: ['a', 'b', 'c', 'd', 'e'], n: 5 })
    const said = say('summary.stalled', { why, at: '2026-05-04T03:02:01.000Z' })
    expect(worded(said, ENGLISH_WORDING)).toBe(
      'It is stalled: a, b and 3 others are asleep. It fails at 2026-05-04T03:02:01.000Z unless another worker becomes available.',
    )
    expect(worded(said, de.said, () => '5:02')).toBe(
      'Sie steht: a, b und 3 weitere schlafen. Sie scheitert um 5:02, wenn niemand sonst kommt.',
    )
  })

  it.each([
    [
      'Changed to status "failed": no worker is left for tasks of kind "misc": a, b failed it, c is offline',
      'Jetzt gescheitert: für Aufgaben der Art „misc“ ist kein Rechner mehr übrig: a, b sind daran gescheitert, c ist nicht da',
    ],
    [
      'Changed to status "failed": too many tasks failed. First failure: task "frame-1" on ada: exit code 3: Error: no scene',
      'Jetzt gescheitert: zu viele Aufgaben sind gescheitert. Zuerst scheiterte: Aufgabe „frame-1“ auf ada: Code 3: Error: no scene',
    ],
    ['Task was queued by Manager because worker timed out', 'Vom Manager angestellt: vom Rechner war nichts mehr zu hören'],
    ['Fra:12 Mem:3M Rendering', 'Fra:12 Mem:3M Rendering'],
    ['', ''],
  ])('that was stored is worded anew, and what programs say stays: %s', (english, german) => {
    expect(translated(english, de.said)).toBe(german)
    expect(translated(english, ENGLISH_WORDING)).toBe(english)
  })

  it('of a newer manager is shown in its own words', () => {
    expect(worded({ code: 'of-a-newer-manager', values: {} }, de.said)).toBeUndefined()
    expect(inLocale('it is written in the stars', { code: 'of-a-newer-manager', values: {} }, 'de')).toBe('it is written in the stars')
  })

  it('takes nothing from the prototype', () => {
    expect(worded({ code: 'constructor', values: {} }, de.said)).toBeUndefined()
  })
})

/** A new rule does not compile here until it is named. */
const EXCLUSIONS: Record<WorkerExclusion, true> = {
  kind: true,
  tag: true,
  storage: true,
  blocked: true,
  'failed-before': true,
  'kept-off': true,
  avoid: true,
  'max-workers': true,
  'machine-limit': true,
  'not-approved': true,
  'not-awake': true,
  'status-requested': true,
  'no-free-slot': true,
}
const HOLDS: Record<JobHold['rule'], SaidCode> = {
  status: 'job-status',
  deleted: 'job-deleted',
  'start-after': 'start-after',
  'job-dependency': 'job-dependency',
  'max-tasks': 'max-tasks',
  limit: 'limit',
  lane: 'job-lane',
  'lane-order': 'job-lane-order',
  busy: 'busy',
}

describe('German words has', () => {
  it.each([...Object.keys(EXCLUSIONS), ...Object.values(HOLDS)])('the rule %s', (rule) => {
    expect(worded({ code: rule, values: { n: 1, max: 1 } }, de.said)).toBeTruthy()
  })

  const worker = (name: string, presence: Candidate['presence'], excluded?: Candidate['excluded']): Candidate => ({
    name,
    presence,
    excluded,
  })
  it.each<[string, boolean, Candidate[], string[]]>([
    ['kein Rechner kann Aufgaben der Art „misc“ ausführen', false, [], []],
    ['kein Rechner mit der Marke des Auftrags kann Aufgaben der Art „misc“ ausführen', true, [], []],
    ['eve könnte es ausführen und wartet auf Zulassung', false, [], ['eve']],
    ['ada schläft', false, [worker('ada', 'asleep')], []],
    ['ada ist gerade nicht mehr da', false, [worker('ada', 'away')], []],
    ['ada, bob sind nicht da', false, [worker('ada', 'gone'), worker('bob', 'gone')], []],
    ['ada ist daran gescheitert, bob ist gesperrt', false, [worker('ada', 'awake', 'failed'), worker('bob', 'awake', 'blocked')], []],
  ])('the outlook: %s', (german, tagged, candidates, pending) => {
    const outlook = outlookOf('misc', tagged, candidates, pending)
    if (outlook.state === 'open') throw new Error('it is open')
    expect(inLocale(outlook.message, outlook.said.message, 'de')).toBe(german)
    expect(inLocale(outlook.advice, outlook.said.advice, 'de')).not.toBe(outlook.advice)
    // What is stored of it.
    expect(translated(outlook.message, de.said)).toBe(german)
  })

  it('every reason for which the farm changes a job or its tasks', () => {
    const policy = Value.Create(Policy)
    const unknown = new Set<string>()
    const look = (text: string | undefined) => text !== undefined && translated(text, de.said) === text && unknown.add(text)
    const none = { active: 0, canceled: 0, completed: 0, failed: 0, paused: 0, queued: 0, 'soft-failed': 0 }
    for (const from of JOB_STATUSES) {
      for (const to of JOB_STATUSES) {
        const effect = effectOfJobStatus(from, to)
        look(effect.tasks?.activity)
        for (const status of TASK_STATUSES) look(effect.next?.({ ...none, [status]: 1 }, 1, policy)?.reason)
      }
      for (const task of TASK_STATUSES) {
        for (const one of TASK_STATUSES) {
          for (const other of TASK_STATUSES) {
            const counts = { ...none, [one]: 10, ...(other !== one && { [other]: 10 }) }
            const taskCount = other === one ? 10 : 20
            for (const lastTaskDecides of [true, false])
              look(
                jobAfterTaskChange({ status: from, counts, taskCount }, task, { ...policy, failJobAtPercent: 60, lastTaskDecides })?.reason,
              )
          }
        }
      }
    }
    expect([...unknown]).toEqual([])
  })
})

describe('what needs attention', () => {
  it.each([
    [
      'job-failed' as const,
      'Changed to status "failed": too many tasks failed',
      undefined,
      'Zu viele Aufgaben sind gescheitert',
      'Too many tasks failed',
    ],
    [
      'job-waiting' as const,
      'ada is asleep.',
      say('attention.waiting', { why: say('asleep', { who: ['ada'], n: 1 }) }),
      'ada schläft.',
      'ada is asleep.',
    ],
    [
      'schedule-held' as const,
      'x',
      say('attention.schedule-held', { why: 'its owner was removed' }),
      'Dieser Zeitplan ist angehalten: wem er gehörte, wurde entfernt. Wer ihn fortsetzt, übernimmt ihn.',
      'This schedule is paused: its owner was removed. Resume it to take it over.',
    ],
  ])('%s is worded in the language of the page', (kind, message, said, german, english) => {
    const entry = { kind, message, ...(said && { said }) }
    expect([attentionWords(entry, 'de'), attentionWords(entry, 'en')]).toEqual([german, english])
  })
})
