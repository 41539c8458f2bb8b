import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { TaskState } from '../../../src/main/engine/base/model.ts'
import { taskOrderKey } from '../../../src/main/engine/rules/orderKey.ts'
import { ReadyQueue } from '../../../src/main/engine/queue/ready/readyQueue.ts'

function task(index: number, priority = 50): TaskState {
  return {
    id: index,
    jobId: 1,
    index,
    name: '',
    kind: 'misc',
    status: 'queued',
    priority,
    orderKey: taskOrderKey(priority, index),
    unmet: 0,
    groupId: null,
    optional: 0,
    templateId: 1,
    params: null,
    laneId: null,
    stepsCompleted: 0,
    stepsTotal: 1,
    workerId: null,
    attempts: 0,
    retries: 0,
    activity: '',
    rerun: null,
    notBefore: null,
    startBy: null,
    updatedAt: 0,
    touchedAt: null,
    startedAt: null,
    finishedAt: null,
  }
}

/** A database of ready tasks whose answers are taken at the time of the question and given when the test says so. */
class FakeDisk {
  readonly ready = new Map<number, TaskState>()
  readonly asked: { afterKey: number; limit: number }[] = []
  held = false
  private waiting: (() => void)[] = []
  broken: Error | undefined

  constructor(count: number) {
    for (let index = 1; index <= count; index++) this.ready.set(index, task(index))
  }

  load = (afterKey: number, limit: number): Promise<TaskState[]> => {
    this.asked.push({ afterKey, limit })
    if (this.broken) return Promise.reject(this.broken)
    const rows = [...this.ready.values()]
      .filter(({ orderKey }) => orderKey > afterKey)
      .sort((a, b) => a.orderKey - b.orderKey)
      .slice(0, limit)
      .map((row) => ({ ...row }))
    if (!this.held) return Promise.resolve(rows)
    return new Promise((resolve) => this.waiting.push(() => resolve(rows)))
  }

  async answer(): Promise<void> {
    for (const resolve of this.waiting.splice(0)) resolve()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

let disk: FakeDisk
let loads: number
let errors: unknown[]
const away = new Set<number>()

function queueOn(fake: FakeDisk, hint: number | undefined = taskOrderKey(50, 1)): ReadyQueue {
  disk = fake
  return new ReadyQueue(
    'misc',
    hint,
    fake.load,
    ({ id }) => !away.has(id),
    () => loads++,
    (error) => errors.push(error),
  )
}

/** Takes the first task as a hand-out does; on disk it is gone when the test says so. */
function take(queue: ReadyQueue): TaskState | undefined {
  for (const first of queue.tasks()) {
    queue.remove(first)
    return first
  }
}

beforeEach(() => {
  loads = 0
  errors = []
  away.clear()
})

describe('the window', () => {
  it('loads nothing before it is asked to, and then a window', async () => {
    const queue = queueOn(new FakeDisk(1000))
    expect(queue.size).toBe(0)
    expect(queue.headKey).toBe(taskOrderKey(50, 1))
    expect(disk.asked).toEqual([])
    await queue.refill()
    expect(queue.size).toBe(256)
    expect(disk.asked).toEqual([{ afterKey: Number.NEGATIVE_INFINITY, limit: 256 }])
    expect(loads).toBe(1)
  })

  it('fetches the next window while the rest is handed out', async () => {
    const queue = queueOn(new FakeDisk(1000))
    await queue.refill()
    for (let at = 1; at <= 160; at++) take(queue)
    expect(disk.asked).toHaveLength(1)
    take(queue)
    expect(disk.asked).toHaveLength(2)
    await queue.refill()
    expect(queue.size).toBe(95 + 256)
  })

  it('hands every task out once and in order, through all windows', async () => {
    const queue = queueOn(new FakeDisk(1000))
    const seen: number[] = []
    while (queue.headKey !== undefined) {
      const next = take(queue)
      if (next) seen.push(next.index)
      else await queue.refill()
    }
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, at) => at + 1))
    expect(queue.refill()).toBeUndefined()
    expect(queue.headKey).toBeUndefined()
  })

  it('is empty once the disk had nothing, whatever was hoped for', async () => {
    const queue = queueOn(new FakeDisk(0), taskOrderKey(50, 1))
    await queue.refill()
    expect(queue.headKey).toBeUndefined()
    expect(loads).toBe(1)
  })

  it('asks once however many want it', () => {
    const queue = queueOn(new FakeDisk(10))
    expect(queue.refill()).toBe(queue.refill())
    expect(disk.asked).toHaveLength(1)
  })

