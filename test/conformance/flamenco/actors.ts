/** The callers in these tests: a Flamenco Worker as §2.2 has it, and a client that submits jobs. */
import { expect } from 'vitest'
import type { Client, Credentials, Reply } from './client.ts'

export const TASK_TYPES = ['blender', 'ffmpeg', 'file-management', 'misc']
export const SECRET = '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'

export class FlamencoWorker implements Credentials {
  private constructor(
    private readonly client: Client,
    readonly uuid: string,
    readonly secret: string,
    readonly name: string,
  ) {}

  /** Registers as the Go worker does: with a Basic header of empty name and password. */
  static async register(client: Client, name = 'een-worker', taskTypes = TASK_TYPES, platform = 'linux'): Promise<FlamencoWorker> {
    const { body } = await client.call('POST /worker/register-worker', 200, [], {
      as: { uuid: '', secret: '' },
      body: { name, secret: SECRET, platform, supported_task_types: taskTypes },
    })
    return new FlamencoWorker(client, body.uuid, SECRET, name)
  }

  /** Registers, signs on and wakes up. */
  static async awake(client: Client, name?: string, taskTypes?: string[], platform?: string): Promise<FlamencoWorker> {
    const worker = await FlamencoWorker.register(client, name, taskTypes, platform)
    expect(await worker.signOn(taskTypes)).toBe('awake')
    await worker.changedTo('awake')
    return worker
  }

  async signOn(taskTypes = TASK_TYPES): Promise<string> {
    const { body } = await this.client.call('POST /worker/sign-on', 200, [], {
      as: this,
      body: { name: this.name, supported_task_types: taskTypes, software_version: '3.9-beta1 (abc123)', can_restart: true },
    })
    return body.status_requested
  }

  async changedTo(status: string): Promise<void> {
    await this.client.call('POST /worker/state-changed', 204, [], { as: this, body: { status } })
  }

  async signOff(): Promise<void> {
    await this.client.call('POST /worker/sign-off', 204, [], { as: this })
  }

  /** Asks for a task: no body, no content type. */
  schedule(status = 200): Promise<Reply> {
    return this.client.call('POST /worker/task', status, [], { as: this })
  }

  update(taskId: string, update: object, status = 204): Promise<Reply> {
    return this.client.call('POST /worker/task/{task_id}', status, [taskId], { as: this, body: update })
  }

  async mayRun(taskId: string): Promise<{ mayKeepRunning: boolean; reason: string; statusChangeRequested: boolean }> {
    return (await this.client.call('GET /worker/task/{task_id}/may-i-run', 200, [taskId], { as: this })).body
  }

  /** Runs a task from start to completion, with the updates of the Go worker. */
  async complete(task: { uuid: string; commands: { name: string }[] }): Promise<void> {
    await this.update(task.uuid, { activity: 'Started', taskStatus: 'active' })
    for (let step = 1; step <= task.commands.length; step++) {
      await this.update(task.uuid, { log: `echo: "step ${step}"\n` })
      await this.update(task.uuid, { activity: 'Progress', steps_completed: step })
    }
    await this.update(task.uuid, { activity: 'Completed', taskStatus: 'completed' })
  }

  async fail(task: { uuid: string }, reason = 'command exited abnormally with code 47'): Promise<void> {
    await this.update(task.uuid, { activity: `Failed: ${reason}`, log: `Failed: ${reason}`, taskStatus: 'failed' })
  }
}

/** A job of one echo task and `repeats` sleep tasks that wait for it. */
export function echoJob(overrides: Record<string, unknown> = {}, repeats = 1): Record<string, unknown> {
  return {
    name: 'Een jöb',
    type: 'echo-sleep-test',
    priority: 50,
    submitter_platform: 'linux',
    settings: { message: 'hey', sleep_duration_seconds: 1, sleep_repeats: repeats },
    metadata: { project: 'Sprite Fright' },
    ...overrides,
  }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- checked by the client
export async function submit(client: Client, job: Record<string, unknown> = echoJob()): Promise<any> {
  return (await client.call('POST /jobs', 200, [], { body: job })).body
}

/** The tasks of a job, in order. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- checked by the client
export async function tasksOf(client: Client, jobId: string): Promise<any[]> {
  return (await client.call('GET /jobs/{job_id}/tasks', 200, [jobId])).body.tasks
}

export const NO_SUCH_ID = '11111111-2222-4333-8444-555555555555'
