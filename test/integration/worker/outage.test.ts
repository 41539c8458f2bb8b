/** What a worker does while its manager is away, wrong or forgetful. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Fence } from '../../../src/shared/schemas/agent.ts'
import { FakeManager, failure } from '../../support/fakeManager.ts'
import { WorkerLab, command, type TestWorker } from '../../support/workerParts.ts'

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

async function holding(config = {}): Promise<TestWorker & { fence: Fence }> {
  const started = await lab.start({ managerUrl: manager.url, ...config })
  const fence = manager.submit({ commands: [command('hold')] })
  await expect.poll(() => started.commands.isHeld(fence.taskId), soon).toBe(true)
  return { ...started, fence }
}

describe('an outage of the manager', () => {
  it('does not disturb what runs; everything reported meanwhile arrives afterwards, in order and once', async () => {
    const { commands, fence, worker } = await holding()
    const [context] = commands.started
    context?.log('stdout', 'before')
    await expect.poll(() => manager.logText(fence), soon).toBe('before\n')
    await manager.close()
    const lines = Array.from({ length: 3000 }, (_, n) => `line ${n} of a dark hour`)
    for (const [n, line] of lines.entries()) {
      context?.log(n % 10 === 0 ? 'stderr' : 'stdout', line)
      if (n % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 60))
    }
    commands.release(fence.taskId)
    await expect.poll(() => worker.status().running, soon).toEqual([])
    expect(worker.status()).toMatchObject({ connected: false })
    expect(worker.status().undelivered).toBeGreaterThan(0)
    await manager.open()
    await expect.poll(() => manager.finished(fence), soon).toMatchObject({ outcome: 'success' })
    expect(manager.logText(fence)).toBe(`before\n${lines.join('\n')}\n`)
    const next = manager.submit({ commands: [command('say', { text: 'and on' })] })
    await expect.poll(() => manager.finished(next), soon).toMatchObject({ outcome: 'success' })
    await expect.poll(() => worker.status(), soon).toMatchObject({ connected: true, undelivered: 0, problem: '' })
  })

  it('names at the next sign-on what runs and what has ended unheard, so that neither is given to another worker', async () => {
    const { commands, fence: ended } = await holding({ slots: 2 })
    const running = manager.submit({ commands: [command('hold')] })
    await expect.poll(() => commands.isHeld(running.taskId), soon).toBe(true)
    await manager.close()
    commands.release(ended.taskId)
    await manager.open()
    await expect.poll(() => manager.finished(ended), soon).toMatchObject({ outcome: 'success' })
    expect(manager.onlyWorker().signOns.at(-1)?.running).toEqual([ended, running])
    expect(manager.attempt(running).active).toBe(true)
    commands.release(running.taskId)
    await expect.poll(() => manager.finished(running), soon).toMatchObject({ outcome: 'success' })
  })

  it('stops after it what the manager has given to another worker meanwhile', async () => {
    const { commands, fence, worker } = await holding()
    await manager.close()
    manager.takeAway(fence)
    await manager.open()
    await expect.poll(() => worker.status().running, soon).toEqual([])
    expect(commands.started[0]?.signal.reason).toMatchObject({ outcome: 'stopped' })
    expect(manager.finished(fence)).toBeUndefined()
  })

  it('has each report applied once though answers to reports are lost', async () => {
    const { commands, fence } = await holding()
    let lost = 0
    manager.loseReply = (call) => call === 'report' && lost++ < 3
    const lines: string[] = []
    while (lost <= 3) {
      lines.push(`line ${lines.length}`)
      commands.started[0]?.log('stdout', lines.at(-1) ?? '')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    commands.release(fence.taskId)
    await expect.poll(() => manager.finished(fence), soon).toMatchObject({ outcome: 'success' })
    expect(manager.repeatedReports).toBe(0)
    expect(manager.logText(fence)).toBe(`${lines.join('\n')}\n`)
    expect(manager.events(fence).filter(({ type }) => type === 'finished')).toHaveLength(1)
  })

  it('learns at once of a task whose hand-out was lost, instead of waiting for its lease to run out', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    let lost = false
    manager.loseReply = (call) => call === 'take' && manager.attempts.length > 0 && !lost && (lost = true)
    const fence = manager.submit({ commands: [command('say', { text: 'x' })] })
    await expect.poll(() => manager.onlyWorker().signOns.length, soon).toBe(2)
    expect(manager.onlyWorker().signOns[1]?.running).toEqual([])
    expect(manager.attempt(fence).active).toBe(false)
  })

  it('follows after it what was asked meanwhile: gives back what runs, and sleeps', async () => {
    const { commands, fence } = await holding()
    await manager.close()
    manager.requestStatus(manager.onlyWorker(), 'asleep')
    await manager.open()
    await expect
      .poll(() => manager.finished(fence), soon)
      .toMatchObject({ outcome: 'lost', reason: 'worker "tester" was asked to go asleep' })
    await expect.poll(() => manager.onlyWorker().status, soon).toBe('asleep')
    expect(commands.started).toHaveLength(1)
  })

  it('ends after it when it was asked to go offline meanwhile, once the end of what ran is delivered', async () => {
    const { fence, worker } = await holding()
    await manager.close()
    manager.requestStatus(manager.onlyWorker(), 'offline')
    await manager.open()
    expect(await worker.ended).toBe('offline')
    expect(manager.finished(fence)).toMatchObject({ outcome: 'lost' })
    expect(manager.onlyWorker().signOffs).toBe(1)
  })

  it('uploads previews after it, also those that waited while the program was not running', async () => {
    const previews = {
      previews: async () => ({ thumbnail: Buffer.alloc(10), large: Buffer.alloc(20), width: 64, height: 32 }),
      fullSize: async () => undefined,
    }
    const first = await lab.start({ managerUrl: manager.url }, { createPreviews: () => previews })
    const fence = manager.submit({ commands: [command('hold')] })
    await expect.poll(() => first.commands.isHeld(fence.taskId), soon).toBe(true)
    await manager.close()
    for (const frame of [1, 2, 3]) first.commands.started[0]?.output({ path: `/renders/${frame}.png`, frame, bytes: 1 })
    await first.worker.stop()
    await manager.open()
    await lab.start({ managerUrl: manager.url, dataDir: first.dataDir }, { createPreviews: () => previews })
    await expect
      .poll(() => manager.previews.map(({ path, size }) => `${path} ${size}`), soon)
      .toEqual([1, 2, 3].flatMap((frame) => [`/renders/${frame}.png thumbnail`, `/renders/${frame}.png large`]))
  })

  it('comes back quickly from a short one', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    await manager.close()
    await expect.poll(() => worker.status().connected, soon).toBe(false)
    await manager.open()
    const reopened = Date.now()
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    // After a long one it would be ten seconds.
    expect(Date.now() - reopened).toBeLessThan(8000)
  })
})

describe('a restart of the worker', () => {
  it('delivers what was reported before it, and asks that ended attempts are not run again', async () => {
    const first = await holding()
    const [context] = first.commands.started
    await manager.close()
    context?.log('stdout', 'written in the dark')
    first.commands.release(first.fence.taskId)
    await expect.poll(() => first.worker.status().running, soon).toEqual([])
    await first.worker.stop()
    await manager.open()
    const second = await lab.start({ managerUrl: manager.url, dataDir: first.dataDir })
    await expect.poll(() => manager.finished(first.fence), soon).toMatchObject({ outcome: 'success' })
    expect(manager.onlyWorker().signOns.at(-1)?.running).toEqual([first.fence])
    expect(manager.logText(first.fence)).toBe('written in the dark\n')
    await expect.poll(() => second.worker.status().undelivered, soon).toBe(0)
    expect(manager.workers.size).toBe(1)
  })
})

describe('a manager that refuses', () => {
  it('a bad report is dropped alone, after the others in its batch were delivered', async () => {
    const { commands, fence, log } = await holding()
    manager.intercept = (call, body) =>
      call === 'report' && JSON.stringify(body).includes('poison') ? failure(400, 'invalid-input', 'bad report') : undefined
    const [context] = commands.started
    context?.log('stdout', 'first')
    context?.log('stderr', 'poison')
    context?.log('stdout', 'second')
    commands.release(fence.taskId)
    await expect.poll(() => manager.finished(fence), soon).toMatchObject({ outcome: 'success' })
    expect(manager.logText(fence)).toBe('first\nsecond\n')
    expect(log.lines.filter((line) => line.startsWith('error the manager rejected a report'))).toHaveLength(1)
  })

  it('a report that makes the manager stumble is tried again, and given up only after many times', async () => {
    const { commands, fence } = await holding()
    let stumbles = 0
    manager.intercept = (call, body) =>
      call === 'report' && JSON.stringify(body).includes('stumble') && stumbles++ < 3 ? failure(500, '', 'oops') : undefined
    commands.started[0]?.log('stdout', 'stumble')
    commands.release(fence.taskId)
    await expect.poll(() => manager.finished(fence), soon).toMatchObject({ outcome: 'success' })
    expect(manager.logText(fence)).toBe('stumble\n')
  })

  it.each([500, 502, 503])('answers %i to a sign-on: waits, and never makes a second worker', async (status) => {
    let times = 0
    manager.intercept = (call) => (call === 'sign-on' && times++ < 4 ? failure(status, '', 'not now') : undefined)
    const { worker } = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    expect(manager.count('join')).toBe(1)
  })

  it('a 401 of something else on the way (a proxy) makes no second worker', async () => {
    let times = 0
    manager.intercept = (call) => (call === 'sign-on' && times++ < 5 ? { status: 401, body: 'who are you?' } : undefined)
    const { worker } = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    expect(manager.count('join')).toBe(1)
  })

  it('a manager that forgot the worker is joined anew, after asking several times; what ran is stopped', async () => {
    const { commands, worker, dataDir } = await holding()
    const old = manager.onlyWorker().id
    manager.workers.clear()
    commands.started[0]?.log('stdout', 'for no one')
    await expect.poll(() => manager.workers.size, soon).toBe(1)
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    expect(manager.onlyWorker().id).not.toBe(old)
    expect(commands.started[0]?.signal.aborted).toBe(true)
    expect(await readdir(join(dataDir, 'outbox'))).toEqual([manager.onlyWorker().id])
    const next = manager.submit({ commands: [command('say', { text: 'new life' })] })
    await expect.poll(() => manager.finished(next), soon).toMatchObject({ outcome: 'success' })
  })

  it('a join that is refused is tried again until it is allowed, and the reason is reported', async () => {
    let allowed = false
    manager.intercept = (call) => (call === 'join' && !allowed ? failure(403, 'not-allowed', 'a join key is needed') : undefined)
    const { worker, log } = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => worker.status().problem, soon).toContain('a join key is needed')
    expect(log.lines.join('\n')).toContain('/k/KEY/')
    allowed = true
    await expect.poll(() => worker.status().connected, soon).toBe(true)
  })

  it('an answer that is no answer of our protocol is not acted upon', async () => {
    const { worker } = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    manager.intercept = (call) => (call === 'take' || call === 'sign-on' ? { status: 200, body: { assignments: 'many' } } : undefined)
    manager.requestStatus(manager.onlyWorker(), 'asleep')
    await expect.poll(() => worker.status().problem, soon).toContain('does not match the protocol')
    manager.intercept = undefined
    await expect.poll(() => worker.status().connected, soon).toBe(true)
  })

  it('a server that does not hold the long poll is not asked in a tight loop', async () => {
    manager.intercept = (call) =>
      call === 'take'
        ? { status: 200, body: { assignments: [], cancel: [], statusRequested: null, statusRequestLazy: false, approved: true } }
        : undefined
    const { worker } = await lab.start({ managerUrl: manager.url })
    await expect.poll(() => worker.status().connected, soon).toBe(true)
    const [before, since] = [manager.count('take'), performance.now()]
    await new Promise((resolve) => setTimeout(resolve, 1000))
    const perSecond = (manager.count('take') - before) / ((performance.now() - since) / 1000)
    expect(perSecond).toBeLessThan(15)
  })
})
