/**
 * The manager's messages to people: codes with values, worded by one table for each language. They are sent as codes when
 * they are generated for each reply; messages stored with jobs and tasks are English, and are recognised by the same table. Pure.
 */
import { ENGLISH, type SaidCode } from './english.ts'

/** A message. Values: numbers, texts, names, other messages. */
export interface Said {
  readonly code: string
  readonly values: Readonly<Record<string, unknown>>
}

type SaidValue = string | number | readonly string[] | Said | readonly Said[]

/** One of the manager's messages. */
export function say(code: SaidCode, values: Readonly<Record<string, SaidValue>> = {}): Said {
  return { code, values }
}

/** Why something waits, and what would help. */
export interface SaidReason {
  readonly message: Said
  readonly advice: Said
}

/** The messages in one language. The GUI brings those of its languages (src/renderer/locales). */
export interface Wording {
  /** A template for each code, as in english.ts. */
  sentences: Readonly<Record<string, string>>
  /** Statuses of jobs, tasks and workers within a sentence; one that is missing is written as it is. */
  statuses: Readonly<Record<string, string>>
  /** "ada, bob and 3 others" */
  and: string
  others: string
}

export const ENGLISH_WORDING = { sentences: ENGLISH, statuses: {}, and: 'and', others: 'others' } satisfies Wording

/** The English text. */
export function inEnglish(said: Said): string {
  return worded(said, ENGLISH_WORDING) ?? said.code
}

/** A message to store or log: in English, in a wording that `recognise` identifies later. */
export function english(code: SaidCode, values?: Readonly<Record<string, SaidValue>>): string {
  return inEnglish(say(code, values))
}

type TimeText = (iso: string) => string

/** @param timeText formats a time; the default leaves it unchanged. Undefined for a code of a newer manager that this program does not know */
export function worded(said: Said, wording: Wording, timeText: TimeText = (iso) => iso): string | undefined {
  const { sentences, statuses } = wording
  const template = Object.hasOwn(sentences, said.code) ? sentences[said.code] : undefined
  if (template === undefined) return undefined
  const format = (value: unknown, as: string | undefined): string => {
    if (isSaid(value)) return worded(value, wording, timeText) ?? value.code
    if (Array.isArray(value)) return value.every(isSaid) ? value.map((each) => format(each, as)).join(', ') : listed(value, wording)
    const text = typeof value === 'string' || typeof value === 'number' ? String(value) : ''
    if (as === 'time') return timeText(text)
    if (as === 'status') return statuses[text] ?? text
    return as === 'message' ? translated(text, wording, timeText) : text
  }
  const text = template.replace(PLACE, (_place, name: string, as?: string, one?: string, many?: string) => {
    const value = said.values[name]
    return one !== undefined && many !== undefined ? (Number(value) === 1 ? one : many) : format(value, as)
  })
  return said.code.startsWith('attention.') && !beginsWithName(said) ? text.charAt(0).toUpperCase() + text.slice(1) : text
}

/** Names are written as they are, also at the start of a sentence. */
function beginsWithName({ code, values }: Said): boolean {
  const { sentences }: Wording = ENGLISH_WORDING
  const template = Object.hasOwn(sentences, code) ? (sentences[code] ?? '') : ''
  const { why } = values
  return template.startsWith('{why') ? isSaid(why) && beginsWithName(why) : /^\{(who|parts|worker)/.test(template)
}

/** `{name}`, `{name:as}`, `{name|one|many}` */
const PLACE = /\{(\w+)(?::(\w+))?(?:\|([^|}]*)\|([^}]*))?\}/g

function isSaid(value: unknown): value is Said {
  return typeof value === 'object' && value !== null && 'code' in value && 'values' in value && typeof value.values === 'object'
}

/** Of more than three names, only the first two are listed. */
function listed(names: readonly unknown[], wording: Wording): string {
  const { and, others } = wording
  if (names.length <= 3) return names.join(', ')
  return `${names.slice(0, 2).join(', ')} ${and} ${names.length - 2} ${others}`
}

