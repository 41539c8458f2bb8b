/** The agent with the real commands: children, kill -9 of the worker, floods of log lines. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { workerParts } from '../../../src/main/worker/parts.ts'
import { FakeManager } from '../../support/fakeManager.ts'
import { WorkerLab, command } from '../../support/workerParts.ts'
import { isAlive } from '../../support/processes.ts'

let manager: FakeManager
let lab: WorkerLab
const children: ChildProcess[] = []
beforeEach(async () => {
  manager = await FakeManager.start()
  lab = new WorkerLab()
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await lab.cleanUp()
  await manager.close()
  expect(manager.complaints).toEqual([])
})

const soon = { timeout: 40_000, interval: 20 }

/** A program that notes its own and its child's pid in a file and then waits for ever. */
function forks(file: string) {
  const child = 'setInterval(() => {}, 1000)'
  const script = `
    const { spawn } = require('node:child_process')
    const child = spawn(process.execPath, ['-e', ${JSON.stringify(child)}], { stdio: 'ignore' })
    require('node:fs').writeFileSync(${JSON.stringify(file)}, process.pid + ' ' + child.pid)
    console.log('running')
    setInterval(() => {}, 1000)`
  return command('exec', { exe: process.execPath, args: ['-e', script] })
}

async function pidsIn(file: string): Promise<number[]> {
  return (await readFile(file, 'utf8').catch(() => '')).split(' ').filter(Boolean).map(Number)
}

async function startProcess(dataDir: string): Promise<ChildProcess> {
  const program = join(import.meta.dirname, '../../support/workerProcess.ts')
  const child = spawn(process.execPath, ['--import', 'tsx', program, manager.url, dataDir], { stdio: ['ignore', 'inherit', 'inherit'] })
  children.push(child)
  return child
}

describe('children of an attempt', () => {
  it('are all ended when the task is cancelled, grandchildren too', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const file = join(await lab.folder(), 'pids')
    const fence = manager.submit({ commands: [forks(file)] })
    await expect.poll(() => pidsIn(file), soon).toHaveLength(2)
    const pids = await pidsIn(file)
    manager.cancel(fence, 'enough')
    await expect.poll(() => manager.finished(fence), soon).toMatchObject({ outcome: 'stopped', reason: 'enough' })
    expect(pids.map(isAlive)).toEqual([false, false])
  })

  it('are ended when the worker stops, before it signs off', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url }, workerParts())
    const file = join(await lab.folder(), 'pids')
    const fence = manager.submit({ commands: [forks(file)] })
    await expect.poll(() => pidsIn(file), soon).toHaveLength(2)
    const pids = await pidsIn(file)
    await worker.stop()
    expect(manager.finished(fence)).toMatchObject({ outcome: 'lost' })
    expect(pids.map(isAlive)).toEqual([false, false])
  })

  it('of a worker that was killed are ended by its next start, before it asks for work; nothing counts as running', async () => {
    const dataDir = await lab.folder()
    const file = join(await lab.folder(), 'pids')
    const first = await startProcess(dataDir)
    const fence = manager.submit({ commands: [forks(file)] })
    await expect.poll(() => pidsIn(file), soon).toHaveLength(2)
    await expect.poll(() => manager.logText(fence), soon).toContain('running')
    const pids = await pidsIn(file)
    first.kill('SIGKILL')
    await once(first, 'exit')
    expect(pids.map(isAlive)).toEqual([true, true])
    const second = await startProcess(dataDir)
    await expect.poll(() => manager.onlyWorker().signOns.length, soon).toBe(2)
    expect(pids.map(isAlive)).toEqual([false, false])
    expect(manager.onlyWorker().signOns[1]?.running).toEqual([])
    second.kill('SIGTERM')
    await once(second, 'exit')
    expect(manager.onlyWorker().signOffs).toBe(1)
  })

  it('that share only the number with a process of an earlier run are left alone', async () => {
    const dataDir = await lab.folder()
    const innocent = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' })
    children.push(innocent)
    const { worker } = await lab.start({ managerUrl: manager.url, dataDir })
    await worker.stop()
    await writeFile(join(dataDir, 'processes', String(innocent.pid)), 'another start time\n')
    await lab.start({ managerUrl: manager.url, dataDir })
    expect(innocent.exitCode).toBeNull()
    expect(isAlive(innocent.pid ?? 0)).toBe(true)
  })
})

