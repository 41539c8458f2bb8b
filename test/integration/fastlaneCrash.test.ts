/**
 * The built manager is killed in the middle of what Fastlane's clients ask: each request was carried out whole or not at all,
 * whatever was answered was carried out, and no execution is lost or there twice.
 */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ManagerProcess } from '../support/managerProcess.ts'
import { ensureBuilt } from '../support/program.ts'

/** The manager dies as soon as so many of a round's seven requests were answered: others are under way. */
const KILLED_AFTER = [0, 1, 2, 3, 4, 5, 6]
/** Shares of the time that a request takes. */
const KILLED_WITHIN = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1]
const TASK = 'crash'
/** Moments that no test lives to see. */
const CRONS = ['0 0 1 1 *', '0 0 2 1 *']

interface Run {
  id: string
  command: string
  status: string
}
/** A job as its client sees it, executions oldest first; undefined: there is none. */
type Seen = { command: string; cron: string | null; scheduled: boolean; planned: string | null; runs: Run[] } | undefined

interface JobShown {
  command: string
  scheduled: boolean
  metadata: { cron?: string }
  executions: (Run & { executionId: string })[]
}

interface Operation {
  kind: 'now' | 'cron' | 'later' | 'stop' | 'retry'
  command: string
  cron?: string
}

const NEW = 'new'

/** What the operation makes of a job. */
function after(before: Seen, { kind, command, cron }: Operation): Seen {
  const runs = before?.runs ?? []
  const added = (text: string): Run[] => [...runs, { id: NEW, command: text, status: 'enqueued' }]
  if (kind === 'now') return { command, cron: null, scheduled: false, planned: null, runs: added(command) }
  if (kind === 'cron') return { command, cron: cron ?? '', scheduled: true, planned: cron ?? '', runs }
  if (kind === 'later') return { command, cron: null, scheduled: false, planned: null, runs }
  if (before === undefined) return undefined
  if (kind === 'retry') return before.scheduled || runs.length === 0 ? before : { ...before, runs: added(runs.at(-1)?.command ?? '') }
  const stopped = runs.map((run) => (run.status === 'enqueued' ? { ...run, status: 'stopped' } : run))
  return { ...before, scheduled: false, planned: null, runs: stopped }
}

