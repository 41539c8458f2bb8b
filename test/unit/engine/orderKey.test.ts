import { describe, expect, it } from 'vitest'
import {
  agedOrderKey,
  ageOfOrderKey,
  compareRanks,
  jobRank,
  priorityOfOrderKey,
  taskOrderKey,
} from '../../../src/main/engine/rules/orderKey.ts'

describe('order of tasks inside a job', () => {
  it('puts higher priority first, then the order of authoring', () => {
    const tasks = [
      { name: 'late', priority: 50, index: 4_000_000 },
      { name: 'first', priority: 50, index: 1 },
      { name: 'low', priority: 0, index: 1 },
      { name: 'urgent', priority: 100, index: 999 },
      { name: 'second', priority: 50, index: 2 },
    ]
    const sorted = [...tasks].sort((a, b) => taskOrderKey(a.priority, a.index) - taskOrderKey(b.priority, b.index))
    expect(sorted.map(({ name }) => name)).toEqual(['urgent', 'first', 'second', 'late', 'low'])
  })

  it('is an exact integer at its limits, and gives the priority back', () => {
    for (const priority of [0, 1, 50, 99, 100]) {
      for (const index of [1, 1_000_000, 4_294_967_295]) {
        const key = taskOrderKey(priority, index)
        expect(Number.isSafeInteger(key)).toBe(true)
        expect(priorityOfOrderKey(key)).toBe(priority)
      }
    }
  })
})

describe('order of tasks by age', () => {
  const DAY = 86_400_000
  const now = Date.UTC(2026, 0, 1)

  it('a step of priority is a day of waiting, and at one moment the index decides', () => {
    const keys = [
      agedOrderKey(now, 2, 9),
      agedOrderKey(now - DAY - 1, 0, 1),
      agedOrderKey(now, 1, 3),
      agedOrderKey(now, 1, 4),
      agedOrderKey(now - DAY + 1, 0, 2),
      agedOrderKey(now, 0, 8),
    ]
    expect(keys.toSorted((a, b) => a - b)).toEqual(keys)
  })

  it('is exact for all priorities and this century, and gives the moment back', () => {
    for (const at of [0, now, Date.UTC(2099, 11, 31)]) {
      for (const priority of [-50_000, -1, 0, 50_000]) {
        const key = agedOrderKey(at, priority, 4_294_967_295)
        expect(Number.isSafeInteger(key)).toBe(true)
        expect(ageOfOrderKey(key)).toBe(at - priority * DAY)
      }
    }
  })

  it('ranks beside jobs whose own age counts', () => {
    const job = { priority: 50, createdAt: now, id: 1 }
    const shared = (at: number, priority: number) => jobRank('task-ages', { ...job, createdAt: 0 }, agedOrderKey(at, priority, 7))
    const graph = jobRank('task-days', job, taskOrderKey(1, 1))
    expect(compareRanks(shared(now - 1, 1), graph)).toBeLessThan(0)
    expect(compareRanks(shared(now + 1, 1), graph)).toBeGreaterThan(0)
    expect(compareRanks(shared(now + 1, 2), graph)).toBeLessThan(0)
  })
})

describe('order of jobs', () => {
  const job = (priority: number, createdAt: number, id: number) => ({ priority, createdAt, id })
  const at50 = taskOrderKey(50, 1)
  const before = (a: ReturnType<typeof jobRank>, b: ReturnType<typeof jobRank>): boolean => compareRanks(a, b) < 0 && compareRanks(b, a) > 0

  it('by priority: job priority, then that of the first task, then age, then id', () => {
    expect(before(jobRank('priority', job(60, 9, 9), taskOrderKey(0, 1)), jobRank('priority', job(50, 1, 1), taskOrderKey(100, 1)))).toBe(
      true,
    )
    expect(before(jobRank('priority', job(50, 9, 9), taskOrderKey(70, 5)), jobRank('priority', job(50, 1, 1), taskOrderKey(60, 1)))).toBe(
      true,
    )
    expect(before(jobRank('priority', job(50, 1, 9), at50), jobRank('priority', job(50, 2, 1), at50))).toBe(true)
    expect(before(jobRank('priority', job(50, 1, 1), at50), jobRank('priority', job(50, 1, 2), at50))).toBe(true)
  })

  it('by age and priority: ten minutes for each step', () => {
    const old = jobRank('age-priority', job(50, 0, 1), at50)
    expect(before(jobRank('age-priority', job(51, 599_999, 2), at50), old)).toBe(true)
    expect(before(old, jobRank('age-priority', job(51, 600_001, 2), at50))).toBe(true)
  })

  it('first in, first out: priorities do not matter', () => {
    expect(before(jobRank('fifo', job(0, 1, 1), taskOrderKey(0, 1)), jobRank('fifo', job(100, 2, 2), taskOrderKey(100, 1)))).toBe(true)
  })

  it('ranks are equal only for the same job', () => {
    expect(compareRanks(jobRank('fifo', job(1, 1, 1), at50), jobRank('fifo', job(9, 1, 1), at50))).toBe(0)
    expect(compareRanks(jobRank('fifo', job(1, 1, 1), at50), jobRank('fifo', job(1, 1, 2), at50))).not.toBe(0)
  })
})
