import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ExitCodeError } from '../../../src/main/worker/contract/commands.ts'
import { FLAMENCO_TIMING } from '../../../src/main/worker/adapters/flamenco/flamencoWorker.ts'
import { FakeFlamenco } from '../../support/fakeFlamenco.ts'
import { WorkerLab, type TestWorker } from '../../support/workerParts.ts'

let manager: FakeFlamenco
let lab: WorkerLab
beforeEach(async () => {
  manager = await FakeFlamenco.start()
  lab = new WorkerLab()
})
afterEach(async () => {
  await lab.cleanUp()
  await manager.close()
})

const soon = { timeout: 40_000, interval: 5 }
/** The protocol's waits, a hundredth of them. */
const flamencoTiming = {
  ...FLAMENCO_TIMING,
  idleMs: 100,
  errorMs: 200,
  asleepMs: 30,
  mayIRunMs: 60,
  closeMs: 500,
  connect: { firstMs: 20, maxMs: 100, factor: 2, jitter: 0.1 },
}

type StartArguments = Parameters<WorkerLab['start']>
const start = (config: Partial<StartArguments[0]> = {}, parts: StartArguments[1] = {}): Promise<TestWorker> =>
  lab.start({ managerUrl: manager.url, ...config }, { flamencoTiming, ...parts })
const command = (name: string, parameters: Record<string, unknown> = {}, total_step_count = 0) => ({ name, parameters, total_step_count })