/** A program that writes numbered lines as fast as its pipe takes them, then creates `done` and, when asked to, stays. */
function flood(lines: number, done: string, stays: boolean) {
  const script = `
    const { stdout } = process
    let n = 0
    const more = () => {
      while (n < ${lines}) {
        let text = ''
        const end = Math.min(${lines}, n + 500)
        for (; n < end; n++) text += 'line ' + n + ' Fra:12 Mem:1234.56M (Peak 2345.67M) | rendering\\n'
        if (!stdout.write(text)) return stdout.once('drain', more)
      }
      stdout.write('', () => require('node:fs').writeFileSync(${JSON.stringify(done)}, ''))
      if (${stays}) setInterval(() => {}, 1000)
    }
    more()`
  return command('exec', { exe: process.execPath, args: ['-e', script] })
}

/** How many numbered lines are in the log, without a gap, from 0. */
function countLines(log: string): number {
  let next = 0
  for (const line of log.split('\n')) {
    const match = /> line (\d+) /.exec(line)
    if (match !== null && Number(match[1]) !== next++) throw new Error(`line ${match[1]} came where line ${next - 1} was due`)
  }
  return next
}

/** Whether that line came, among the last pieces of the log: putting millions of characters together at each look would take the worker's time. */
function endsWithLine(fence: Parameters<FakeManager['events']>[0], line: number): boolean {
  const texts = manager.events(fence).flatMap((event) => (event.type === 'log' ? [event.text] : []))
  return texts.slice(-4).join('').includes(`> line ${line} `)
}

describe('a flood of log lines', () => {
  it('arrives whole and in order, fast, while the worker stays small', async () => {
    await lab.start({ managerUrl: manager.url }, workerParts())
    const lines = 500_000
    const before = process.memoryUsage().rss
    let most = before
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 50)
    const began = performance.now()
    const fence = manager.submit({ commands: [flood(lines, join(await lab.folder(), 'done'), false)] })
    await expect.poll(() => manager.finished(fence) !== undefined, { timeout: 100_000, interval: 20 }).toBe(true)
    const seconds = (performance.now() - began) / 1000
    clearInterval(watch)
    expect(manager.finished(fence)).toMatchObject({ outcome: 'success' })
    expect(countLines(manager.logText(fence))).toBe(lines)
    const growth = Math.round((most - before) / 1e6)
    process.stdout.write(`${Math.round(lines / seconds)} lines/s, ${growth} MB more at the most (manager of the test included)\n`)
    expect(growth).toBeLessThan(600)
    expect(manager.events(fence).every((event) => event.type !== 'log' || event.text.length <= 128 * 1024)).toBe(true)
  })

  it('is kept on disk while the manager is away, far beyond what memory holds, and survives kill -9 of the worker', async () => {
    const dataDir = await lab.folder()
    const done = join(await lab.folder(), 'done')
    const lines = 150_000
    const first = await startProcess(dataDir)
    const fence = manager.submit({ commands: [flood(lines, done, true)] })
    await expect.poll(() => manager.events(fence).some(({ type }) => type === 'log'), soon).toBe(true)
    await manager.close()
    await expect.poll(() => existsSync(done), { timeout: 60_000, interval: 50 }).toBe(true)
    // What the last batch holds is written within a few turns of the worker's loop.
    await new Promise((resolve) => setTimeout(resolve, 1000))
    first.kill('SIGKILL')
    await once(first, 'exit')
    await manager.open()
    await startProcess(dataDir)
    await expect.poll(() => endsWithLine(fence, lines - 1), { timeout: 60_000, interval: 100 }).toBe(true)
    expect(countLines(manager.logText(fence))).toBe(lines)
    // The attempt died with its worker: what it reported is kept, but it neither ended nor counts as running.
    expect(manager.finished(fence)).toBeUndefined()
    expect(manager.onlyWorker().signOns.at(-1)?.running).toEqual([])
  })
})