/** Translates an English text of the manager: each known message in it; the rest is left unchanged. */
export function translated(text: string, wording: Wording, timeText?: TimeText): string {
  if (wording === ENGLISH_WORDING || text === '') return text
  const sentences = recogniseAll(text)
  return sentences?.map((said) => worded(said, wording, timeText) ?? '').join(', ') ?? text
}

/** A text as one message, or as several separated by commas (which lists of names also contain). */
function recogniseAll(text: string): Said[] | undefined {
  const whole = recognise(text)
  if (whole) return [whole]
  const found: Said[] = []
  let rest = ''
  for (const piece of text.split(', ')) {
    rest = rest === '' ? piece : `${rest}, ${piece}`
    const said = recognise(rest)
    if (!said) continue
    found.push(said)
    rest = ''
  }
  return rest === '' && found.length > 0 ? found : undefined
}

interface Pattern {
  code: string
  pattern: RegExp
  places: Map<string, string | undefined>
  /** Letters of the template itself. */
  own: number
}

/** A message with fewer letters of its own could match anything. */
const FEWEST_OWN = 5
let patterns: Pattern[] | undefined

/** The message that an English text is an instance of; undefined: none. */
export function recognise(text: string): Said | undefined {
  // Of several candidates, prefer the one with the longest template.
  patterns ??= Object.entries(ENGLISH)
    .map(([code, template]) => patternOf(code, template))
    .filter(({ own }) => own >= FEWEST_OWN)
    .toSorted((a, b) => b.own - a.own)
  for (const { code, pattern, places } of patterns) {
    const match = pattern.exec(text)
    if (!match) continue
    const values = Object.fromEntries([...places].map(([name, as]) => [name, valueOf(match.groups?.[name], as)]))
    const { who } = values
    if (!Array.isArray(who)) return { code, values }
    // Not a list of names, but messages before this one. The list becomes one shorter each time.
    if (who.length > 1 && who.some((name) => typeof name === 'string' && recognise(name))) continue
    // The English text may not depend on their number.
    return { code, values: { n: who.length, ...values } }
  }
  return undefined
}

function valueOf(text = '', as: string | undefined): unknown {
  // Only the word that depends on a number reveals which it was.
  if (as === 'one') return text === '' ? 2 : 1
  if (as !== 'names') return as === undefined && /^\d{1,9}$/.test(text) ? Number(text) : text
  const [, first, more] = /^(.+) and (\d{1,4}) others$/.exec(text) ?? []
  return first === undefined ? text.split(', ') : [...first.split(', '), ...Array<string>(Number(more)).fill('')]
}

const TIME = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z`
const literal = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

function patternOf(code: string, template: string): Pattern {
  const places = new Map<string, string | undefined>()
  let source = ''
  let own = 0
  let at = 0
  for (const match of template.matchAll(PLACE)) {
    const [whole, name = '', as, one, many] = match
    const between = template.slice(at, match.index)
    at = match.index + whole.length
    own += between.length
    source += literal(between)
    if (one !== undefined && many !== undefined) {
      source += places.has(name) ? `(?:${literal(one)}|${literal(many)})` : `(?:(?<${name}>${literal(one)})|${literal(many)})`
      if (!places.has(name)) places.set(name, 'one')
    } else if (places.has(name)) source += String.raw`\k<${name}>`
    else {
      places.set(name, as)
      source += `(?<${name}>${as === 'time' ? TIME : as === 'status' ? '[a-z-]+' : as === 'message' ? '.+' : '.+?'})`
    }
  }
  own += template.length - at
  source += literal(template.slice(at))
  // A message begins with a capital letter when another one quotes it.
  const start = /^[a-z]/.test(source) ? `[${source.charAt(0)}${source.charAt(0).toUpperCase()}]${source.slice(1)}` : source
  return { code, pattern: new RegExp(`^${start}$`, 's'), places, own }
}
