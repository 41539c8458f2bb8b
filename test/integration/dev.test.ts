/** `npm run dev` in a copy of the sources, so that they can be changed. */
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { cp, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { JOB_STATUSES } from '../../src/shared/enums.ts'
import type { Frame } from '../../src/shared/schemas/jobs/frame.ts'
import type { Job, JobSummary } from '../../src/shared/schemas/jobs/job.ts'
import type { Worker } from '../../src/shared/schemas/worker.ts'
import { makeMockFarm } from '../../scripts/mock/farm.ts'
import { startManager, type Manager } from '../../src/main/manager.ts'
import { silentLogger } from '../../src/shared/logger.ts'
import { temporaryFolder } from '../support/folder.ts'
import { until } from '../support/liveManager.ts'

const root = join(import.meta.dirname, '../..')

describe('npm run dev in a fresh clone', () => {
  let clone: string
  beforeAll(async () => {
    clone = await mkdtemp(join(tmpdir(), 'framehouse-clone-'))
    for (const name of ['scripts', 'package.json', 'package-lock.json']) await cp(join(root, name), join(clone, name), { recursive: true })
  })
  afterAll(() => rm(clone, { recursive: true, force: true }))
  const dev = (...args: string[]) => promisify(execFile)(process.execPath, ['scripts/dev.mjs', ...args], { cwd: clone })

  it('needs no package to say what it can do', async () => {
    expect((await dev('--help')).stderr).toContain('--manager-port')
  })
})

describe('npm run dev', () => {
  let copy: string
  let child: ChildProcess
  let told = ''
  let page: string
  let ended: Promise<number | null>

  beforeAll(async () => {
    copy = await mkdtemp(join(tmpdir(), 'framehouse-dev-'))
    for (const name of [
      'src',
      'scripts',
      'resources',
      'package.json',
      'package-lock.json',
      'tsconfig.json',
      'tsconfig.renderer.json',
      'uno.config.ts',
    ]) {
      await cp(join(root, name), join(copy, name), { recursive: true })
    }
    await symlink(await realpath(join(root, 'node_modules')), join(copy, 'node_modules'))
    child = spawn(process.execPath, ['scripts/dev.mjs', '--port', '0', '--manager-port', '0'], {
      cwd: copy,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (told += data.toString()))
    ended = new Promise((resolve) => child.once('close', resolve))
    const found = await until(() => (child.exitCode === null ? /Page +(http:\S+)/.exec(told) : fail()), 'the page of npm run dev', 90_000)
    page = found[1] ?? ''
  })
  const fail = () => {
    throw new Error(`npm run dev ended:\n${told}`)
  }
  afterAll(async () => {
    child.kill('SIGKILL')
    await rm(copy, { recursive: true, force: true })
  })
  const version = async () => {
    const reply = await fetch(new URL('/api/v1/status', page)).catch(() => undefined)
    return reply?.ok ? ((await reply.json()) as { version: string }).version : undefined
  }

  it('serves the page from its sources, and the manager behind it', async () => {
    expect(await (await fetch(page)).text()).toContain('/@vite/client')
    expect(await (await fetch(new URL('app/App.vue', page))).text()).toContain('setup')
    expect(await version()).toBe(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')).version)
    const workers = async () => ((await (await fetch(new URL('/api/v1/workers', page))).json()) as { items: unknown[] }).items
    expect(await until(async () => (await workers()).length === 1, 'the worker')).toBe(true)
  })

  it('changes the page in place', async () => {
    const token = /wsToken = "([^"]+)"/.exec(await (await fetch(new URL('@vite/client', page))).text())?.[1]
    const socket = new WebSocket(`${page.replace('http', 'ws')}?token=${token}`, 'vite-hmr')
    const heard: string[] = []
    socket.on('message', (data) => heard.push(String(data)))
    await until(() => heard.some((text) => text.includes('connected')), 'the connection to the page')
    const file = join(copy, 'src/renderer/app/App.vue')
    await writeFile(file, `${await readFile(file, 'utf8')}\n<!-- changed -->\n`)
    await until(() => heard.some((text) => text.includes('App.vue')), 'the change of the page')
    socket.close()
  })

  it('starts manager and worker again when a source of theirs changes, and says so', async () => {
    await writeFile(join(copy, 'src/shared/version.ts'), `export const VERSION: string = '9.9.9'\n`)
    expect(await until(async () => (await version()) === '9.9.9', 'the changed manager', 60_000)).toBe(true)
    expect(told).toContain('version.ts changed')
  })

  it('waits for the next change when one is wrong', async () => {
    await writeFile(join(copy, 'src/shared/version.ts'), `export const VERSION: string = \n`)
    await until(() => told.includes('it starts again when a source changes'), 'the end of a manager that is wrong')
    await writeFile(join(copy, 'src/shared/version.ts'), `export const VERSION: string = '9.9.10'\n`)
    expect(await until(async () => (await version()) === '9.9.10', 'the mended manager', 60_000)).toBe(true)
  })

  it('does not show the farm of another program that has its port', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const args = ['scripts/dev.mjs', '--port', '0', '--manager-port', String(port), '--data', join(copy, 'other')]
    await expect(promisify(execFile)(process.execPath, args, { cwd: copy })).rejects.toThrow(/is taken by another program/)
    other.close()
  })

  it('ends as a whole', async () => {
    child.kill('SIGINT')
    expect(await ended).toBe(0)
    const manager = /Manager +(http:\S+)/.exec(told)?.[1] ?? ''
    await expect(fetch(`${manager}/api/v1/status`)).rejects.toThrow()
  })
})