describe('a worker of a foreign Flamenco Manager', () => {
  it('finds out what the manager is, registers, signs on and wakes, with exactly these requests', async () => {
    const { worker, dataDir } = await start()
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('awake')
    expect(manager.names().slice(0, 5)).toEqual([
      'GET /api/v1/version',
      'GET version',
      'POST register-worker',
      'POST sign-on',
      'POST state-changed',
    ])
    const platform = process.platform === 'win32' ? 'windows' : process.platform
    expect(manager.bodies('POST register-worker')).toEqual([
      { name: 'tester', secret: expect.stringMatching(/^[0-9a-f]{64}$/), platform, supported_task_types: ['test'] },
    ])
    expect(manager.bodies('POST sign-on')).toEqual([
      { name: 'tester', supported_task_types: ['test'], software_version: 'Framehouse 0.0.0-test', can_restart: false },
    ])
    expect(manager.bodies('POST state-changed')).toEqual([{ status: 'awake' }])
    const { uuid, secret } = manager.onlyWorker()
    const signOn = manager.calls.find(({ call }) => call === 'POST sign-on')
    expect(signOn?.headers.authorization).toBe(`Basic ${Buffer.from(`${uuid}:${secret}`).toString('base64')}`)
    expect(worker.status()).toMatchObject({ adapter: 'flamenco', connected: true, workerIds: [uuid], status: 'awake' })
    const path = join(dataDir, 'worker-credentials.json')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(path, 'utf8')).workers).toEqual([
      { manager: manager.url, adapter: 'flamenco', slot: 0, workerId: uuid, secret },
    ])
  })

  it('tells of a task with exactly these updates', async () => {
    const task = manager.submit(command('say', { text: 'hello' }), command('say', { text: 'wörld' }))
    await start()
    await expect.poll(() => task.status, soon).toBe('completed')
    expect(manager.bodies('POST task/ID')).toEqual([
      { activity: 'Started', taskStatus: 'active' },
      { activity: 'Progress', steps_completed: 1 },
      { activity: 'Progress', steps_completed: 2 },
      { log: 'hello\nwörld\n' },
      { activity: 'Completed', taskStatus: 'completed' },
    ])
    for (const { headers } of manager.calls.filter(({ call }) => call === 'POST task/ID')) {
      expect(headers['content-type']).toBe('application/json')
    }
  })

  it('counts the steps of a command that counts its own, and one for each other', async () => {
    const { commands } = await start()
    commands.set('frames', async (_command, context) => {
      context.progress(1)
      context.progress(1)
      context.progress(1)
    })
    const task = manager.submit(command('frames', {}, 3), command('say', { text: '' }))
    await expect.poll(() => task.status, soon).toBe('completed')
    expect(task.steps).toBe(4)
  })

  it('takes tasks of Managers that know no steps', async () => {
    await start()
    const task = manager.submit({ name: 'say', parameters: { text: 'old' } })
    await expect.poll(() => task.status, soon).toBe('completed')
  })

  it('tells of a failure with its reason, once in the log and once as activity', async () => {
    const { commands } = await start()
    commands.set('break', async () => {
      throw new ExitCodeError(47)
    })
    const task = manager.submit(command('break'))
    await expect.poll(() => task.status, soon).toBe('failed')
    const text = 'Failed: command exited abnormally with code 47'
    expect(manager.bodies('POST task/ID').at(-1)).toEqual({ activity: text, log: text, taskStatus: 'failed' })
  })

  it('sends log text in chunks of about ten kilobytes, in bytes, not characters', async () => {
    const { commands } = await start()
    commands.set('chat', async (_command, context) => {
      for (let n = 0; n < 1000; n++) {
        context.log('stdout', 'één regel\n')
        if (n % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })
    const task = manager.submit(command('chat'))
    await expect.poll(() => task.status, soon).toBe('completed')
    const updates = manager.bodies('POST task/ID')
    const logs = updates.flatMap((body) => (typeof body === 'object' && body && 'log' in body ? [String(body.log)] : []))
    expect(logs.join('')).toBe('één regel\n'.repeat(1000))
    expect(Buffer.byteLength(logs[0] ?? '')).toBe(12 * Math.ceil(10_241 / 12))
  })

  it('asks for the next task at once after one is done, and only after its end was confirmed', async () => {
    const first = manager.submit(command('say', { text: '1' }))
    const second = manager.submit(command('say', { text: '2' }))
    await start({}, { flamencoTiming: { ...flamencoTiming, idleMs: 60_000, errorMs: 60_000 } })
    await expect.poll(() => second.status, soon).toBe('completed')
    expect(first.status).toBe('completed')
    const firstCompleted = manager.calls.findIndex(({ body }) => JSON.stringify(body)?.includes('Completed'))
    const fetches = manager.calls.flatMap(({ call }, index) => (call === 'POST task' ? [index] : []))
    expect(fetches[1]).toBeGreaterThan(firstCompleted)
  })

  it('asks whether it may go on, and abandons the task without a word when it may not', async () => {
    const { commands, worker } = await start()
    const task = manager.submit(command('hold'))
    await expect.poll(() => commands.isHeld(task.uuid), soon).toBe(true)
    await expect.poll(() => task.activity, soon).toBe('Started')
    await expect.poll(() => manager.names(/may-i-run/).length, soon).toBeGreaterThan(1)
    task.status = 'canceled'
    await expect.poll(() => worker.status().running, soon).toEqual([])
    expect(commands.started[0]?.signal.reason).toMatchObject({ message: 'task is in non-runnable status "canceled"' })
    expect(manager.bodies('POST task/ID')).toEqual([{ activity: 'Started', taskStatus: 'active' }])
    const next = manager.submit(command('say', { text: 'next' }))
    await expect.poll(() => next.status, soon).toBe('completed')
  })

  it('goes on while the Manager does not answer whether it may', async () => {
    const { commands } = await start()
    const task = manager.submit(command('hold'))
    await expect.poll(() => commands.isHeld(task.uuid), soon).toBe(true)
    manager.intercept = (call) => (call.endsWith('may-i-run') ? { status: 500, body: { code: 500, message: 'oops' } } : undefined)
    const asked = manager.names(/may-i-run/).length
    await expect.poll(() => manager.names(/may-i-run/).length, soon).toBeGreaterThan(asked + 2)
    commands.release(task.uuid)
    await expect.poll(() => task.status, soon).toBe('completed')
  })

  it('stops a task of which an update is answered 409', async () => {
    const { commands, worker } = await start({}, { flamencoTiming: { ...flamencoTiming, mayIRunMs: 60_000 } })
    const task = manager.submit(command('hold'))
    await expect.poll(() => commands.isHeld(task.uuid), soon).toBe(true)
    await expect.poll(() => task.activity, soon).toBe('Started')
    task.workerId = 'another worker'
    commands.started[0]?.log('stdout', 'x'.repeat(11_000))
    await expect.poll(() => worker.status().running, soon).toEqual([])
    expect(commands.started[0]?.signal.reason).toMatchObject({ outcome: 'stopped' })
  })

  it('uploads the last image a task rendered as JPEG with its length', async () => {
    const previews = { previews: async () => undefined, fullSize: async () => Buffer.from('jpeg bytes') }
    const { commands } = await start({}, { createPreviews: () => previews })
    commands.set('save', async (_command, context) => context.output({ path: '/renders/0001.png', frame: 1 }))
    manager.submit(command('save'))
    await expect.poll(() => manager.names(/output-produced/).length, soon).toBe(1)
    const upload = manager.calls.find(({ call }) => call.endsWith('output-produced'))
    expect(upload?.headers).toMatchObject({ 'content-type': 'image/jpeg', 'content-length': '10' })
    expect(upload?.bytes.toString()).toBe('jpeg bytes')
  })

  it('registers a worker for each slot, each with credentials of its own, and runs that many at once', async () => {
    const { commands, worker } = await start({ slots: 3 })
    const tasks = Array.from({ length: 3 }, () => manager.submit(command('hold')))
    await expect.poll(() => tasks.filter(({ uuid }) => commands.isHeld(uuid)).length, soon).toBe(3)
    expect([...manager.workers.values()].map(({ name }) => name).sort()).toEqual(['tester', 'tester-2', 'tester-3'])
    expect(new Set(tasks.map(({ workerId }) => workerId)).size).toBe(3)
    expect(worker.status().running).toHaveLength(3)
    for (const { uuid } of tasks) commands.release(uuid)
    await expect.poll(() => tasks.every(({ status }) => status === 'completed'), soon).toBe(true)
  })
})

