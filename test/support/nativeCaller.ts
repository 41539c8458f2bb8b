/** A worker by hand: the calls that ours makes, one at a time, so that a test decides what is sent when. */
import type { Assignment, TakeReply } from '../../src/shared/schemas/agent.ts'
import type { ManagerProcess } from './managerProcess.ts'

export class NativeCaller {
  private seq = 0
  private last: unknown
  /** What it holds. */
  assignment: Assignment | undefined

  private constructor(
    private readonly manager: ManagerProcess,
    readonly id: string,
    private readonly auth: string,
  ) {}

  static async join(manager: ManagerProcess, name: string, kinds = ['blender']): Promise<NativeCaller> {
    const secret = name.padEnd(64, '0')
    const { workerId } = await manager.json<{ workerId: string }>('POST', '/api/v1/agent/join', { name, secret, platform: 'linux', kinds })
    const caller = new NativeCaller(manager, workerId, `Basic ${Buffer.from(`${workerId}:${secret}`).toString('base64')}`)
    await caller.call('/sign-on', { name, software: 'test', kinds, capacity: 1, running: [] })
    return caller
  }

  /** Takes one task, which must be there. */
  async take(): Promise<Assignment> {
    const { assignments } = await this.call<TakeReply>('/take', { slots: 1, waitMs: 5_000, running: [] })
    this.assignment = assignments[0]
    if (!this.assignment) throw new Error('there is no task')
    return this.assignment
  }

  /** Says that it is still at its task. */
  hold(): Promise<TakeReply> {
    return this.call('/take', { slots: 0, waitMs: 0, running: this.assignment ? [this.fence()] : [] })
  }

  log(text: string): Promise<unknown> {
    return this.report({ type: 'log', at: 0, stream: 'stdout', text })
  }

  async finish(exitCode = 0): Promise<void> {
    await this.report({ type: 'finished', at: 0, outcome: exitCode === 0 ? 'success' : 'exit-code', exitCode, reason: '' })
    this.assignment = undefined
  }

  report(event: object): Promise<unknown> {
    const seq = ++this.seq
    this.last = { reports: [{ seq, ...this.fence(), event }] }
    return this.repeat()
  }

  /** The last report once more, as a worker does that had no answer. */
  repeat(): Promise<unknown> {
    return this.call('/report', this.last)
  }

  /** @throws Error with status and text unless the reply is a success */
  async call<T>(path: string, body: unknown): Promise<T> {
    const reply = await fetch(`${this.manager.url}/api/v1/agent${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: this.auth },
      body: JSON.stringify(body),
    })
    const text = await reply.text()
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${text}`)
    // A test of its own server trusts what it answers.
    return JSON.parse(text) as T
  }

  private fence() {
    if (!this.assignment) throw new Error('it is at no task')
    const { taskId, attempt } = this.assignment
    return { taskId, attempt }
  }
}
