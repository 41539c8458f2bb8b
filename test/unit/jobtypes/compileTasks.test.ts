import { describe, expect, it } from 'vitest'
import { compileTasks } from '../../../src/main/engine/compile/compileTasks.ts'
import type { AuthoredTask, TaskRow } from '../../../src/main/engine/base/compiledJob.ts'

function task(name: string, dependsOn: number[] = [], steps = 0): AuthoredTask {
  return { name, kind: 'misc', priority: 50, commands: [{ name: 'echo', parameters: { message: name }, totalStepCount: steps }], dependsOn }
}

function rowsOf(compiled: { taskSlices: string[] }): TaskRow[] {
  return compiled.taskSlices.flatMap((slice) => JSON.parse(slice) as TaskRow[])
}

function waitsOf(compiled: { groupDependencySlices: string[] }): [number, number][] {
  return compiled.groupDependencySlices.flatMap((slice) => JSON.parse(slice) as [number, number][])
}

/** For every task the tasks that it waits for, read back from what is stored. */
function dependenciesRead(compiled: ReturnType<typeof compileTasks>): number[][] {
  const rows = rowsOf(compiled)
  return rows.map(([index]) => {
    const groups = waitsOf(compiled)
      .filter(([waiting]) => waiting === index)
      .map(([, group]) => group)
    return rows.filter((row) => groups.includes(row[8])).map((row) => row[0])
  })
}

describe('barriers', () => {
  it('"all frames before the video" is one group and one row', () => {
    const frames = Array.from({ length: 5000 }, (_, n) => task(`frame ${n}`, [], 1))
    const compiled = compileTasks([
      ...frames,
      task(
        'video',
        frames.map((_, n) => n + 1),
      ),
    ])
    expect(compiled.groups).toEqual([5000])
    expect(waitsOf(compiled)).toEqual([[5001, 0]])
    expect(rowsOf(compiled).at(-1)?.slice(7)).toEqual([1, -1])
    expect(compiled).toMatchObject({ taskCount: 5001, stepsTotal: 5001, kinds: ['misc'] })
    expect(compiled.taskSlices).toHaveLength(3)
  })

  it('"one before all" is one group that each of them waits for', () => {
    const compiled = compileTasks([task('first'), ...Array.from({ length: 9 }, () => task('sleep', [1]))])
    expect(compiled.groups).toEqual([1])
    expect(rowsOf(compiled).map((row) => row[7])).toEqual([0, ...Array.from({ length: 9 }, () => 1)])
  })

  it.each<[string, number[][], number[]]>([
    ['a chain', [[], [1], [2], [3]], [1, 1, 1]],
    ['a diamond', [[], [1], [1], [2, 3]], [1, 2]],
    ['overlapping sets', [[], [], [], [1, 2], [2, 3]], [1, 1, 1]],
    ['the same set twice', [[], [], [1, 2], [2, 1], [1, 1, 2]], [2]],
    ['later tasks first', [[2, 3], [], []], [2]],
    ['nothing at all', [[], []], []],
  ])('%s', (_name, dependencies, groups) => {
    const compiled = compileTasks(dependencies.map((list, n) => task(`t${n + 1}`, list)))
    expect([...compiled.groups].sort()).toEqual(groups.sort())
    expect(dependenciesRead(compiled)).toEqual(dependencies.map((list) => [...new Set(list)].sort()))
  })

  it('keeps exactly the dependencies of random graphs', () => {
    let state = 3
    const random = () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648
    for (let round = 0; round < 40; round++) {
      const dependencies = Array.from({ length: 25 }, (_, n) => Array.from({ length: n }, (__, m) => m + 1).filter(() => random() < 0.2))
      expect(dependenciesRead(compileTasks(dependencies.map((list, n) => task(`t${n}`, list))))).toEqual(dependencies)
    }
  })

  it('groups 1000 × 1000 edges', () => {
    const first = Array.from({ length: 1000 }, () => task('a'))
    const second = Array.from({ length: 1000 }, () =>
      task(
        'b',
        first.map((_, n) => n + 1),
      ),
    )
    const compiled = compileTasks([...first, ...second])
    expect(compiled.groups).toEqual([1000])
    expect(waitsOf(compiled)).toHaveLength(1000)
  })
})

describe('what cannot run is refused', () => {
  it.each<[string, AuthoredTask[], string]>([
    ['itself', [task('a', [1])], 'task "a" depends on itself'],
    ['a task that is not there', [task('a', [7])], 'task "a" depends on task number 7, which does not exist'],
    ['a task of number 0', [task('a', [0])], 'task "a" depends on task number 0'],
    ['a circle of two', [task('x'), task('a', [3]), task('b', [2])], 'in a circle: "a" → "b" → "a"'],
    ['a circle behind others', [task('x', [2]), task('a', [3]), task('b', [4]), task('c', [2])], 'in a circle: "a" → "b" → "c" → "a"'],
  ])('a dependency on %s', (_name, tasks, message) => {
    expect(() => compileTasks(tasks)).toThrow(message)
  })

  it('a long circle is shortened in the message', () => {
    const tasks = Array.from({ length: 20 }, (_, n) => task(`t${n}`, [((n + 1) % 20) + 1]))
    expect(() => compileTasks(tasks)).toThrow('"t6" → … (13 more) → "t0"')
  })
})

describe('a job that grows', () => {
  it('keeps dependencies on older tasks apart from those among the new ones', () => {
    const compiled = compileTasks([{ ...task('a'), dependsOnOlder: [4, 4, 9] }, task('b', [1])])
    expect(compiled.taskDependencySlices).toEqual(['[[1,4],[1,9]]'])
    expect(rowsOf(compiled).map((row) => row[7])).toEqual([0, 1])
  })
})
