import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FakeManager } from '../../support/fakeManager.ts'
import { WorkerLab, command } from '../../support/workerParts.ts'

let manager: FakeManager
let lab: WorkerLab
beforeEach(async () => {
  manager = await FakeManager.start()
  lab = new WorkerLab()
})
afterEach(async () => {
  await lab.cleanUp()
  await manager.close()
  expect(manager.complaints).toEqual([])
})

const soon = { timeout: 40_000, interval: 5 }

describe('a worker of our manager', () => {
  it('joins once, keeps its credentials for the owner only, and comes back as the same worker', async () => {
    const first = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => first.worker.status().connected, soon).toBe(true)
    await first.worker.stop()
    const path = join(first.dataDir, 'worker-credentials.json')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(JSON.parse(await readFile(path, 'utf8')).workers[0].workerId).toBe(manager.onlyWorker().id)
    const second = await lab.start({ managerUrl: manager.url, dataDir: first.dataDir })
    await expect.poll(() => second.worker.status().connected, soon).toBe(true)
    expect(manager.workers.size).toBe(1)
    expect(manager.onlyWorker().signOns).toHaveLength(2)
  })

  it('goes on with the same identity when the address gets another join key, and does not keep the key', async () => {
    const first = await lab.start({ managerUrl: `${manager.url}k/FIRST/` })
    await expect.poll(() => first.worker.status().connected, soon).toBe(true)
    await first.worker.stop()
    const second = await lab.start({ managerUrl: `${manager.url}k/SECOND`, dataDir: first.dataDir })
    await expect.poll(() => second.worker.status().connected, soon).toBe(true)
    expect(manager.workers.size).toBe(1)
    expect(await readFile(join(first.dataDir, 'worker-credentials.json'), 'utf8')).not.toMatch(/FIRST|SECOND/)
  })

  it('signs on with what it is and can', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url, slots: 3, name: 'Ätna' })
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    expect(manager.onlyWorker().signOns[0]).toMatchObject({ name: 'Ätna', capacity: 3, kinds: ['test'], running: [], canRestart: false })
    expect(worker.status()).toMatchObject({ adapter: 'native', status: 'awake', approved: true, running: [] })
  })

  it('signs on anew when what it can do changes while it tells it', async () => {
    let kinds: string[] = []
    let tell = (): void => undefined
    let comesBack = (): void => undefined
    const createRegistry = () => ({
      find: () => undefined,
      kinds: () => kinds,
      // An engine that went away is still asked what it has when it is there again.
      capabilities: () =>
        new Promise<Record<string, unknown>>((resolve) => {
          comesBack = () => {
            if (kinds.length === 0) {
              kinds = ['container']
              tell()
            }
            resolve({})
          }
        }),
      watch: (onChange: () => void) => {
        tell = onChange
        return { stop: () => undefined }
      },
    })
    await lab.start({ managerUrl: manager.url }, { createRegistry })
    await expect
      .poll(() => {
        comesBack()
        return [...manager.workers.values()].flatMap(({ signOns }) => signOns.map((signOn) => signOn.kinds))
      }, soon)
      .toEqual([[], ['container']])
  })

  it('runs a task: started first, its log whole and in order, a step for each command, finished last', async () => {
    await lab.start({ managerUrl: manager.url })
    const fence = manager.submit({ commands: [command('say', { text: 'one' }), command('say', { text: 'zwei ß' })] })
    await expect.poll(() => manager.finished(fence), soon).toBeDefined()
    const events = manager.events(fence)
    expect(events[0]?.type).toBe('started')
    expect(events.at(-1)).toMatchObject({ type: 'finished', outcome: 'success', exitCode: 0, reason: '' })
    expect(manager.logText(fence)).toBe('one\nzwei ß\n')
    expect(events.filter((event) => event.type === 'progress').at(-1)).toMatchObject({ stepsCompleted: 2 })
  })

  it('starts a task within milliseconds after it was given out', async () => {
    const { commands, worker } = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    const delays: number[] = []
    for (let n = 0; n < 10; n++) {
      const fence = manager.submit({ commands: [command('hold')] })
      const submitted = performance.now()
      while (!commands.isHeld(fence.taskId)) await new Promise((resolve) => setImmediate(resolve))
      delays.push(performance.now() - submitted)
      commands.release(fence.taskId)
      await expect.poll(() => manager.finished(fence), soon).toBeDefined()
    }
    delays.sort((a, b) => a - b)
    expect(delays[5]).toBeLessThan(300)
  })

  it('gets the next task in the answer to the report of the last one: one round trip between tasks', async () => {
    const { commands } = await lab.start({ managerUrl: manager.url })
    const first = manager.submit({ commands: [command('hold')] })
    await expect.poll(() => commands.isHeld(first.taskId), soon).toBe(true)
    const second = manager.submit({ commands: [command('hold')] })
    commands.release(first.taskId)
    await expect.poll(() => commands.isHeld(second.taskId), soon).toBe(true)
    const asked = manager.calls.map(({ call, body }) => ({ call, ...(typeof body === 'object' ? body : {}) }))
    expect(asked.filter((request) => request.call === 'report' && 'take' in request)).toMatchObject([{ take: 1 }])
    const later = asked.slice(asked.findIndex(({ call }) => call === 'report'))
    expect(later.filter((request) => request.call === 'take' && 'slots' in request && request.slots !== 0)).toEqual([])
    commands.release(second.taskId)
  })

  it('runs as many at once as it has slots, never more', async () => {
    const { commands, worker } = await lab.start({ managerUrl: manager.url, slots: 3 })
    const fences = Array.from({ length: 9 }, () => manager.submit({ commands: [command('hold')] }))
    let most = 0
    const done = () => fences.filter((fence) => manager.finished(fence) !== undefined).length
    while (done() < fences.length) {
      const running = worker.status().running
      most = Math.max(most, running.length)
      if (running.length === 3 || done() + running.length === fences.length) for (const { taskId } of running) commands.release(taskId)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    expect(most).toBe(3)
    expect(manager.workers.size).toBe(1)
  })

  it('reports how a command failed, and does not run the ones behind it', async () => {
    const { commands } = await lab.start({ managerUrl: manager.url })
    const { ExitCodeError } = await import('../../../src/main/worker/contract/commands.ts')
    commands.set('break', async () => {
      throw new ExitCodeError(3)
    })
    const say = (text: string) => command('say', { text })
    const fence = manager.submit({ commands: [say('before'), command('break'), say('behind')] })
    const unknown = manager.submit({ commands: [command('no-such-thing')] })
    await expect.poll(() => manager.finished(unknown), soon).toBeDefined()
    expect(manager.finished(fence)).toMatchObject({ outcome: 'exit-code', exitCode: 3, reason: 'command exited abnormally with code 3' })
    expect(manager.logText(fence)).toBe('before\n')
    expect(manager.finished(unknown)).toMatchObject({
      outcome: 'could-not-start',
      exitCode: null,
      reason: 'unknown command: "no-such-thing"',
    })
  })

  it('stops a task that is cancelled, and is free for the next one', async () => {
    const { commands } = await lab.start({ managerUrl: manager.url })
    const fence = manager.submit({ commands: [command('hold'), command('say', { text: 'never' })] })
    await expect.poll(() => commands.isHeld(fence.taskId), soon).toBe(true)
    manager.cancel(fence, 'the artist changed her mind')
    await expect.poll(() => manager.finished(fence), soon).toMatchObject({ outcome: 'stopped', reason: 'the artist changed her mind' })
    expect(manager.logText(fence)).toBe('')
    const next = manager.submit({ commands: [command('say', { text: 'next' })] })
    await expect.poll(() => manager.finished(next), soon).toMatchObject({ outcome: 'success' })
  })

  it('stops a stale attempt as soon as a report of it is refused', async () => {
    const { commands, worker } = await lab.start({ managerUrl: manager.url })
    const fence = manager.submit({ commands: [command('hold')] })
    await expect.poll(() => commands.isHeld(fence.taskId), soon).toBe(true)
    await expect.poll(() => manager.events(fence).length, soon).toBeGreaterThan(0)
    manager.takeAway(fence)
    commands.started[0]?.log('stdout', 'a late line')
    await expect.poll(() => worker.status().running, soon).toEqual([])
    expect(manager.logText(fence)).toBe('a late line\n')
    expect(manager.finished(fence)).toBeUndefined()
  })

  it('ends what runs too long, and what says nothing for too long', async () => {
    const { commands } = await lab.start({ managerUrl: manager.url, slots: 3 })
    commands.set('chatter', async (_command, context) => {
      while (!context.signal.aborted) {
        context.alive()
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      throw context.signal.reason
    })
    const long = manager.submit({ commands: [command('chatter')], maxRunMs: 300, maxSilenceMs: 200 })
    const silent = manager.submit({ commands: [command('hold')], maxRunMs: 60_000, maxSilenceMs: 150 })
    const unlimited = manager.submit({ commands: [command('hold')] })
    await expect.poll(() => manager.finished(long) && manager.finished(silent), soon).toBeDefined()
    expect(manager.finished(long)).toMatchObject({ outcome: 'timed-out', reason: 'ran longer than 0.3 s' })
    expect(manager.finished(silent)).toMatchObject({ outcome: 'silent', reason: 'no log line and no progress for 0.15 s' })
    expect(manager.finished(unlimited)).toBeUndefined()
    commands.release(unlimited.taskId)
  })

  it('reports saved files with their size, and uploads previews after the report', async () => {
    const previews = {
      previews: async () => ({ thumbnail: Buffer.alloc(10), large: Buffer.alloc(20), width: 64, height: 32 }),
      fullSize: async () => undefined,
    }
    const { commands, dataDir } = await lab.start({ managerUrl: manager.url }, { createPreviews: () => previews })
    const file = join(dataDir, 'machine.json')
    commands.set('save', async (_command, context) => context.output({ path: file, frame: 7, renderedMs: 12.6 }))
    const fence = manager.submit({ commands: [command('save')] })
    await expect.poll(() => manager.previews.length, soon).toBe(2)
    const { size } = await stat(file)
    const output = manager.events(fence).find((event) => event.type === 'output')
    expect(output).toMatchObject({ path: file, frame: 7, bytes: size, renderedMs: 13 })
    expect(manager.previews).toEqual([
      { fence, path: file, size: 'thumbnail', bytes: 10 },
      { fence, path: file, size: 'large', bytes: 20 },
    ])
    expect(manager.events(fence).at(-1)?.type).toBe('finished')
  })

  it('keeps result and metrics of an attempt', async () => {
    const { commands } = await lab.start({ managerUrl: manager.url })
    commands.set('measure', async (_command, context) => {
      context.metrics.add('cpuSeconds', 1.5)
      context.metrics.add('cpuSeconds', 2)
      context.metrics.max('peakMemoryBytes', 7)
      context.metrics.max('peakMemoryBytes', 3)
      context.result({ answer: 42 })
    })
    const fence = manager.submit({ commands: [command('measure')] })
    await expect
      .poll(() => manager.finished(fence), soon)
      .toMatchObject({
        result: { answer: 42 },
        metrics: { cpuSeconds: 3.5, peakMemoryBytes: 7 },
      })
  })

  it('waits for approval without asking in a loop, and works as soon as it has it', async () => {
    manager.approve = false
    const { worker } = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => worker.status().connected && !worker.status().approved, soon).toBe(true)
    const fence = manager.submit({ commands: [command('say', { text: 'hello' })] })
    expect(manager.count('take')).toBeLessThan(5)
    manager.onlyWorker().approved = true
    manager.requestStatus(manager.onlyWorker(), 'awake')
    await expect.poll(() => manager.finished(fence), soon).toMatchObject({ outcome: 'success' })
    expect(worker.status().approved).toBe(true)
  })

  it('refuses a data folder that another worker uses', async () => {
    const { dataDir } = await lab.start({ managerUrl: manager.url })
    await expect(lab.start({ managerUrl: manager.url, dataDir })).rejects.toThrow(/in use by another worker/)
  })
})

