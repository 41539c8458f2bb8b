/** The agent and its real commands with the real manager, over HTTP. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../../src/shared/logger.ts'
import { startManager, type Manager } from '../../../src/main/manager.ts'
import { workerParts } from '../../../src/main/worker/parts.ts'
import { WorkerLab } from '../../support/workerParts.ts'
import { isAlive } from '../../support/processes.ts'

/** A job type whose tasks are given as settings: a JSON list of lists of [command name, parameters]. */
const SCRIPT = `
const JOB_TYPE = {
  label: 'Agent test',
  settings: [{ key: 'tasks', type: 'string', required: true }],
}
function compileJob(job) {
  for (const [index, commands] of JSON.parse(job.settings.tasks).entries()) {
    const task = author.Task('task ' + index, 'misc')
    for (const [name, parameters] of commands) task.addCommand(author.Command(name, parameters))
    job.addTask(task)
  }
}
`

let folder: string
let manager: Manager
let lab: WorkerLab

async function openManager(port = 0): Promise<void> {
  const listen = { host: '127.0.0.1', port }
  manager = await startManager({ dataDir: folder, listen, trustLoopback: true, log: silentLogger, version: '0.0.0-test' })
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-agent-manager-'))
  await mkdir(join(folder, 'scripts'))
  await writeFile(join(folder, 'scripts', 'agent-test.js'), SCRIPT)
  await openManager()
  lab = new WorkerLab()
})
afterEach(async () => {
  await lab.cleanUp()
  await manager.stop()
  await rm(folder, { recursive: true, force: true, maxRetries: 5 })
})

const soon = { timeout: 30_000, interval: 20 }
type Step = [name: string, parameters: Record<string, unknown>]
/** As much of a reply as these tests look at. */
interface Shown {
  id: string
  status: string
  activity: string
  items: Shown[]
  attemptList: { number: number; status: string; outcome: string; reason: string; exitCode: number | null; metrics: unknown }[]
  running: { taskId: string }[]
  counts: { completed: number; total: number }
  preview: string
  path: string
}

