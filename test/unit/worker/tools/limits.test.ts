import { describe, expect, it } from 'vitest'
import { applyLimits, type LimitSystem } from '../../../../src/main/worker/tools/process/limits.ts'

interface Applied {
  priorities: Record<number, number>
  scores: Record<number, number>
  looks: number
}

/** A system in which each look finds one more answer of `families`; the last one stays. */
function machine(
  platform: NodeJS.Platform,
  families: { processes: number[]; schedulable: number[] }[] = [],
): LimitSystem & { applied: Applied } {
  const applied: Applied = { priorities: {}, scores: {}, looks: 0 }
  return {
    platform,
    applied,
    setPriority(pid, priority) {
      if (pid === 99) throw new Error('ESRCH')
      applied.priorities[pid] = priority
    },
    async setOomScore(pid, score) {
      if (pid === 99) throw new Error('ENOENT')
      applied.scores[pid] = score
    },
    family: async () => families[Math.min(applied.looks++, families.length - 1)] ?? { processes: [], schedulable: [] },
  }
}

const alone = [{ processes: [7], schedulable: [7] }]

describe('limits of what a worker runs', () => {
  it.each([
    ['linux', { nice: 10, oomScoreAdjust: 500 }, { 7: 10 }, { 7: 500 }],
    ['linux', { nice: 0, oomScoreAdjust: 500 }, {}, { 7: 500 }],
    ['linux', { nice: 10, oomScoreAdjust: null }, { 7: 10 }, {}],
    ['linux', { nice: 0, oomScoreAdjust: null }, {}, {}],
    ['darwin', { nice: 10, oomScoreAdjust: 500 }, { 7: 10 }, {}],
    // The class below normal; Windows has no OOM killer.
    ['win32', { nice: 10, oomScoreAdjust: 500 }, { 7: 10 }, {}],
    ['win32', { nice: 19, oomScoreAdjust: 500 }, { 7: 10 }, {}],
    ['win32', { nice: 0, oomScoreAdjust: 500 }, {}, {}],
  ] as const)('on %s, %j', async (platform, limits, priorities, scores) => {
    const system = machine(platform, alone)
    await applyLimits(7, limits, system)
    expect(system.applied).toMatchObject({ priorities, scores })
  })

  it('reach what the program had started before, with its threads, and what that starts meanwhile', async () => {
    const system = machine('linux', [
      { processes: [7, 8], schedulable: [7, 71, 8] },
      { processes: [7, 8, 9], schedulable: [7, 71, 8, 9] },
    ])
    await applyLimits(7, { nice: 10, oomScoreAdjust: 500 }, system)
    expect(system.applied).toEqual({ priorities: { 7: 10, 71: 10, 8: 10, 9: 10 }, scores: { 7: 500, 8: 500, 9: 500 }, looks: 3 })
  })

  it('do not fail when a process has gone meanwhile', async () => {
    const system = machine('linux', [{ processes: [99, 8], schedulable: [99, 8] }])
    await applyLimits(99, { nice: 10, oomScoreAdjust: 500 }, system)
    expect(system.applied).toMatchObject({ priorities: { 8: 10 }, scores: { 8: 500 } })
  })
})