describe('status requests', () => {
  it('asleep now: what runs is given back, the sleep confirmed, no work taken until it is woken', async () => {
    const { commands, worker } = await lab.start({ managerUrl: manager.url })
    const fence = manager.submit({ commands: [command('hold')] })
    await expect.poll(() => commands.isHeld(fence.taskId), soon).toBe(true)
    manager.requestStatus(manager.onlyWorker(), 'asleep')
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('asleep')
    expect(manager.finished(fence)).toMatchObject({ outcome: 'lost', reason: 'worker "tester" was asked to go asleep' })
    const next = manager.submit({ commands: [command('say', { text: 'later' })] })
    await expect.poll(() => worker.status().status, soon).toBe('asleep')
    manager.requestStatus(manager.onlyWorker(), 'awake')
    await expect.poll(() => manager.finished(next), soon).toMatchObject({ outcome: 'success' })
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('awake')
  })

  it('asleep lazily: what runs is finished first, nothing new is begun', async () => {
    const { commands } = await lab.start({ managerUrl: manager.url })
    const fence = manager.submit({ commands: [command('hold')] })
    await expect.poll(() => commands.isHeld(fence.taskId), soon).toBe(true)
    const next = manager.submit({ commands: [command('say', { text: 'later' })] })
    manager.requestStatus(manager.onlyWorker(), 'asleep', true)
    const calls = manager.count('take')
    await expect.poll(() => manager.count('take'), soon).toBeGreaterThan(calls + 1)
    expect(manager.finished(fence)).toBeUndefined()
    commands.release(fence.taskId)
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('asleep')
    expect(manager.finished(fence)).toMatchObject({ outcome: 'success' })
    expect(manager.events(next)).toEqual([])
  })

  it.each(['offline', 'restart'] as const)('%s: signs off and ends with that reason', async (status) => {
    const { worker } = await lab.start({ managerUrl: manager.url, canRestart: true })
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    expect(manager.onlyWorker().signOns[0]?.canRestart).toBe(true)
    manager.requestStatus(manager.onlyWorker(), status)
    expect(await worker.ended).toBe(status)
    expect(manager.onlyWorker().signOffs).toBe(1)
  })
})