async function call(method: string, path: string, body?: unknown): Promise<Shown> {
  const reply = await fetch(new URL(`api/v1/${path}`, manager.url), {
    method,
    headers: body === undefined ? {} : { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await reply.text()
  if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`)
  // What the API answers is checked elsewhere; a wrong shape fails the expectations.
  return (text === '' ? {} : JSON.parse(text)) as Shown
}

async function submit(...tasks: Step[][]): Promise<{ job: string; tasks: string[] }> {
  const { id } = await call('POST', 'jobs', { name: 'test', type: 'agent-test', settings: { tasks: JSON.stringify(tasks) } })
  const { items } = await call('GET', `jobs/${id}/tasks?limit=1000`)
  return { job: id, tasks: items.map((task) => task.id) }
}

const task = (id: string) => call('GET', `tasks/${id}`)
const onlyWorker = async () => (await call('GET', 'workers')).items[0]

async function logOf(taskId: string, attempt = 1): Promise<string> {
  const reply = await fetch(new URL(`api/v1/tasks/${taskId}/attempts/${attempt}/log`, manager.url))
  return reply.text()
}

const node = (script: string): Step => ['exec', { exe: process.execPath, args: ['-e', script] }]
const hold = node('console.log("holding"); setInterval(() => {}, 1000)')

describe('a worker of the real manager', () => {
  it('runs the tasks of a job; log, exit code and metrics are there', async () => {
    const { job, tasks } = await submit([node('console.log("grüße"); console.error("hmm")')], [node('process.exit(7)')])
    await lab.start({ managerUrl: manager.url }, workerParts())
    await expect.poll(async () => (await task(tasks[0] ?? '')).status, soon).toBe('completed')
    expect(await logOf(tasks[0] ?? '')).toMatch(/pid=\d+ > grüße\n/)
    expect((await task(tasks[0] ?? '')).attemptList).toMatchObject([
      { number: 1, outcome: 'success', exitCode: 0, metrics: { wallMs: expect.any(Number) } },
    ])
    await expect
      .poll(async () => (await task(tasks[1] ?? '')).attemptList[0], soon)
      .toMatchObject({
        outcome: 'exit-code',
        exitCode: 7,
        reason: 'command exited abnormally with code 7',
      })
    expect((await call('GET', `jobs/${job}`)).counts).toMatchObject({ completed: 1, total: 2 })
  })

  it('starts a submitted task at once, and goes from task to task without a pause', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url }, workerParts())
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    const count = 200
    const began = performance.now()
    const { job } = await submit(...Array.from({ length: count }, (_, n): Step[] => [['echo', { message: `${n}` }]]))
    await expect.poll(async () => (await call('GET', `jobs/${job}`)).status, soon).toBe('completed')
    const each = (performance.now() - began) / count
    process.stdout.write(`${each.toFixed(2)} ms a task, one after the other\n`)
    expect(each).toBeLessThan(500)
  })

  it('stops what is cancelled, and what it ran is gone', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url }, workerParts())
    const { job, tasks } = await submit([hold])
    await expect.poll(() => logOf(tasks[0] ?? ''), soon).toMatch(/pid=\d+ > holding/)
    const pid = Number(/pid=(\d+) > holding/.exec(await logOf(tasks[0] ?? ''))?.[1])
    await call('POST', `jobs/${job}/actions`, { action: 'cancel' })
    const asked = performance.now()
    await expect.poll(() => worker.status().running, soon).toEqual([])
    // It is sent, not only found out at the worker's next call (10 s).
    expect(performance.now() - asked).toBeLessThan(8000)
    expect(isAlive(pid)).toBe(false)
    await expect.poll(async () => (await task(tasks[0] ?? '')).status, soon).toBe('canceled')
  })

  it('survives a restart of the manager while it works: the same attempt goes on, and every line is there', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url }, workerParts())
    const go = join(folder, 'go')
    const script = `let n = 0; const timer = setInterval(() => {
      console.log('tick ' + n++)
      if (require('node:fs').existsSync(${JSON.stringify(go)})) { console.log('done'); clearInterval(timer) }
    }, 10)`
    const { tasks } = await submit([node(script)])
    const [id = ''] = tasks
    await expect.poll(() => logOf(id), soon).toContain('tick 3')
    const { port } = manager
    await manager.stop()
    await expect.poll(() => worker.status().connected, soon).toBe(false)
    await openManager(port)
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    await writeFile(go, '')
    await expect.poll(async () => (await task(id)).status, soon).toBe('completed')
    expect((await task(id)).attemptList).toHaveLength(1)
    const ticks = [...(await logOf(id)).matchAll(/> tick (\d+)\n/g)].map((match) => Number(match[1]))
    expect(ticks).toEqual(ticks.map((_, index) => index))
    expect(await logOf(id)).toContain('done')
  })

  it('finishes while the manager is away, and reports afterwards', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url }, workerParts())
    const go = join(folder, 'go')
    const script = `console.log('waiting'); const timer = setInterval(() => {
      if (require('node:fs').existsSync(${JSON.stringify(go)})) { console.log('in the dark'); clearInterval(timer) } }, 10)`
    const { tasks } = await submit([node(script)])
    const [id = ''] = tasks
    await expect.poll(() => logOf(id), soon).toContain('waiting')
    const { port } = manager
    await manager.stop()
    await writeFile(go, '')
    await expect.poll(() => worker.status().running, soon).toEqual([])
    await openManager(port)
    await expect.poll(async () => (await task(id)).status, soon).toBe('completed')
    expect((await task(id)).attemptList).toMatchObject([{ number: 1, outcome: 'success' }])
    expect(await logOf(id)).toContain('in the dark')
  })

  it.each([false, true])('goes to sleep when it is asked (lazily: %s), and works again when it is woken', async (lazy) => {
    const { worker } = await lab.start({ managerUrl: manager.url }, workerParts())
    const go = join(folder, 'go')
    const script = `console.log('working'); const timer = setInterval(() => {
      if (require('node:fs').existsSync(${JSON.stringify(go)})) clearInterval(timer) }, 10)`
    const { tasks } = await submit([node(script)])
    const [id = ''] = tasks
    await expect.poll(() => logOf(id), soon).toContain('working')
    const workerId = (await onlyWorker())?.id
    await call('POST', `workers/${workerId}/actions`, { status: 'asleep', lazy })
    if (lazy) {
      await expect.poll(async () => (await task(id)).status, soon).toBe('active')
      await writeFile(go, '')
      await expect.poll(async () => (await task(id)).status, soon).toBe('completed')
    }
    await expect.poll(async () => (await onlyWorker())?.status, soon).toBe('asleep')
    await expect.poll(() => worker.status(), soon).toMatchObject({ status: 'asleep', running: [] })
    if (!lazy) await expect.poll(async () => (await task(id)).status, soon).toBe('queued')
    await writeFile(go, '')
    await call('POST', `workers/${workerId}/actions`, { status: 'awake' })
    await expect.poll(async () => (await onlyWorker())?.status, soon).toBe('awake')
    await expect.poll(async () => (await task(id)).status, soon).toBe('completed')
  })

  it('gives back what it runs when it is stopped; another one takes it', async () => {
    const first = await lab.start({ managerUrl: manager.url, name: 'first' }, workerParts())
    const go = join(folder, 'go')
    const script = `console.log('working'); const timer = setInterval(() => {
      if (require('node:fs').existsSync(${JSON.stringify(go)})) clearInterval(timer) }, 10)`
    const { tasks } = await submit([node(script)])
    const [id = ''] = tasks
    await expect.poll(() => logOf(id), soon).toContain('working')
    await first.worker.stop()
    await expect.poll(() => task(id), soon).toMatchObject({ status: 'queued', attemptList: [{ status: 'lost' }] })
    await expect.poll(async () => (await onlyWorker())?.status, soon).toBe('offline')
    await writeFile(go, '')
    await lab.start({ managerUrl: manager.url, name: 'second' }, workerParts())
    await expect.poll(async () => (await task(id)).status, soon).toBe('completed')
  })

  it('was killed: its next start ends what it left, and its task is run again, once', async () => {
    const dataDir = await lab.folder()
    const program = join(import.meta.dirname, '../../support/workerProcess.ts')
    const startProcess = () => spawn(process.execPath, ['--import', 'tsx', program, manager.url, dataDir], { stdio: 'ignore' })
    const go = join(folder, 'go')
    const script = `console.log('working'); const timer = setInterval(() => {
      if (require('node:fs').existsSync(${JSON.stringify(go)})) clearInterval(timer) }, 10)`
    const { tasks } = await submit([node(script)])
    const [id = ''] = tasks
    const first = startProcess()
    await expect.poll(() => logOf(id), soon).toMatch(/pid=\d+ > working/)
    const pid = Number(/pid=(\d+) > working/.exec(await logOf(id))?.[1])
    first.kill('SIGKILL')
    await once(first, 'exit')
    const second = startProcess()
    try {
      await expect.poll(async () => (await task(id)).attemptList.length, soon).toBe(2)
      await expect.poll(() => isAlive(pid), soon).toBe(false)
      await writeFile(go, '')
      await expect.poll(async () => (await task(id)).status, soon).toBe('completed')
      expect((await task(id)).attemptList).toMatchObject([
        { number: 1, status: 'lost' },
        { number: 2, status: 'completed' },
      ])
    } finally {
      const ended = once(second, 'exit')
      second.kill('SIGTERM')
      await ended
    }
    expect((await call('GET', 'workers')).items).toHaveLength(1)
  })

  it('can use its Flamenco API as well, as at any Flamenco Manager', async () => {
    const { tasks } = await submit([['echo', { message: 'grüße' }]], [['echo', { message: 'next' }]], [node('process.exit(7)')])
    const { worker } = await lab.start({ managerUrl: manager.url, adapter: 'flamenco', name: 'foreigner' }, workerParts())
    await expect.poll(() => worker.status().status, soon).toBe('awake')
    for (const index of [0, 1]) await expect.poll(async () => (await task(tasks[index] ?? '')).status, soon).toBe('completed')
    expect(await logOf(tasks[0] ?? '')).toContain('echo: "grüße"\n')
    await expect.poll(async () => (await task(tasks[2] ?? '')).activity, soon).toContain('command exited abnormally with code 7')
    await worker.stop()
    await expect.poll(async () => (await onlyWorker())?.status, soon).toBe('offline')
  })

  it('renders images, reports their frames, and their previews can be seen', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const output = join(folder, 'frames')
    const settings = { frames: '1-2', chunk_size: 1, width: 64, height: 36, samples: 1, output_dir: output }
    const { id } = await call('POST', 'jobs', { name: 'demo', type: 'demo-render', settings })
    await expect.poll(async () => (await call('GET', `jobs/${id}`)).status, soon).toBe('completed')
    const frames = async () => (await call('GET', `jobs/${id}/frames`)).items
    await expect.poll(async () => (await frames()).map(({ preview }) => preview), soon).toEqual(['ready', 'ready'])
    const items = await frames()
    for (const { path } of items) expect((await readFile(path)).subarray(1, 4).toString()).toBe('PNG')
  })
})
