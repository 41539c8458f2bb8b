/** `docker-run` in a container that is kept for several tasks, with real containers. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { Engines } from '../../../src/main/docker/engines/engines.ts'
import { dockerRun } from '../../../src/main/worker/commands/container/dockerRun.ts'
import { silentLogger } from '../../../src/shared/logger.ts'
import { WarmAppPool } from '../../../src/main/worker/apps/warmAppPool.ts'
import type { WarmAppReport } from '../../../src/shared/schemas/warmApp.ts'
import { commandOf, recordedContext, tempFolder, type RecordedContext } from '../../support/commandContext.ts'
import { ContainerFarm } from '../../support/containerFarm.ts'
import { containerConfig, containersOf, docker, importBusybox, type TestImage } from '../../support/containers.ts'
import { bytesOfStream, differenceOf, HOSTILE, hostileInShell } from '../../support/hostile.ts'
import { requirePart } from '../../support/parts.ts'

const part = requirePart('docker')
const log = silentLogger
const patience = { timeout: 60_000, interval: 50 }
const limits = { idleMs: 600_000, maxFrames: 250, maxMemoryBytes: 1e12, hangMs: 0 }

part.describe('a container that is kept', () => {
  let image: TestImage
  let engines: Engines
  let pool: WarmAppPool
  let mounted: string
  beforeAll(() => {
    image = importBusybox()
  })
  afterAll(() => image.remove())
  beforeEach(async () => {
    mounted = await tempFolder()
    engines = new Engines(containerConfig({ mounts: [{ path: mounted, readOnly: false }] }), { log, owner: randomUUID() })
    await engines.look()
    pool = new WarmAppPool({ slots: 1, limits, workRoot: await tempFolder(), log: silentLogger, now: Date.now })
  })
  afterEach(async () => {
    await pool.end()
    await gone()
  })

  const sh = (script: string) => ['sh', '-c', script]
  const gone = () => vi.waitFor(() => expect(containersOf(image.name)).toEqual([]), patience)
  const contextOf = () => recordedContext({ taskId: randomUUID(), sessions: pool, env: { FRAMEHOUSE_TASK_ID: randomUUID() } })

  async function run(parameters: Record<string, unknown>, given?: RecordedContext, steps = 0, by = engines): Promise<RecordedContext> {
    const context = given ?? (await contextOf())
    const leave = pool.enter(context.task.jobId)
    const command = commandOf('docker-run', { image: image.name, keepContainer: true, ...parameters }, steps)
    try {
      await dockerRun(by)(command, context)
    } finally {
      leave()
    }
    return context
  }
  const stdout = (context: RecordedContext) =>
    context.entries
      .filter(({ stream }) => stream === 'stdout')
      .map(({ text }) => text)
      .join('')
  const idOf = (context: RecordedContext): string => {
    const { containers } = context.results.at(-1) as { containers: { containerId: string }[] }
    return containers.at(-1)?.containerId ?? ''
  }
  const closed = (): WarmAppReport[] => pool.news().filter(({ state }) => state === 'closed')

  it('keeps what each command writes byte for byte', async () => {
    for (let task = 0; task < 2; task++) {
      const context = await run({ command: sh(hostileInShell()) })
      expect(differenceOf(bytesOfStream(context.entries, 'stdout'), HOSTILE)).toBeUndefined()
    }
  })

  it('runs the command of each task, with its own output, variables and files', async () => {
    const mounts = [{ source: mounted, target: '/out' }]
    const script = 'echo "frame $0 of $FRAMEHOUSE_TASK_ID"; echo err >&2; echo $0 > /out/$0.txt; echo x >> /tmp/seen; wc -l < /tmp/seen'
    const parameters = { command: [...sh(script), '{frame}'], mounts, outputPattern: '/out/{frame}.txt' }
    const one = await run({ ...parameters, frames: '1-2' }, undefined, 2)
    const two = await run({ ...parameters, frames: '3' }, undefined, 1)
    expect(stdout(one)).toBe(`frame 1 of ${one.env['FRAMEHOUSE_TASK_ID']}\n1\nframe 2 of ${one.env['FRAMEHOUSE_TASK_ID']}\n2\n`)
    expect(stdout(two)).toBe(`frame 3 of ${two.env['FRAMEHOUSE_TASK_ID']}\n3\n`)
    expect(two.entries).toContainEqual({ stream: 'stderr', text: 'err\n' })
    expect(one.outputs.map(({ frame, path }) => [frame, path])).toEqual([1, 2].map((n) => [n, join(mounted, `${n}.txt`)]))
    expect(await readFile(join(mounted, '3.txt'), 'utf8')).toBe('3\n')
    expect([one.steps, two.steps]).toEqual([2, 1])
    expect(idOf(two)).toBe(idOf(one))
    expect(two.results.at(-1)).toMatchObject({
      containers: [{ engine: 'local', image: image.name, exitCode: 0, cpuSeconds: expect.any(Number) }],
    })
    expect(pool.news()).toMatchObject([{ state: 'idle', title: `container of ${image.name}`, tasks: 2, frames: 3, kind: 'misc' }])
    expect(pool.news()[0]?.memoryBytes).toBeGreaterThan(0)
    expect(containersOf(image.name)).toEqual([idOf(one)])
  })

  it('fails a task with the exit code that a container of its own ends with', async () => {
    const context = await contextOf()
    await expect(run({ command: sh('echo it failed; exit 123') }, context)).rejects.toMatchObject({ outcome: 'exit-code', exitCode: 123 })
    expect(context.text).toContain('the container exited with code 123; running the task again in a new process')
    expect(stdout(context)).toBe('it failed\nit failed\n')
    expect(closed()).toMatchObject([{ reason: 'the container exited with code 123' }])
  })

  it('that is removed by others costs the running command, which is run again', async () => {
    const first = await run({ command: sh('echo ready') })
    const context = await contextOf()
    const running = run({ command: sh('[ $$ = 1 ] || { echo begun; sleep 600; }; echo done') }, context)
    await vi.waitFor(() => expect(stdout(context)).toContain('begun'), patience)
    docker(['rm', '--force', idOf(first)])
    await running
    expect(context.text).toMatch(/the container that was kept open ended: .*; running the task again in a new process/)
    expect(stdout(context)).toMatch(/done\n$/)
    expect(idOf(context)).not.toBe(idOf(first))
  })

  it('that the worker lost its connection to is known to be over, and the next task has another one', async () => {
    const connections = new Set<Socket>()
    const door = createServer((inner) => {
      const outer = connect('/var/run/docker.sock')
      for (const socket of [inner, outer]) {
        connections.add(socket)
        socket.on('error', () => undefined).on('close', () => connections.delete(socket))
      }
      inner.pipe(outer).pipe(inner)
    })
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve))
    const { port } = door.address() as AddressInfo // A listening TCP server has one.
    const host = `tcp://127.0.0.1:${port}`
    const far = new Engines(containerConfig({ engines: [{ name: 'far', host }] }), { log, owner: randomUUID() })
    await far.look()
    const first = await run({ command: sh('echo one') }, undefined, 0, far)
    for (const socket of connections) socket.destroy()
    await vi.waitFor(() => expect(closed()).toMatchObject([{ reason: expect.stringMatching(/^it ended by itself: /) }]), patience)
    const second = await run({ command: sh('echo two') }, undefined, 0, far)
    expect([stdout(first), stdout(second)]).toEqual(['one\n', 'two\n'])
    expect(idOf(second)).not.toBe(idOf(first))
    await pool.end()
    door.close()
  })

  it('goes at once when its task is cancelled', async () => {
    const context = await contextOf()
    const running = run({ command: sh('echo begun; sleep 600') }, context)
    const ended = expect(running).rejects.toMatchObject({ outcome: 'stopped' })
    await vi.waitFor(() => expect(stdout(context)).toContain('begun'), patience)
    context.stop()
    await ended
    await gone()
  })

  it('goes when a command runs longer than its limit, and that is what ends the task', async () => {
    await expect(run({ command: sh('sleep 600'), timeoutMs: 1500 })).rejects.toMatchObject({
      outcome: 'timed-out',
      message: 'ran longer than 1.5 s',
    })
    await gone()
  })

  it('is not swept away while it is open, and is when it has no attempt', async () => {
    const context = await run({ command: sh('echo ready') })
    await engines.sweep(() => new Set())
    expect(containersOf(image.name)).toEqual([idOf(context)])
    const heirs = new Engines(containerConfig(), { log, owner: engines.owner })
    await heirs.look()
    await heirs.sweep(() => new Set())
    expect(containersOf(image.name)).toEqual([])
  })

  it('is another one for what differs in more than the command', async () => {
    const context = await run({ command: sh('echo ready') })
    const other = await run({ command: sh('echo ready'), workDir: '/tmp' })
    expect(idOf(other)).not.toBe(idOf(context))
  })
})

part.describe('a worker that keeps containers', () => {
  let image: TestImage
  let farm: ContainerFarm
  beforeAll(() => {
    image = importBusybox()
  })
  afterAll(() => image.remove())
  beforeEach(async () => {
    farm = await ContainerFarm.start()
  })
  afterEach(() => farm.stop())

  it('runs the tasks of a job in one, and removes it with the job', async () => {
    await farm.worker(containerConfig(), 1)
    const { id } = await farm.submit({ image: image.name, command: 'echo frame {frame}', frames: '1-4', keep_container: true })
    await expect.poll(async () => (await farm.job(id)).status, patience).toBe('completed')
    const tasks = await farm.tasks(id)
    const ids = tasks.map(({ attemptList }) => attemptList[0]?.result?.containers[0]?.containerId)
    expect(new Set(ids).size).toBe(1)
    expect(await farm.logOf(tasks[2]?.id ?? '')).toContain('frame 3\n')
    await expect.poll(() => containersOf(image.name), patience).toEqual([])
  })

  it('that is killed takes them along, and its next start runs the task again, uncounted', async () => {
    const program = join(import.meta.dirname, '../../support/containerWorkerProcess.ts')
    const args = ['--import', 'tsx', program, farm.manager.url, await tempFolder(), '1']
    const first = spawn(process.execPath, args, { stdio: 'ignore' })
    const command = `sh -c 'echo begun; sleep 600'`
    const { id } = await farm.submit({ image: image.name, command, keep_container: true })
    const [task] = await farm.tasks(id)
    await expect.poll(() => farm.logOf(task?.id ?? ''), patience).toContain('begun')
    first.kill('SIGKILL')
    await once(first, 'exit')
    // Only the engine is left to do it.
    await expect.poll(() => containersOf(image.name), patience).toEqual([])
    const second = spawn(process.execPath, args, { stdio: 'ignore' })
    try {
      await expect.poll(() => containersOf(image.name).length, patience).toBe(1)
      await expect.poll(async () => (await farm.tasks(id))[0]?.status, patience).toBe('active')
      await farm.call('POST', `jobs/${id}/actions`, { action: 'cancel' })
      await expect.poll(() => containersOf(image.name), patience).toEqual([])
    } finally {
      second.kill('SIGTERM')
      await once(second, 'exit')
    }
  })
})
