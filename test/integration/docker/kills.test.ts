/** Worker, manager and daemon are each killed while 20 containers run: every job ends right, once. */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import type { ContainerConfig } from '../../../src/main/docker/config.ts'
import type { Shown } from '../../support/containerFarm.ts'
import { containersOf, docker, importBusybox, type TestImage } from '../../support/containers.ts'
import { PrivateDockerd } from '../../support/dockerd.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'
import { requirePart } from '../../support/parts.ts'
import { ensureBuilt } from '../../support/program.ts'

const CONTAINERS = 20
/** Asked to end, every second one says that all went well. Each writes numbered lines to both streams until the gate opens, says how many, and ends with its own code: 0, or 3 for every tenth. */
const SCRIPT = [
  '[ $((N % 2)) -eq 0 ] && trap "exit 0" TERM',
  'i=0; while [ ! -e /gate/open ]; do i=$((i+1)); echo out $i; echo err $i >&2; sleep 0.3; done',
  'echo out end $i; echo err end $i >&2; [ $((N % 10)) -ne 9 ] || exit 3',
].join('; ')
const soon = { timeout: 180_000, interval: 200 }

const part = requirePart('docker')
part.describe('with 20 containers running', () => {
  let folder = ''
  let manager: ManagerProcess
  let workers: ChildProcess[] = []
  let image: TestImage
  const output: string[] = []

  beforeAll(() => {
    ensureBuilt()
    image = importBusybox()
  })
  afterAll(() => image.remove())
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((child) => end(child, 'SIGTERM')))
    await manager.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function open(config: Partial<ContainerConfig> = {}): Promise<void> {
    folder = await mkdtemp(join(tmpdir(), 'framehouse-kills-'))
    await mkdir(join(folder, 'gate'))
    manager = await ManagerProcess.start()
    startWorker(config)
  }

  function startWorker(config: Partial<ContainerConfig> = {}): ChildProcess {
    const program = join(import.meta.dirname, '../../support/containerWorkerProcess.ts')
    const args = ['--import', 'tsx', program, manager.url, join(folder, 'worker'), String(CONTAINERS)]
    args.push(JSON.stringify({ mounts: [{ path: join(folder, 'gate'), readOnly: true }], ...config }))
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout?.on('data', (chunk: Buffer) => void output.push(chunk.toString()))
    workers.push(child)
    return child
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
    workers = workers.filter((other) => other !== child)
  }

  const get = (path: string) => manager.json<Shown>('GET', `/api/v1/${path}`)

  const openGate = () => writeFile(join(folder, 'gate', 'open'), '')

  /** Jobs that all run. */
  async function running(name: string, host?: string): Promise<string[]> {
    const jobs: string[] = []
    for (let index = 0; index < CONTAINERS; index++) {
      const settings = {
        image: name,
        command: `sh -c '${SCRIPT}'`,
        environment: `N=${index}`,
        network: 'none',
        stop_grace_seconds: 1,
        mounts: `${folder}/gate:/gate:ro`,
      }
      const policy = { failAfterWorkers: 1 }
      jobs.push((await manager.json<Shown>('POST', '/api/v1/jobs', { name: `job ${index}`, type: 'container', settings, policy })).id)
    }
    const isUp = () =>
      docker(['ps', '--quiet', '--filter', `ancestor=${name}`], host)
        .split('\n')
        .filter(Boolean).length
    await vi.waitFor(() => expect(isUp()).toBe(CONTAINERS), soon)
    return jobs
  }

  /** All ended as they should; answers the attempts of each. */
  async function ended(jobs: readonly string[]): Promise<Shown['attemptList'][]> {
    const attempts: Shown['attemptList'][] = []
    for (const [index, id] of jobs.entries()) {
      const expected = index % 10 === 9 ? 'failed' : 'completed'
      await vi.waitFor(async () => expect(['completed', 'failed']).toContain((await get(`jobs/${id}`)).status), soon)
      const [task] = (await get(`jobs/${id}/tasks`)).items
      const { attemptList } = await get(`tasks/${task!.id}`)
      const last = attemptList.toSorted((a, b) => a.number - b.number).at(-1)!
      expect([index, (await get(`jobs/${id}`)).status, last.exitCode]).toEqual([index, expected, expected === 'failed' ? 3 : 0])
      const lines = await (await fetch(`${manager.url}/api/v1/tasks/${task!.id}/attempts/${last.number}/log`)).text()
      for (const stream of ['out', 'err']) {
        const seen = lines.split('\n').filter((line) => line.startsWith(`${stream} `))
        const count = seen.length - 1
        expect([index, seen]).toEqual([
          index,
          [...Array.from({ length: count }, (_, at) => `${stream} ${at + 1}`), `${stream} end ${count}`],
        ])
      }
      attempts.push(attemptList)
    }
    return attempts
  }

  it('a killed worker takes them up again: one attempt each, every line once', async () => {
    await open()
    const jobs = await running(image.name)
    await end(workers[0]!, 'SIGKILL')
    startWorker()
    await openGate()
    const attempts = await ended(jobs)
    expect(attempts.map((list) => list.length)).toEqual(jobs.map(() => 1))
    await vi.waitFor(() => expect(containersOf(image.name)).toEqual([]), soon)
  }, 240_000)

  it('a worker that was away while they ended collects them', async () => {
    await open()
    const jobs = await running(image.name)
    await end(workers[0]!, 'SIGKILL')
    await openGate()
    await vi.waitFor(() => expect(docker(['ps', '--quiet', '--filter', `ancestor=${image.name}`])).toBe(''), soon)
    startWorker()
    const attempts = await ended(jobs)
    expect(attempts.map((list) => list.length)).toEqual(jobs.map(() => 1))
    await vi.waitFor(() => expect(containersOf(image.name)).toEqual([]), soon)
  }, 240_000)

  it('a killed manager finds them where they are', async () => {
    await open()
    const jobs = await running(image.name)
    const { port, dataDir } = manager
    await manager.kill()
    manager = await ManagerProcess.start({ port, dataDir })
    await openGate()
    const attempts = await ended(jobs)
    expect(attempts.map((list) => list.length)).toEqual(jobs.map(() => 1))
  }, 480_000)

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'a daemon ended by %s loses them: they run again, and no worker is blamed',
    async (signal) => {
      const daemon = await PrivateDockerd.start()
      try {
        const own = importBusybox(daemon.host)
        await open({ engines: [{ name: 'own', host: daemon.host }] })
        const jobs = await running(own.name, daemon.host)
        await daemon.end(signal)
        await daemon.start()
        await openGate()
        for (const list of await ended(jobs)) {
          const [first, ...others] = list.toSorted((a, b) => a.number - b.number)
          expect(others.map(({ outcome }) => outcome)).toEqual([expect.stringMatching(/success|exit-code/)])
          expect(first).toMatchObject({ outcome: 'lost', reason: expect.stringMatching(/Docker engine|no longer exists on/) })
        }
        await vi.waitFor(() => expect(containersOf(own.name, daemon.host)).toEqual([]), soon)
      } finally {
        await Promise.all(workers.splice(0).map((child) => end(child, 'SIGTERM')))
        await daemon.remove()
      }
    },
    480_000,
  )
})