  it('tells of an error and asks again only after a pause', async () => {
    vi.useFakeTimers()
    const queue = queueOn(new FakeDisk(3))
    disk.broken = new Error('disk')
    const failing = queue.refill()
    await vi.advanceTimersByTimeAsync(900)
    expect(errors).toEqual([disk.broken])
    expect(queue.headKey).toBe(taskOrderKey(50, 1))
    expect(queue.refill()).toBe(failing)
    expect(disk.asked).toHaveLength(1)
    disk.broken = undefined
    await vi.advanceTimersByTimeAsync(200)
    await queue.refill()
    expect(queue.size).toBe(3)
    vi.useRealTimers()
  })

  it('leaves out tasks whose truth is elsewhere', async () => {
    const queue = queueOn(new FakeDisk(3))
    away.add(2)
    await queue.refill()
    expect([...queue.tasks()].map(({ index }) => index)).toEqual([1, 3])
  })
})

describe('tasks that come and go', () => {
  it('puts a task that comes back where it belongs', async () => {
    const queue = queueOn(new FakeDisk(5))
    await queue.refill()
    const first = take(queue)
    take(queue)
    queue.insert(first!)
    expect([...queue.tasks()].map(({ index }) => index)).toEqual([1, 3, 4, 5])
    expect(queue.headKey).toBe(taskOrderKey(50, 1))
  })

  it('sorts by priority when a task with a higher one is released', async () => {
    const queue = queueOn(new FakeDisk(3))
    await queue.refill()
    queue.insert(task(9, 80))
    expect([...queue.tasks()].map(({ index }) => index)).toEqual([9, 1, 2, 3])
  })

  it('has a task once, however often it is inserted', async () => {
    const queue = queueOn(new FakeDisk(2))
    await queue.refill()
    queue.insert(task(2))
    queue.insert(task(2))
    expect(queue.size).toBe(2)
  })

  it('removes by identity of the task, not of the object', async () => {
    const queue = queueOn(new FakeDisk(3))
    await queue.refill()
    expect(queue.remove(task(2))).toBe(true)
    expect(queue.remove(task(2))).toBe(false)
    expect([...queue.tasks()].map(({ index }) => index)).toEqual([1, 3])
  })

  it('does not load what was inserted before its window came', async () => {
    const queue = queueOn(new FakeDisk(3))
    queue.insert(task(2))
    await queue.refill()
    expect([...queue.tasks()].map(({ index }) => index)).toEqual([1, 2, 3])
  })
})

describe('while a window is on its way', () => {
  it('a task that was taken does not come back with it', async () => {
    const queue = queueOn(new FakeDisk(300))
    await queue.refill()
    disk.held = true
    while (queue.size >= 96) take(queue)
    const released = task(299)
    queue.insert(released)
    queue.remove(released)
    await disk.answer()
    expect([...queue.tasks()].some(({ index }) => index === 299)).toBe(false)
    expect([...queue.tasks()].some(({ index }) => index === 300)).toBe(true)
  })

  it('a task whose end reached the disk after the question does not come back', async () => {
    const queue = queueOn(new FakeDisk(3))
    disk.held = true
    void queue.refill()
    queue.noteGone(2)
    await disk.answer()
    expect([...queue.tasks()].map(({ index }) => index)).toEqual([1, 3])
  })

  it('a task that was taken and requeued meanwhile stays', async () => {
    const queue = queueOn(new FakeDisk(3))
    disk.held = true
    void queue.refill()
    const early = task(2)
    queue.insert(early)
    queue.remove(early)
    queue.insert(early)
    await disk.answer()
    expect([...queue.tasks()].map(({ index }) => index)).toEqual([1, 2, 3])
  })

  it('what was noted during one load does not outlive it', async () => {
    const queue = queueOn(new FakeDisk(3))
    disk.held = true
    void queue.refill()
    queue.noteGone(2)
    await disk.answer()
    queue.insert(task(2))
    expect(queue.size).toBe(3)
  })

  it('a reset makes the answer void', async () => {
    const queue = queueOn(new FakeDisk(3))
    disk.held = true
    void queue.refill()
    disk.ready.delete(1)
    queue.reset(taskOrderKey(50, 2))
    await disk.answer()
    expect(queue.size).toBe(0)
    expect(loads).toBe(0)
    disk.held = false
    await queue.refill()
    expect([...queue.tasks()].map(({ index }) => index)).toEqual([2, 3])
  })
})

