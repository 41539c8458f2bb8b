/** Resolves user input to an id: a full id, its prefix, or `last` for the newest job. */
import { isUuid } from '../../../shared/ids.ts'
import type { Client } from './client.ts'
import { CliError, EXIT, UsageError } from '../errors.ts'

/** Shorter prefixes are too ambiguous. */
const MIN_PREFIX = 4
const BEGINNING = new RegExp(`^[0-9a-fA-F-]{${MIN_PREFIX},36}$`)
/** A prefix is searched among this many of the newest jobs. */
const SEARCHED_JOBS = 1000

/**
 * By id, prefix of an id, or `last`.
 * @param deleted search the deleted jobs that can be restored, instead of the others
 */
export async function resolveJobId(client: Client, word: string, deleted = false): Promise<string> {
  if (isUuid(word)) return word
  const among = deleted ? { deleted: 'true' } : {}
  if (word === 'last') {
    const newest = (await client.jobs({ limit: 1, ...among })).items[0]
    if (!newest) throw new CliError(EXIT.notFound, deleted ? 'there are no deleted jobs' : 'there are no jobs yet', 'not-found')
    return newest.id
  }
  const jobs = (await client.jobs({ limit: SEARCHED_JOBS, ...among })).items
  return onlyOne(
    'job',
    word,
    jobs.map((job) => ({ id: job.id, name: job.name })),
  )
}

/** There are too many tasks to search, so their ids must be complete. @throws UsageError when it is not an id */
export function taskId(word: string): string {
  if (!isUuid(word)) throw new UsageError(`"${word}" is not a task id; "framehouse job ID" lists the tasks of a job`, 'TASK')
  return word
}

/** By id, prefix of an id, or name. */
export async function resolveWorkerId(client: Client, word: string): Promise<string> {
  if (isUuid(word)) return word
  const workers = await client.workers()
  const named = workers.filter((worker) => worker.name === word)
  return named.length === 1 && named[0] ? named[0].id : byBeginning('worker', word, workers)
}

/** By id, prefix of an id, or name. */
export async function resolveScheduleId(client: Client, word: string): Promise<string> {
  if (isUuid(word)) return word
  const schedules = await client.schedules()
  const named = schedules.filter((schedule) => schedule.name === word)
  return named.length === 1 && named[0] ? named[0].id : byBeginning('schedule', word, schedules)
}

/** By id, prefix of an id, or a name that only one token has. */
export async function resolveTokenId(client: Client, word: string): Promise<string> {
  if (isUuid(word)) return word
  const tokens = await client.tokens()
  const named = tokens.filter((token) => token.name === word)
  if (named.length > 1) throw new UsageError(`${named.length} tokens are named "${word}"; use the id instead`, 'ID', ['tokens', 'revoke'])
  return named[0]?.id ?? byBeginning('token', word, tokens)
}

/** By id or by name. */
export async function resolveTagId(client: Client, word: string): Promise<string> {
  if (isUuid(word)) return word
  const tags = await client.tags()
  return tags.find(({ name }) => name === word)?.id ?? byBeginning('tag', word, tags)
}

/** Things with a name are usually looked up by it, so a word that cannot be an id prefix is reported as an unknown name. */
function byBeginning(kind: string, word: string, all: readonly { id: string; name: string }[]): string {
  if (!BEGINNING.test(word)) throw new CliError(EXIT.notFound, `there is no ${kind} named "${word}"`, 'not-found')
  return onlyOne(kind, word, all)
}

/** The one whose id starts with `word`. Pure. @throws CliError when none or several match */
export function onlyOne(kind: string, word: string, all: readonly { id: string; name: string }[]): string {
  if (!BEGINNING.test(word)) {
    const wanted = `give the full id or at least its first ${MIN_PREFIX} characters`
    throw new UsageError(`"${word}" is not a ${kind} id: ${wanted}`, kind.toUpperCase())
  }
  const found = all.filter((one) => one.id.startsWith(word.toLowerCase()))
  const [first, second] = found
  if (!first) throw new CliError(EXIT.notFound, `no ${kind} id starts with "${word}"`, 'not-found')
  if (second) {
    const list = found
      .slice(0, 5)
      .map((one) => `  ${one.id}  ${one.name}`)
      .join('\n')
    throw new UsageError(`"${word}" matches several ids:\n${list}`, kind.toUpperCase())
  }
  return first.id
}