describe('status requests of a Flamenco Manager', () => {
  it('423: sleeps, asks for its state, wakes', async () => {
    await start()
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('awake')
    manager.onlyWorker().requested = 'asleep'
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('asleep')
    await expect.poll(() => manager.names(/^GET state/).length, soon).toBeGreaterThan(1)
    const task = manager.submit(command('say', { text: 'morning' }))
    expect(task.status).toBe('queued')
    manager.onlyWorker().requested = 'awake'
    await expect.poll(() => task.status, soon).toBe('completed')
    expect(manager.bodies('POST state-changed')).toEqual([{ status: 'awake' }, { status: 'asleep' }, { status: 'awake' }])
  })

  it('a status that no worker can be means sleep', async () => {
    await start()
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('awake')
    manager.onlyWorker().requested = 'testing'
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('asleep')
  })

  it.each(['offline', 'restart'])('%s: signs off without a state-changed, and ends with that reason', async (status) => {
    const { worker } = await start()
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('awake')
    manager.onlyWorker().requested = status
    expect(await worker.ended).toBe(status)
    expect(manager.names().at(-1)).toBe('POST sign-off')
    expect(manager.bodies('POST state-changed')).toEqual([{ status: 'awake' }])
  })

  it('409: signs on again, which brings back a worker that was counted as gone', async () => {
    await start()
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('awake')
    manager.onlyWorker().status = 'error'
    const task = manager.submit(command('say', { text: 'back' }))
    await expect.poll(() => task.status, soon).toBe('completed')
    expect(manager.bodies('POST sign-on')).toHaveLength(2)
  })

  it('a running task is given up without an update when the program ends, before the sign-off', async () => {
    const { commands, worker } = await start()
    const task = manager.submit(command('hold'))
    await expect.poll(() => commands.isHeld(task.uuid), soon).toBe(true)
    await expect.poll(() => task.activity, soon).toBe('Started')
    await worker.stop()
    expect(manager.bodies('POST task/ID')).toEqual([{ activity: 'Started', taskStatus: 'active' }])
    expect(manager.names().at(-1)).toBe('POST sign-off')
    expect(task.status).toBe('active')
  })
})