describe('stopping', () => {
  it('stops what runs, says so, and signs off last', async () => {
    const { commands, worker } = await lab.start({ managerUrl: manager.url })
    const fence = manager.submit({ commands: [command('hold')] })
    await expect.poll(() => commands.isHeld(fence.taskId), soon).toBe(true)
    await worker.stop()
    expect(manager.finished(fence)).toMatchObject({ outcome: 'lost', reason: 'worker "tester" was shut down' })
    expect(manager.onlyWorker().signOffs).toBe(1)
    expect(manager.calls.at(-1)?.call).toBe('sign-off')
    expect(await worker.ended).toBe('stopped')
  })

  it('gracefully: finishes what runs, and takes nothing new', async () => {
    const { commands, worker } = await lab.start({ managerUrl: manager.url })
    const fence = manager.submit({ commands: [command('hold')] })
    await expect.poll(() => commands.isHeld(fence.taskId), soon).toBe(true)
    const next = manager.submit({ commands: [command('say', { text: 'later' })] })
    const stopping = worker.stop({ graceful: true })
    commands.release(fence.taskId)
    await stopping
    expect(manager.finished(fence)).toMatchObject({ outcome: 'success' })
    expect(manager.events(next)).toEqual([])
  })

  it('ends soon while no manager answers', async () => {
    await manager.close()
    const { worker } = await lab.start({ managerUrl: manager.url })
    await worker.stop()
    expect(await worker.ended).toBe('stopped')
    await manager.open()
  })
})
