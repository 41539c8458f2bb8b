/** kill -9 of the manager while the mailbox of a stateful actor fills and is worked off. */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { expect, it } from 'vitest'
import type { Assignment, Fence, ReportReply, SignOnReply, TakeReply } from '../../../../src/shared/schemas/agent.ts'
import { ActorsFarm } from '../../../support/actorsFarm.ts'
import { ManagerProcess } from '../../../support/managerProcess.ts'

const MESSAGES = 40
/** After so many executions it is killed: while a report, a take, or nothing of the worker is under way. */
const KILLS = new Map([
  [4, 'report'],
  [11, 'take'],
  [18, 'rest'],
  [25, 'report'],
  [30, 'take'],
])

/** A manager that is killed and started again at the same address. */
class Mortal {
  /** Resolves when it is there again. */
  up: Promise<void> = Promise.resolve()

  private constructor(private manager: ManagerProcess) {}

  static async start(): Promise<Mortal> {
    return new Mortal(await ManagerProcess.start())
  }

  kill(): void {
    const { dataDir, port } = this.manager
    this.up = (async () => {
      await this.manager.kill()
      this.manager = await ManagerProcess.start({ dataDir, port })
    })()
  }

  /** @returns undefined when it died over this request; it is back then */
  async ask<T>(path: string, body?: unknown, authorization?: string): Promise<T | undefined> {
    const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) }
    try {
      const reply = await fetch(this.manager.url + path, {
        headers,
        ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
      })
      const text = await reply.text()
      if (!reply.ok) throw new Error(`${path}: ${reply.status} ${text}`)
      // The test knows what it asked for.
      return JSON.parse(text) as T
    } catch (error) {
      if (!(error instanceof TypeError)) throw error
      await this.up
      return undefined
    }
  }

  async stop(): Promise<void> {
    await this.up
    await this.manager.stop(true)
    await rm(this.manager.dataDir, { recursive: true, force: true })
  }
}

/** A worker that goes on with what it has when the manager is back. */
class Survivor {
  private authorization = ''
  private seq = 0
  private running: Fence[] = []

  constructor(private readonly manager: Mortal) {}

  async join(): Promise<void> {
    const secret = randomBytes(24).toString('hex')
    const body = { name: 'survivor', secret, platform: 'linux', kinds: ['actor'] }
    const joined = await this.manager.ask<{ workerId: string }>('/api/v1/agent/join', body)
    this.authorization = `Basic ${Buffer.from(`${joined?.workerId}:${secret}`).toString('base64')}`
    await this.signOn()
  }

  /** The next execution. Asks for more than one: an actor with a state must not give it. `meanwhile`: done while it is under way. */
  async take(meanwhile?: () => void): Promise<Assignment | undefined> {
    const body = { slots: 5, waitMs: 0, running: this.running, status: 'awake' }
    const asked = this.manager.ask<TakeReply>('/api/v1/agent/take', body, this.authorization)
    meanwhile?.()
    const reply = await asked
    if (!reply) return void (await this.signOn())
    expect(reply.assignments.length, 'one at a time').toBeLessThanOrEqual(1)
    const [assignment] = reply.assignments
    if (assignment) this.running = [{ taskId: assignment.taskId, attempt: assignment.attempt }]
    return assignment
  }

  /** Reports a result and the end, until the manager has them. */
  async finish({ taskId, attempt }: Fence, result: string | undefined, meanwhile?: () => void): Promise<void> {
    const at = Date.now()
    const data = result !== undefined && Buffer.from(result).toString('base64')
    const events = [
      ...(data === false ? [] : [{ type: 'result', at, data }]),
      { type: 'finished', at, outcome: 'success', exitCode: 0, reason: '' },
    ]
    const reports = events.map((event) => ({ seq: ++this.seq, taskId, attempt, event }))
    for (;;) {
      const asked = this.manager.ask<ReportReply>('/api/v1/agent/report', { reports }, this.authorization)
      meanwhile?.()
      meanwhile = undefined
      const reply = await asked
      if (reply) expect(reply.stale, 'what it was given stays its own').toEqual([])
      if (reply || (await this.signOn()).reportSeq >= this.seq) break
    }
    this.running = []
  }

  private async signOn(): Promise<SignOnReply> {
    const { running } = this
    const body = { name: 'survivor', software: 'test', kinds: ['actor'], capacity: 5, running }
    for (;;) {
      const reply = await this.manager.ask<SignOnReply>('/api/v1/agent/sign-on', body, this.authorization)
      if (reply) return reply
    }
  }
}

it('kept messages run in order, each once, though the manager is killed again and again', { timeout: 60_000 }, async () => {
  const manager = await Mortal.start()
  try {
    const worker = new Survivor(manager)
    await worker.join()
    const made = await manager.ask<{ result: { id: string } }>('/actors/v2', { image: 'abacosamples/test', stateless: false })
    const actor = `/actors/v2/${made?.result.id}`
    const pull = await worker.take()
    expect(pull?.commands[0]?.name).toBe('actor-pull')
    if (pull) await worker.finish(pull, undefined)

    const accepted: string[] = []
    let isSending = true
    const sending = (async () => {
      for (let n = 0; n < MESSAGES; n++) {
        const message = `message ${String(n).padStart(2, '0')}`
        if (await manager.ask(`${actor}/messages`, { message })) accepted.push(message)
      }
      isSending = false
    })()

    const done: string[] = []
    const left = new Map(KILLS)
    const killAt = (moment: string) => {
      if (left.get(done.length) !== moment) return undefined
      left.delete(done.length)
      return () => manager.kill()
    }
    for (;;) {
      const wasSending = isSending
      const assignment = await worker.take(killAt('take'))
      if (!assignment) {
        const count = await manager.ask<{ result: { messages: number } }>(`${actor}/messages`)
        if (!wasSending && count?.result.messages === 0) break
        continue
      }
      const text = ActorsFarm.env(assignment)['MSG'] ?? ''
      await worker.finish(assignment, text, killAt('report'))
      killAt('rest')?.()
      done.push(text)
    }
    await sending

    expect(left.size).toBe(0)
    expect(accepted.length).toBeGreaterThanOrEqual(MESSAGES - KILLS.size)
    expect(done, 'in the order in which they were sent, none twice').toEqual([...new Set(done)].toSorted())
    expect(done, 'nothing that was accepted is lost').toEqual(expect.arrayContaining(accepted))
    const list = await manager.ask<{ result: { executions: { id: string; status: string }[] } }>(`${actor}/executions`)
    const executions = list?.result.executions ?? []
    expect(executions.map(({ status }) => status)).toEqual(done.map(() => 'COMPLETE'))
    for (const [at, { id }] of executions.entries()) {
      const results = await manager.ask<{ result: { data: string }[] }>(`${actor}/executions/${id}/results?peek=true`)
      expect(results?.result.map(({ data }) => Buffer.from(data, 'base64').toString())).toEqual([done[at]])
    }
  } finally {
    await manager.stop()
  }
})
