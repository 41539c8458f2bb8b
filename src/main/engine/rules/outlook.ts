/** What tasks can expect of the current workers. Pure; texts are for people. */
import { inEnglish, say, type Said } from '../../../shared/said/said.ts'
import type { SaidCode } from '../../../shared/said/english.ts'
import type { Told } from '../base/model.ts'
import type { Presence } from './workers/presence.ts'

/** A worker of the task's kind and tag. */
export interface Candidate {
  name: string
  presence: Presence
  /** Why it is excluded from the task, whatever its state. */
  excluded: 'blocked' | 'failed' | 'kept-off' | 'storage' | undefined
  /** With `storage`: the path that it does not see, and why. */
  unseen?: string
}

/**
 * - `open`: an awake worker is eligible, even if not at this moment
 * - `waiting`: it waits indefinitely for something that people can provide
 * - `stalled`: all workers that were eligible failed it, are blocked or gone; that is tolerated for a limited time only
 */
export type Outlook =
  | { state: 'open' }
  | ({ state: 'waiting'; rule: 'no-worker' | 'not-approved' | 'asleep' | 'offline' | 'storage' } & Told)
  | ({ state: 'stalled'; rule: 'nobody-left' } & Told)

export function told(message: Said, advice: Said): Told {
  return { message: inEnglish(message), advice: inEnglish(advice), said: { message, advice } }
}

/** @param hurried the task used up its tries, so that workers that have just left are only waited for briefly */
export function outlookOf(
  kind: string,
  tagged: boolean,
  candidates: readonly Candidate[],
  pending: readonly string[],
  hurried = false,
): Outlook {
  const able = candidates.filter((worker) => worker.excluded === undefined)
  if (able.some((worker) => worker.presence === 'awake')) return { state: 'open' }
  if (candidates.length === 0) return nobodyFits(kind, tagged, pending)
  const asleep = able.filter((worker) => worker.presence === 'asleep')
  if (asleep.length > 0) return { state: 'waiting', rule: 'asleep', ...told(who('asleep', asleep), say('asleep.advice')) }
  const away = able.filter((worker) => worker.presence === 'away')
  if (away.length > 0 && !hurried) {
    return { state: 'waiting', rule: 'offline', ...told(who('went-offline', away), say('offline.advice')) }
  }
  // A person mounts it, and the task runs: nothing has failed.
  const blind = of(candidates, 'storage').filter(({ presence }) => presence !== 'gone')
  if (blind.length > 0) return { state: 'waiting', rule: 'storage', ...told(unseenBy(blind), say('storage.advice')) }
  if (able.length === candidates.length) {
    return { state: 'waiting', rule: 'offline', ...told(who('offline', able), say('offline.advice')) }
  }
  const parts: [SaidCode, readonly Candidate[]][] = [
    ['who-failed', of(candidates, 'failed')],
    ['who-is-blocked', of(candidates, 'blocked')],
    ['who-is-kept-off', of(candidates, 'kept-off')],
    ['offline', [...able, ...of(candidates, 'storage')]],
  ]
  const whom = parts.filter(([, workers]) => workers.length > 0).map(([code, workers]) => who(code, workers))
  return { state: 'stalled', rule: 'nobody-left', ...told(say('all-of', { parts: whom }), say('nobody-left.advice')) }
}

function nobodyFits(kind: string, tagged: boolean, pending: readonly string[]): Outlook {
  if (pending.length > 0) {
    const message = say('pending', { who: pending, n: pending.length })
    return { state: 'waiting', rule: 'not-approved', ...told(message, say('not-approved.advice')) }
  }
  const code = tagged ? 'nobody-fits-tagged' : 'nobody-fits'
  return { state: 'waiting', rule: 'no-worker', ...told(say(code, { kind }), say(`${code}.advice`)) }
}

const of = (candidates: readonly Candidate[], excluded: Candidate['excluded']) =>
  candidates.filter((worker) => worker.excluded === excluded)

function unseenBy(workers: readonly Candidate[]): Said {
  const why = workers[0]?.unseen ?? ''
  return say('who-sees-no-storage', { who: workers.map(({ name }) => name), n: workers.length, why })
}

function who(code: SaidCode, workers: readonly { name: string }[]): Said {
  return say(code, { who: workers.map(({ name }) => name), n: workers.length })
}
