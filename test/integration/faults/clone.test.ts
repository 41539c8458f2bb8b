/** A copied data folder of a worker: two real worker processes with one identity at a real manager. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ManagerProcess } from '../../support/managerProcess.ts'

const PROGRAM = join(import.meta.dirname, '../../../bin/framehouse.js')

/** A worker that starts looks for programs first, which takes its time on a busy machine. */
const PATIENT = { timeout: 100_000 }

let folder: string
let manager: ManagerProcess
const workers: ChildProcess[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'framehouse-clone-'))
  manager = await ManagerProcess.start({ dataDir: join(folder, 'manager') })
})
afterEach(async () => {
  await Promise.all(workers.splice(0).map((child) => end(child)))
  await manager.stop()
  await rm(folder, { recursive: true, force: true })
})

/** A worker of the built program; `told` grows with its log. */
function startWorker(data: string): { child: ChildProcess; told: () => string } {
  const args = [PROGRAM, 'worker', '--manager', manager.url, '--data', join(folder, data), '--name', 'ada', '--kind', 'misc']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let text = ''
  child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  workers.push(child)
  return { child, told: () => text }
}

async function end(child: ChildProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill(signal)
  await ended
}

const jobs = async () => (await manager.json<{ items: { id: string; status: string }[] }>('GET', '/api/v1/jobs')).items
const staff = async () => (await manager.json<{ items: { id: string; status: string }[] }>('GET', '/api/v1/workers')).items
const submit = (seconds: number) =>
  manager.json('POST', '/api/v1/jobs', {
    name: 'job',
    type: 'echo-sleep-test',
    settings: { message: 'the result', sleep_duration_seconds: seconds },
  })

it('the copy is refused and joins as a worker of its own; the first one ends its work, and a quick restart is none', async () => {
  const first = startWorker('first')
  await expect.poll(async () => (await staff()).map(({ status }) => status), PATIENT).toEqual(['awake'])
  await end(first.child)
  await cp(join(folder, 'first'), join(folder, 'copy'), { recursive: true })

  const original = startWorker('first')
  await submit(20)
  await expect.poll(async () => (await jobs())[0]?.status, PATIENT).toBe('active')
  const copy = startWorker('copy')
  await expect.poll(async () => (await staff()).length, PATIENT).toBe(2)
  await expect.poll(copy.told).toMatch(/data folder is a copy of the data folder of a running worker/)
  expect(manager.told).toMatch(/A copy of the data folder of worker "ada"/)
  const { faults } = await manager.json<{ faults: { kind: string }[] }>('GET', '/api/v1/status')
  expect(faults.map(({ kind }) => kind)).toEqual(['worker-cloned'])

  // What the first one runs was not touched.
  await expect.poll(async () => (await jobs())[0]?.status, PATIENT).toBe('completed')
  const [job] = await jobs()
  const { items } = await manager.json<{ items: { attempts: number }[] }>('GET', `/api/v1/jobs/${job?.id ?? ''}/tasks`)
  expect(items.map(({ attempts }) => attempts)).toEqual(items.map(() => 1))
  expect(original.told()).not.toMatch(/is a copy/)

  // Killed and started again at once, it is still itself.
  await end(original.child, 'SIGKILL')
  const again = startWorker('first')
  await expect.poll(again.told, PATIENT).toContain('signed on')
  expect(again.told()).not.toMatch(/is a copy/)
  expect(await staff()).toHaveLength(2)
}, 900_000)