describe('a task that was put in from elsewhere', () => {
  it('is not taken for the first while the disk may have an earlier one', async () => {
    const queue = queueOn(new FakeDisk(1000))
    const late = task(900)
    disk.ready.delete(900)
    queue.insert(late)
    expect(queue.headMayBeOnDisk).toBe(true)
    expect(queue.headKey).toBe(taskOrderKey(50, 1))
    await queue.refill()
    expect(queue.headMayBeOnDisk).toBe(false)
    const seen: number[] = []
    while (queue.headKey !== undefined) {
      if (queue.headMayBeOnDisk) await queue.refill()
      else seen.push(take(queue)!.index)
    }
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, at) => at + 1))
  })

  it('is the first at once when it is before everything that was loaded, or when all was', async () => {
    const queue = queueOn(new FakeDisk(300))
    await queue.refill()
    queue.insert(task(2000, 90))
    expect(queue.headMayBeOnDisk).toBe(false)
    expect(queue.headKey).toBe(taskOrderKey(90, 2000))
    const small = queueOn(new FakeDisk(0))
    await small.refill()
    small.insert(task(7))
    expect(small.headMayBeOnDisk).toBe(false)
  })
})

describe('a new task', () => {
  /** As the engine does: it is on disk when it is appended. */
  const append = (queue: ReadyQueue, index: number, priority = 50): void => {
    const added = task(index, priority)
    disk.ready.set(index, added)
    queue.append(added)
  }
  const drain = async (queue: ReadyQueue): Promise<number[]> => {
    const seen: number[] = []
    while (queue.headKey !== undefined) {
      const next = queue.headMayBeOnDisk ? undefined : take(queue)
      if (next) {
        disk.ready.delete(next.index)
        seen.push(next.index)
      } else await queue.refill()
    }
    return seen
  }
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1)

  it('before those that were loaded comes at once, though the disk has more', async () => {
    const queue = queueOn(new FakeDisk(400))
    await queue.refill()
    take(queue)
    disk.ready.delete(1)
    append(queue, 500, 90)
    expect(queue.headKey).toBe(taskOrderKey(90, 500))
    expect(await drain(queue)).toEqual([500, ...upTo(400).slice(1)])
  })

  it('before those that were loaded waits on disk while the window is full, and its key counts', async () => {
    const queue = queueOn(new FakeDisk(400))
    await queue.refill()
    append(queue, 500, 90)
    expect(queue.size).toBe(256)
    expect(queue.headKey).toBe(taskOrderKey(90, 500))
    for (let index = 501; index <= 1_500; index++) append(queue, index, 90)
    expect(queue.size).toBe(256)
    expect(await drain(queue)).toEqual([...Array.from({ length: 1_001 }, (_, at) => 500 + at), ...upTo(400)])
  })

  it('that came while a window was loaded is not lost, wherever it belongs', async () => {
    const queue = queueOn(new FakeDisk(300))
    disk.held = true
    void queue.refill()
    append(queue, 500, 90)
    append(queue, 501)
    await disk.answer()
    disk.held = false
    expect(await drain(queue)).toEqual([500, ...upTo(300), 501])
  })

  it('that was taken away while a window was loaded does not come back', async () => {
    const queue = queueOn(new FakeDisk(3))
    disk.held = true
    void queue.refill()
    append(queue, 9, 90)
    disk.ready.delete(9)
    queue.noteGone(9)
    await disk.answer()
    expect([...queue.tasks()].map(({ index }) => index)).toEqual([1, 2, 3])
  })

  it('is not lost when the load that it met fails', async () => {
    vi.useFakeTimers()
    const queue = queueOn(new FakeDisk(300))
    await queue.refill()
    disk.broken = new Error('disk')
    while (queue.size >= 96) {
      const next = take(queue)
      if (next) disk.ready.delete(next.index)
    }
    append(queue, 500, 90)
    disk.broken = undefined
    await vi.advanceTimersByTimeAsync(1_100)
    expect(take(queue)?.index).toBe(500)
    vi.useRealTimers()
  })

  it('goes behind a full window of all that there is', async () => {
    const queue = queueOn(new FakeDisk(0), undefined)
    await queue.refill()
    for (const index of upTo(600)) append(queue, index)
    expect(queue.size).toBe(256)
    expect(await drain(queue)).toEqual(upTo(600))
  })
})

describe('after a reset', () => {
  it('nothing is left of the window, and the disk is asked from its beginning', async () => {
    const queue = queueOn(new FakeDisk(300))
    await queue.refill()
    queue.reset(undefined)
    expect(queue.headKey).toBeUndefined()
    queue.reset(taskOrderKey(50, 1))
    expect(queue.headKey).toBe(taskOrderKey(50, 1))
    await queue.refill()
    expect(disk.asked.at(-1)).toEqual({ afterKey: Number.NEGATIVE_INFINITY, limit: 256 })
    expect(queue.size).toBe(256)
  })
})
