/** What an open Blender may not cost: a leak, a time limit, a manager that is killed. With real Blenders. */
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest'
import { createCommandRegistry } from '../../../src/main/worker/commands/registry.ts'
import { workerParts } from '../../../src/main/worker/parts.ts'
import { WarmAppPool } from '../../../src/main/worker/apps/warmAppPool.ts'
import type { Session } from '../../../src/shared/schemas/warmApp.ts'
import { commandOf, recordedContext, tempFolder } from '../../support/commandContext.ts'
import { portToComeBackTo } from '../../support/ports.ts'
import { makeBlend } from '../../support/makeBlend.ts'
import { ManagerProcess } from '../../support/managerProcess.ts'
import { requirePart } from '../../support/parts.ts'
import { isAlive } from '../../support/processes.ts'
import { RecordingLogger, WorkerLab } from '../../support/workerParts.ts'

const blender = requirePart('blender')
const soon = { timeout: 180_000, interval: 50 }
const MIB = 1024 * 1024

blender.describe('an open Blender that leaks', () => {
  it('is closed after the task in which it grew past the limit, and opened anew; no frame is missing', async () => {
    const blend = await makeBlend(blender.path)
    const [folder, output] = [await tempFolder(), await tempFolder()]
    const exe = await leakingBlender(folder)
    const limits = { idleMs: 600_000, maxFrames: 1000, maxMemoryBytes: 900 * MIB, hangMs: 0 }
    const pool = new WarmAppPool({ slots: 1, limits, workRoot: folder, log: new RecordingLogger(), now: Date.now })
    onTestFinished(() => pool.end())
    const closed = () => pool.news().filter(({ state }) => state === 'closed')
    const pids = new Set<number>()
    let frames = 0
    while (closed().length < 2) {
      const context = await recordedContext({ sessions: pool })
      const leave = pool.enter(context.task.jobId)
      const args = [
        '--scene',
        'Scene',
        '--render-output',
        join(output, 'f-####'),
        '--render-format',
        'PNG',
        '--render-frame',
        `${++frames}`,
      ]
      const command = commandOf('blender-render', { exe, exeArgs: '-b -y', argsBefore: [], blendfile: blend, args }, 1)
      await createCommandRegistry({ programs: {} }).find('blender-render')?.(command, context)
      leave()
      context.pids.started.forEach((pid) => pids.add(pid))
      expect(context.steps).toBe(1)
      expect(context.text).not.toContain('in a new process')
    }
    expect(closed().map(({ reason }) => reason)).toEqual([expect.stringMatching(HOLDS), expect.stringMatching(HOLDS)])
    expect(closed().reduce((sum, { tasks }) => sum + tasks, 0)).toBe(frames)
    expect(pids.size).toBe(2)
    expect(await readdir(output)).toEqual(Array.from({ length: frames }, (_, at) => `f-${String(at + 1).padStart(4, '0')}.png`))
    await expect.poll(() => [...pids].filter((pid) => isAlive(pid)), soon).toEqual([])
  })
})

const HOLDS = /^it uses \d+ MiB of memory$/

/** Path of a Blender of which every frame that begins keeps 100 MiB for good. */
async function leakingBlender(folder: string): Promise<string> {
  const startup = join(folder, 'scripts', 'startup')
  await mkdir(startup, { recursive: true })
  const leak = [
    'import threading, time',
    'kept = []',
    'def leak():',
    '    while True:',
    '        kept.append(bytearray(b"x" * (20 << 20)))',
    '        time.sleep(0.1)',
    'def register():',
    '    threading.Thread(target=leak, daemon=True).start()',
    'def unregister():',
    '    pass',
  ]
  await writeFile(join(startup, 'leak.py'), `${leak.join('\n')}\n`)
  const exe = join(folder, 'leaking-blender')
  await writeFile(exe, `#!/bin/sh\nBLENDER_USER_SCRIPTS='${join(folder, 'scripts')}' exec '${blender.path}' "$@"\n`)
  await chmod(exe, 0o755)
  return exe
}