describe('the farm of npm run dev -- --mock', () => {
  const END = Date.UTC(2026, 10, 30, 17)
  const folders: Awaited<ReturnType<typeof temporaryFolder>>[] = []
  let manager: Manager

  async function make(): Promise<Manager> {
    const folder = await temporaryFolder()
    folders.push(folder)
    const dataDir = join(folder.path, 'mock')
    await makeMockFarm(dataDir, END)
    const listen = { host: '127.0.0.1', port: 0 }
    return startManager({ dataDir, listen, trustLoopback: true, log: silentLogger, version: '0.0.0', now: () => END })
  }
  const items = async <T>(path: string, of: Manager = manager): Promise<T[]> => {
    const reply = await fetch(`${of.url}/api/v1${path}`)
    return ((await reply.json()) as { items: T[] }).items
  }

  beforeAll(async () => {
    manager = await make()
  })
  afterAll(async () => {
    await manager?.stop()
    for (const folder of folders) await folder.remove()
  })

  it('has jobs in every state that lasts', async () => {
    const passing = ['under-construction', 'requeueing', 'cancel-requested']
    const seen = new Set((await items<JobSummary>('/jobs')).map(({ status }) => status))
    expect([...seen].sort()).toEqual(JOB_STATUSES.filter((status) => !passing.includes(status)).toSorted())
  })

  it('has frames with pictures, logs, failures, warnings and jobs that wait for something', async () => {
    const jobs = await items<Job>('/jobs')
    expect(jobs.filter(({ warningCount }) => warningCount > 0).length).toBeGreaterThanOrEqual(2)
    expect(jobs.filter(({ counts }) => counts.failed > 0).length).toBeGreaterThanOrEqual(1)
    expect(jobs.some(({ waits }) => (waits?.length ?? 0) > 0)).toBe(true)
    expect(new Set(jobs.map(({ owner }) => owner)).size).toBeGreaterThanOrEqual(3)
    const withFrames = jobs.filter(({ frameCount }) => frameCount > 0)
    expect(withFrames.length).toBeGreaterThanOrEqual(6)
    for (const { lastFrame } of withFrames) {
      expect(lastFrame?.preview).toBe('ready')
      const picture = await fetch(`${manager.url}${(lastFrame as Frame).thumbnailUrl}`)
      expect(picture.headers.get('content-type')).toBe('image/jpeg')
    }
    const log = await fetch(`${manager.url}/api/v1/tasks/${withFrames[0]?.lastFrame?.taskId}/attempts/1/log`)
    expect(await log.text()).toContain('frame')
  })

  it('has workers in several states, schedules, people, tags and limits', async () => {
    const workers = await items<Worker>('/workers')
    expect(new Set(workers.map(({ status }) => status))).toEqual(new Set(['awake', 'asleep', 'offline']))
    expect(workers.some(({ approved }) => !approved)).toBe(true)
    expect(workers.some(({ running }) => running.length > 0)).toBe(true)
    for (const [path, count] of [
      ['/schedules', 3],
      ['/users', 4],
      ['/tags', 2],
      ['/limits', 2],
    ] as const) {
      expect((await items(path)).length, path).toBeGreaterThanOrEqual(count)
    }
  })

  it('is the same every time', async () => {
    // Which task of two jobs a worker gets, when one is released in that moment, is the manager's own timing.
    const facts = async (of: Manager) =>
      (await items<JobSummary>('/jobs', of)).map(({ id, name, status, createdAt, counts, frameCount, finishedAt }) =>
        finishedAt === null ? { id, name, status, createdAt } : { id, name, status, createdAt, counts, frameCount },
      )
    const other = await make()
    expect(await facts(other)).toEqual(await facts(manager))
    await other.stop()
  })
})
