/** From what a person types to the id the manager knows: a whole id, its beginning, or `last` for the newest job. */
import { isUuid } from '../../shared/ids.ts'
import type { Client } from './client.ts'
import { CliError, EXIT, UsageError } from './errors.ts'

/** Beginnings shorter than this say too little. */
const MIN_PREFIX = 4
/** Among this many newest jobs a beginning is looked for. */
const SEARCHED_JOBS = 1000

export async function resolveJobId(client: Client, word: string): Promise<string> {
  if (isUuid(word)) return word
  if (word === 'last') {
    const newest = (await client.jobs({ limit: 1 })).items[0]
    if (!newest) throw new CliError(EXIT.notFound, 'there is no job yet', 'not-found')
    return newest.id
  }
  const jobs = (await client.jobs({ limit: SEARCHED_JOBS })).items
  return onlyOne(
    'job',
    word,
    jobs.map((job) => ({ id: job.id, name: job.name })),
  )
}

/** By id, its beginning, or name. */
export async function resolveWorkerId(client: Client, word: string): Promise<string> {
  if (isUuid(word)) return word
  const workers = await client.workers()
  const named = workers.filter((worker) => worker.name === word)
  return named.length === 1 && named[0] ? named[0].id : onlyOne('worker', word, workers)
}

/** By id, its beginning, or name. */
export async function resolveScheduleId(client: Client, word: string): Promise<string> {
  if (isUuid(word)) return word
  const schedules = await client.schedules()
  const named = schedules.filter((schedule) => schedule.name === word)
  return named.length === 1 && named[0] ? named[0].id : onlyOne('schedule', word, schedules)
}

/** The one whose id starts with `word`. Pure. @throws CliError when none or several do */
export function onlyOne(kind: string, word: string, all: readonly { id: string; name: string }[]): string {
  if (!new RegExp(`^[0-9a-fA-F-]{${MIN_PREFIX},36}$`).test(word)) {
    const wanted = `give it whole, or at least its first ${MIN_PREFIX} characters`
    throw new UsageError(`"${word}" is no id of a ${kind}: ${wanted}`, kind.toUpperCase())
  }
  const found = all.filter((one) => one.id.startsWith(word.toLowerCase()))
  const [first, second] = found
  if (!first) throw new CliError(EXIT.notFound, `no ${kind} has an id that starts with "${word}"`, 'not-found')
  if (second) {
    const list = found
      .slice(0, 5)
      .map((one) => `  ${one.id}  ${one.name}`)
      .join('\n')
    throw new UsageError(`"${word}" is the beginning of several ids:\n${list}`, kind.toUpperCase())
  }
  return first.id
}