blender.describe('a task in an open Blender', () => {
  let manager: ManagerProcess
  let lab: WorkerLab
  beforeEach(async () => {
    manager = await ManagerProcess.start({ port: await portToComeBackTo() })
    lab = new WorkerLab()
  })
  afterEach(async () => {
    await lab.cleanUp()
    await manager.stop()
  })

  interface Attempt {
    status: string
    outcome: string
    reason: string
  }
  const get = <T>(path: string) => manager.json<T>('GET', `/api/v1/${path}`)
  const jobOf = (id: string) => get<{ status: string; counts: { completed: number } }>(`jobs/${id}`)
  const sessionsOf = (id: string) => get<{ items: Session[] }>(`jobs/${id}/sessions`).then(({ items }) => items)
  async function attemptsOf(id: string): Promise<Attempt[][]> {
    const { items } = await get<{ items: { id: string }[] }>(`jobs/${id}/tasks`)
    return Promise.all(items.map((task) => get<{ attemptList: Attempt[] }>(`tasks/${task.id}`).then(({ attemptList }) => attemptList)))
  }
  async function submit(frames: string, slow: string, policy: object = {}): Promise<{ id: string; output: string }> {
    const output = await lab.folder()
    const settings = {
      frames,
      chunk_size: 1,
      render_output_root: output,
      add_path_components: 0,
      render_output_path: join(output, '######'),
      blendfile: await makeBlend(blender.path, { slow }),
      fps: 0,
      format: 'PNG',
      image_file_extension: '.png',
      scene: 'Scene',
    }
    const body = { name: 'safety', type: 'simple-blender-render', settings, policy: { failAfterWorkers: 1, ...policy } }
    return { ...(await manager.json<{ id: string }>('POST', '/api/v1/jobs', body)), output }
  }
  /** The Blender that this process, as the worker, keeps open. */
  async function openBlender(): Promise<number[]> {
    const children = await readFile(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    const lines = await Promise.all(
      children
        .split(' ')
        .filter(Boolean)
        .map(async (pid) => [Number(pid), await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')] as const),
    )
    return lines.flatMap(([pid, line]) => (line.includes('blender_bridge') ? [pid] : []))
  }

  it.each([
    ['runs longer than its job allows', { maxRunMs: 25_000 }, 'timed-out', /^ran longer than 25 s$/, () => undefined],
    [
      'says nothing for longer than its job allows',
      { maxSilenceMs: 15_000 },
      'silent',
      /^no log line and no progress for 15 s$/,
      (pid: number) => void process.kill(pid, 'SIGSTOP'),
    ],
  ])('that %s ends with it', async (_, policy, outcome, reason, once) => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const { id, output } = await submit('1', '100000', policy)
    await expect.poll(async () => (await sessionsOf(id)).map(({ state }) => state), soon).toEqual(['busy'])
    const [pid = 0] = await openBlender()
    once(pid)
    await expect.poll(async () => (await attemptsOf(id))[0]?.[0]?.status, soon).toBe('failed')
    expect((await attemptsOf(id))[0]).toMatchObject([{ outcome, reason: expect.stringMatching(reason) }])
    await expect.poll(() => isAlive(pid), soon).toBe(false)
    await expect.poll(async () => (await sessionsOf(id)).map((session) => session.reason), soon).toEqual(['its task was stopped'])
    expect(await readdir(output)).toEqual([])
  })

  it('goes on when the manager is killed; every frame is there and was counted once', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const { id, output } = await submit('1-8', '8')
    await expect.poll(async () => (await jobOf(id)).counts.completed, soon).toBeGreaterThan(1)
    const [pid = 0] = await openBlender()
    await manager.kill()
    manager = await ManagerProcess.start({ dataDir: manager.dataDir, port: manager.port })
    await expect.poll(async () => (await jobOf(id)).status, soon).toBe('completed')
    expect((await attemptsOf(id)).map((list) => list.map(({ status }) => status))).toEqual(Array.from({ length: 8 }, () => ['completed']))
    expect(await readdir(output)).toEqual(Array.from({ length: 8 }, (_, at) => `00000${at + 1}.png`))
    await expect.poll(async () => (await sessionsOf(id)).map(({ state, tasks }) => [state, tasks]), soon).toEqual([['closed', 8]])
    await expect.poll(() => isAlive(pid), soon).toBe(false)
  })
})