describe('a manager that is killed while clients change jobs', () => {
  let folder: string
  let manager: ManagerProcess
  beforeAll(async () => {
    ensureBuilt()
    folder = await mkdtemp(join(tmpdir(), 'framehouse-fastlane-'))
    manager = await ManagerProcess.start({ dataDir: folder })
  }, 120_000)
  afterAll(async () => {
    await manager?.kill()
    await rm(folder, { recursive: true, force: true })
  })

  const pathOf = (job: string): string => `/tasks/${TASK}/jobs/${job}/`

  /** Whether it was answered with success. */
  async function send(job: string, { kind, command, cron }: Operation): Promise<boolean> {
    const isPut = kind !== 'stop' && kind !== 'retry'
    const start = kind === 'cron' ? { cron } : kind === 'later' ? { startIn: '48h' } : {}
    const address = manager.url + pathOf(job) + (isPut ? '' : `${kind}/`)
    const body = isPut ? { body: JSON.stringify({ image: 'none', command, ...start }) } : {}
    try {
      const reply = await fetch(address, { method: isPut ? 'PUT' : 'POST', ...body })
      await reply.text()
      return reply.ok
    } catch {
      return false
    }
  }

  async function look(jobs: readonly string[]): Promise<Map<string, Seen>> {
    // Answers are checked elsewhere; a wrong shape fails the expectations.
    const get = async <T>(path: string) => (await (await fetch(manager.url + path)).json()) as T
    const status = await get<{ jobs: { scheduled: { url: string; metadata: { cron?: string } }[] } }>('/status/')
    const seen = new Map<string, Seen>()
    for (const id of jobs) {
      const { job } = await get<{ job?: JobShown }>(pathOf(id))
      const planned = status.jobs.scheduled.find(({ url }) => url.endsWith(pathOf(id)))
      seen.set(
        id,
        job && {
          command: job.command,
          cron: job.metadata.cron ?? null,
          scheduled: job.scheduled,
          planned: planned?.metadata.cron ?? null,
          runs: job.executions.map(({ executionId, command, status: state }) => ({ id: executionId, command, status: state })).toReversed(),
        },
      )
    }
    return seen
  }

  /** With new executions known as such. */
  function comparable(seen: Seen, before: Seen): Seen {
    const known = new Set(before?.runs.map(({ id }) => id))
    return seen && { ...seen, runs: seen.runs.map((run) => (known.has(run.id) ? run : { ...run, id: NEW })) }
  }

  it('has done each change whole or not at all', { timeout: 300_000 }, async () => {
    const lasting = Array.from({ length: 5 }, () => randomUUID())
    for (const id of lasting) expect(await send(id, { kind: 'now', command: 'first' })).toBe(true)
    let done = 0
    let undone = 0
    for (const round of KILLED_AFTER) {
      const command = `round ${round}`
      const cron = CRONS[round % 2]
      const operations: Operation[] = [
        { kind: 'now', command },
        { kind: 'cron', command, cron },
        { kind: 'later', command },
        { kind: 'stop', command },
        { kind: 'retry', command },
      ]
      const fresh = [randomUUID(), randomUUID()]
      const asked = new Map<string, Operation>([
        [fresh[0]!, { kind: 'now', command }],
        [fresh[1]!, { kind: 'cron', command, cron }],
        // Each job gets another one each time.
        ...lasting.map((id, at): [string, Operation] => [id, operations[(at + round) % operations.length]!]),
      ])
      const before = await look([...asked.keys()])
      let count = 0
      let enough = (): void => undefined
      const killing = new Promise<void>((resolve) => (enough = resolve)).then(() => manager.kill())
      const answers = [...asked].map(async ([id, operation]): Promise<[string, boolean]> => {
        const ok = await send(id, operation)
        if (++count >= round) enough()
        return [id, ok]
      })
      if (round === 0) enough()
      await killing
      const answered = new Map(await Promise.all(answers))
      manager = await ManagerProcess.start({ dataDir: folder })
      const now = await look([...asked.keys()])
      for (const [id, operation] of asked) {
        const was = before.get(id)
        const [whole, found] = [after(was, operation), comparable(now.get(id), was)]
        const what = `${operation.kind} of ${was === undefined ? 'a new job' : JSON.stringify(was)}, killed after ${round} answers`
        if (answered.get(id)) expect(found, `${what}, answered`).toEqual(whole)
        else expect([was, whole], what).toContainEqual(found)
        if (JSON.stringify(found) === JSON.stringify(was)) undone += 1
        else done += 1
      }
      lasting.splice(0, 1, fresh[0]!)
    }
    // Else the kills came too late or too early to show anything.
    expect([done > 0, undone > 0]).toEqual([true, true])
  })

  it('runs again what it stopped, or has stopped nothing', { timeout: 300_000 }, async () => {
    const trial = randomUUID()
    await send(trial, { kind: 'now', command: 'first' })
    const began = performance.now()
    await send(trial, { kind: 'now', command: 'second' })
    const takesMs = performance.now() - began
    for (const share of KILLED_WITHIN) {
      const job = randomUUID()
      const reply = await fetch(manager.url + pathOf(job), { method: 'PUT', body: JSON.stringify({ image: 'none', command: 'runs' }) })
      const { executionId } = (await reply.json()) as { executionId: string }
      await begin(executionId)
      const answer = send(job, { kind: 'retry', command: '' })
      await new Promise((resolve) => setTimeout(resolve, share * takesMs))
      await manager.kill()
      const answered = await answer
      manager = await ManagerProcess.start({ dataDir: folder })
      const { status } = await manager.json<{ status: string }>('GET', `/api/v1/tasks/${executionId}`)
      const runs = (await look([job])).get(job)?.runs ?? []
      const outcome = [status, runs.length]
      if (answered) expect(outcome).toEqual(['canceled', 2])
      else
        expect(
          [
            ['canceled', 2],
            ['active', 1],
          ],
          `killed after ${share} of ${takesMs} ms`,
        ).toContainEqual(outcome)
    }
  })

  /** A worker takes tasks until it has this one. */
  async function begin(taskId: string): Promise<void> {
    const secret = randomUUID() + randomUUID()
    const who = { name: randomUUID(), secret, platform: 'linux', kinds: ['container'] }
    const { workerId } = await manager.json<{ workerId: string }>('POST', '/api/v1/agent/join', who)
    const headers = {
      authorization: `Basic ${Buffer.from(`${workerId}:${secret}`).toString('base64')}`,
      'content-type': 'application/json',
    }
    const call = async (name: string, body: object): Promise<string> => {
      const reply = await fetch(`${manager.url}/api/v1/agent/${name}`, { method: 'POST', headers, body: JSON.stringify(body) })
      const text = await reply.text()
      if (!reply.ok) throw new Error(`${name}: ${reply.status} ${text}`)
      return text
    }
    await call('sign-on', { name: who.name, software: 'test', kinds: ['container'], capacity: 1000, running: [] })
    const taken = await call('take', { slots: 1000, waitMs: 5000, running: [] })
    expect(taken).toContain(taskId)
  }
})
