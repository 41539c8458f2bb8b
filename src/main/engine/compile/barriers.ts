/**
 * Dependencies as barriers: tasks that the same others wait for form one group, and those others wait for the group.
 * "All frames before the video" is one group with one row per waiting task instead of an edge per pair.
 */

/** More edges than this are refused: no real job needs them, and they would only fill the database. */
export const MAX_DEPENDENCIES = 5_000_000

export interface Barriers {
  /** Members of each group. */
  groups: number[]
  /** Group of each task by position (task index − first index); −1: nothing waits for it. */
  groupOf: Int32Array
  /** The groups each task waits for, by position; distinct. */
  waitsFor: number[][]
}

/**
 * Splits tasks into groups by partition refinement: start with all in one class and split it by every task's
 * dependencies; what is still together at the end has the same dependents. Time grows with the number of edges.
 * `dependencies[p]`: positions (from 0) that the task at position p depends on; duplicates are allowed.
 */
export function groupDependencies(dependencies: readonly (readonly number[])[]): Barriers {
  const classOf = new Int32Array(dependencies.length)
  const sizes = [dependencies.length]
  dependencies.forEach((list) => {
    refine(classOf, sizes, new Set(list))
  })
  return number(classOf, dependencies)
}

/** Moves the members of `chosen` out of every class that also has others in it. */
function refine(classOf: Int32Array, sizes: number[], chosen: ReadonlySet<number>): void {
  const chosenIn = new Map<number, number>()
  for (const position of chosen) {
    const old = classOf[position] ?? 0
    chosenIn.set(old, (chosenIn.get(old) ?? 0) + 1)
  }
  const newClass = new Map<number, number>()
  for (const [old, count] of chosenIn) {
    if (count === sizes[old]) continue
    newClass.set(old, sizes.length)
    sizes[old] = (sizes[old] ?? 0) - count
    sizes.push(count)
  }
  for (const position of chosen) {
    const moved = newClass.get(classOf[position] ?? 0)
    if (moved !== undefined) classOf[position] = moved
  }
}

/** Numbers the classes that something waits for, in order of first use. */
function number(classOf: Int32Array, dependencies: readonly (readonly number[])[]): Barriers {
  const groupOfClass = new Map<number, number>()
  const waitsFor = dependencies.map((list) => {
    const groups = new Set<number>()
    for (const position of list) {
      const its = classOf[position] ?? 0
      let group = groupOfClass.get(its)
      if (group === undefined) groupOfClass.set(its, (group = groupOfClass.size))
      groups.add(group)
    }
    return [...groups]
  })
  const groups = new Array<number>(groupOfClass.size).fill(0)
  const groupOf = classOf.map((its) => {
    const group = groupOfClass.get(its) ?? -1
    if (group >= 0) groups[group] = (groups[group] ?? 0) + 1
    return group
  })
  return { groups, groupOf, waitsFor }
}

/**
 * Tasks (positions) that wait for each other in a circle, in order, or undefined when all can run.
 * Each waits for the next one, the last for the first.
 */
export function findCycle(dependencies: readonly (readonly number[])[], barriers: Barriers): number[] | undefined {
  const stuck = stuckTasks(barriers)
  const start = stuck.indexOf(1)
  if (start < 0) return undefined
  // Every stuck task waits for a stuck one: following them must return to one already seen.
  const seen = new Map<number, number>()
  const path: number[] = []
  let at = start
  while (!seen.has(at)) {
    seen.set(at, path.length)
    path.push(at)
    at = dependencies[at]?.find((position) => stuck[position] === 1) ?? start
  }
  return path.slice(seen.get(at))
}

/** Simulates the graph; 1 for every task that would never start. */
function stuckTasks({ groups, groupOf, waitsFor }: Barriers): Uint8Array {
  const openGroups = waitsFor.map((list) => list.length)
  const openMembers = [...groups]
  const waiters: number[][] = groups.map(() => [])
  waitsFor.forEach((list, position) => {
    for (const group of list) waiters[group]?.push(position)
  })
  const stuck = new Uint8Array(waitsFor.length).fill(1)
  const ready: number[] = []
  openGroups.forEach((open, position) => {
    if (open === 0) ready.push(position)
  })
  for (let done = ready.pop(); done !== undefined; done = ready.pop()) {
    stuck[done] = 0
    const group = groupOf[done] ?? -1
    if (group < 0) continue
    openMembers[group] = (openMembers[group] ?? 0) - 1
    if (openMembers[group] !== 0) continue
    for (const position of waiters[group] ?? []) {
      openGroups[position] = (openGroups[position] ?? 0) - 1
      if (openGroups[position] === 0) ready.push(position)
    }
  }
  return stuck
}
