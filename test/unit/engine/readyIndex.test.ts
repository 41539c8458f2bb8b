import { describe, expect, it } from 'vitest'
import type { Rank } from '../../../src/main/engine/rules/orderKey.ts'
import { ReadyIndex, type IndexEntry } from '../../../src/main/engine/queue/ready/readyIndex.ts'

const entry = (job: string, rank: Rank, kind = 'render', tagId = 0, namespaceId = 1): IndexEntry<string> => ({
  job,
  rank,
  key: { namespaceId, kind, tagId },
})
const names = (entries: Iterable<IndexEntry<string>>): string[] => [...entries].map(({ job }) => job)

describe('the ready index', () => {
  it('sorts by rank whatever the order of insertion', () => {
    const index = new ReadyIndex<string>()
    for (const [job, last] of [
      ['c', 3],
      ['a', 1],
      ['d', 4],
      ['b', 2],
    ] as const)
      index.insert(entry(job, [-50, -50, 0, last]))
    expect(names(index.candidates(1, ['render'], []))).toEqual(['a', 'b', 'c', 'd'])
  })

  it('merges the lists of kinds and tags by rank', () => {
    const index = new ReadyIndex<string>()
    index.insert(entry('plain-2', [-50, 0, 0, 2]))
    index.insert(entry('video-1', [-50, 0, 0, 1], 'video'))
    index.insert(entry('tagged-3', [-50, 0, 0, 3], 'render', 7))
    index.insert(entry('urgent-9', [-80, 0, 0, 9], 'video', 7))
    index.insert(entry('other-tag', [-99, 0, 0, 5], 'render', 8))
    index.insert(entry('other-kind', [-99, 0, 0, 6], 'sound'))
    index.insert(entry('other-namespace', [-99, 0, 0, 7], 'render', 0, 2))
    expect(names(index.candidates(1, ['render', 'video'], [7]))).toEqual(['urgent-9', 'video-1', 'plain-2', 'tagged-3'])
    expect(names(index.candidates(1, ['render', 'video'], []))).toEqual(['video-1', 'plain-2'])
    expect(names(index.candidates(1, ['render'], [7]))).toEqual(['plain-2', 'tagged-3'])
    expect(names(index.candidates(2, ['render'], []))).toEqual(['other-namespace'])
    expect(names(index.candidates(1, [], [7]))).toEqual([])
  })

  it('forgets what is removed, and only that', () => {
    const index = new ReadyIndex<string>()
    const kept = entry('kept', [0, 0, 0, 1])
    const gone = entry('gone', [0, 0, 0, 2])
    index.insert(kept)
    index.insert(gone)
    index.remove(gone)
    index.remove(gone)
    index.remove(entry('never there', [0, 0, 0, 1]))
    expect(names(index.candidates(1, ['render'], []))).toEqual(['kept'])
    index.remove(kept)
    expect(names(index.candidates(1, ['render'], []))).toEqual([])
  })

  it('keeps the order through many insertions and removals', () => {
    const index = new ReadyIndex<string>()
    const entries = Array.from({ length: 500 }, (_, at) => entry(String(at), [-((at * 7919) % 101), 0, 0, at]))
    for (const one of entries) index.insert(one)
    for (const one of entries) if (Number(one.job) % 3 === 0) index.remove(one)
    const left = [...index.candidates(1, ['render'], [])]
    expect(left).toHaveLength(333)
    const sorted = [...left].sort((a, b) => a.rank[0] - b.rank[0] || a.rank[3] - b.rank[3])
    expect(left).toEqual(sorted)
  })
})