describe('trouble with a Flamenco Manager', () => {
  it.each([500, 502, 503])('a sign-on answered %i is tried again; no second worker is registered', async (status) => {
    let times = 0
    const answer = { status, body: { code: status, message: 'not now' } }
    manager.intercept = (call) => (call === 'POST sign-on' && times++ < 3 ? answer : undefined)
    await start()
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('awake')
    expect(manager.workers.size).toBe(1)
    expect(manager.names(/register/)).toHaveLength(1)
  })

  it('comes back as the same worker, and registers anew only when it is refused (403)', async () => {
    const first = await start()
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('awake')
    const id = manager.onlyWorker().uuid
    await first.worker.stop()
    const second = await start({ dataDir: first.dataDir })
    await expect.poll(() => second.worker.status().workerIds, soon).toEqual([id])
    await second.worker.stop()
    manager.workers.clear()
    const third = await start({ dataDir: first.dataDir })
    await expect.poll(() => third.worker.status().status, soon).toBe('awake')
    expect(third.worker.status().workerIds).not.toEqual([id])
  })

  it('keeps updates while the Manager is away, and sends them afterwards in order, before it asks for work', async () => {
    const { commands } = await start()
    const task = manager.submit(command('hold'))
    await expect.poll(() => commands.isHeld(task.uuid), soon).toBe(true)
    await expect.poll(() => task.activity, soon).toBe('Started')
    await manager.close()
    const before = manager.calls.length
    for (let n = 0; n < 50; n++) commands.started[0]?.log('stdout', `${n} ${'.'.repeat(1000)}`)
    commands.release(task.uuid)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await manager.open()
    await expect.poll(() => task.status, soon).toBe('completed')
    expect(task.log).toBe(Array.from({ length: 50 }, (_, n) => `${n} ${'.'.repeat(1000)}\n`).join(''))
    const after = manager.calls.slice(before).map(({ call }) => call)
    expect(after.indexOf('POST task') === -1 || after.indexOf('POST task') > after.lastIndexOf('POST task/ID')).toBe(true)
  })

  it('keeps updates over its own restart, and does not repeat delivered ones', async () => {
    const first = await start()
    const task = manager.submit(command('hold'))
    await expect.poll(() => first.commands.isHeld(task.uuid), soon).toBe(true)
    first.commands.started[0]?.log('stdout', 'x'.repeat(11_000))
    await expect.poll(() => task.log.length, soon).toBe(11_001)
    await manager.close()
    first.commands.started[0]?.log('stdout', 'y'.repeat(11_000))
    first.commands.release(task.uuid)
    await expect.poll(() => first.worker.status().running, soon).toEqual([])
    await first.worker.stop()
    await manager.open()
    const second = await start({ dataDir: first.dataDir })
    await expect.poll(() => task.status, soon).toBe('completed')
    expect(task.log).toBe(`${'x'.repeat(11_000)}\n${'y'.repeat(11_000)}\n`)
    await expect.poll(() => second.worker.status().undelivered, soon).toBe(0)
  })

  it('an update that the Manager refuses is dropped, and does not block the ones behind it', async () => {
    const { log } = await start()
    let refused = false
    const answer = { status: 400, body: { code: 400, message: 'no' } }
    manager.intercept = (call) => (call === 'POST task/ID' && !refused && (refused = true) ? answer : undefined)
    const task = manager.submit(command('say', { text: 'x' }))
    await expect.poll(() => task.status, soon).toBe('completed')
    expect(log.lines.join('\n')).toContain('the Manager rejected a task update')
  })

  it('waits after "nothing to do" and after trouble as long as its timing says, spread by a tenth', async () => {
    await start({}, { random: () => 0.999 })
    await expect.poll(() => manager.names(/^POST task$/).length, soon).toBeGreaterThan(3)
    const times = manager.calls.filter(({ call }) => call === 'POST task').map(({ at }) => at)
    expect((times[2] ?? 0) - (times[1] ?? 0)).toBeGreaterThanOrEqual(105)
    manager.intercept = (call) => (call === 'POST task' ? { status: 500, body: { code: 500, message: 'oops' } } : undefined)
    const before = manager.calls.length
    await expect.poll(() => manager.calls.slice(before).filter(({ call }) => call === 'POST task').length, soon).toBeGreaterThan(2)
    const errors = manager.calls
      .slice(before)
      .filter(({ call }) => call === 'POST task')
      .map(({ at }) => at)
    expect((errors[2] ?? 0) - (errors[1] ?? 0)).toBeGreaterThanOrEqual(215)
  })
})
