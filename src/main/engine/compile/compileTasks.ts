/**
 * Authored tasks → what is stored: command templates, barriers, rows in slices. Pure. A whole job is compiled in the
 * job-type thread with a TaskCompiler fed batch by batch; a few tasks for a job that grows, by `compileTasks` anywhere.
 */
import { findCycle, groupDependencies, MAX_DEPENDENCIES } from './barriers.ts'
import { CommandFactory, type CommandReference } from './commandTemplates.ts'
import type { AuthoredTask, CompiledJob, TaskRow } from '../base/compiledJob.ts'
import { InvalidInputError } from '../base/errors.ts'

export const TASKS_PER_SLICE = 2_000
export const DEPENDENCIES_PER_SLICE = 5_000
/** Task ids contain a 32-bit index; beyond this number, a typing mistake is likely. */
export const MAX_TASKS = 1_000_000

/** The part of a CompiledJob that comes from its tasks. */
export type CompiledTasks = Omit<CompiledJob, 'settings' | 'metadata' | 'outputDir' | 'name' | 'priority'>

/** A task without its commands. */
export type TaskHead = Omit<AuthoredTask, 'commands'>

export interface TaskReference {
  commands: CommandReference
  steps: number
}

export class TaskCompiler {
  readonly #factory = new CommandFactory()
  readonly #kinds = new Map<string, string>()
  readonly #names: string[] = []
  readonly #taskKinds: string[] = []
  readonly #priorities: number[] = []
  readonly #steps: number[] = []
  /** Positions of optional tasks: few, if any. */
  readonly #optional = new Set<number>()
  /** Own start-by times by position: few, if any. */
  readonly #startBy = new Map<number, number>()
  /** By position: positions of new tasks it depends on. */
  readonly #dependencies: number[][] = []
  /** [index, older index] of dependencies on tasks that the job already has. */
  readonly #older: [number, number][] = []
  #edges = 0

  /** Adds a task; others can then be added as like it. @throws InvalidInputError when there are too many tasks or dependencies */
  add(task: AuthoredTask): TaskReference {
    const steps = task.commands.reduce((sum, command) => sum + Math.max(1, command.totalStepCount), 0)
    this.#addHead(task, steps)
    return { commands: this.#factory.add(task.commands), steps }
  }

  /** Adds a task with the commands of an earlier one except for some values (see CommandFactory.addLike). @throws as `add` */
  addLike(head: TaskHead, reference: TaskReference, differences: readonly unknown[]): void {
    this.#addHead(head, reference.steps)
    this.#factory.addLike(reference.commands, differences)
  }

  #addHead(task: TaskHead, steps: number): void {
    const position = this.#names.length
    if (position >= MAX_TASKS) throw new InvalidInputError('tasks', `a job has at most ${MAX_TASKS} tasks`)
    const older = new Set(task.dependsOnOlder)
    this.#edges += task.dependsOn.length + older.size
    if (this.#edges > MAX_DEPENDENCIES)
      throw new InvalidInputError('tasks', `a job has at most ${MAX_DEPENDENCIES} dependencies between its tasks`)
    if (task.optional) this.#optional.add(position)
    if (task.startBy !== undefined) this.#startBy.set(position, task.startBy)
    this.#names.push(task.name)
    this.#taskKinds.push(this.#sameText(task.kind))
    this.#priorities.push(task.priority)
    this.#steps.push(steps)
    for (const index of older) this.#older.push([position + 1, index])
    this.#dependencies.push(Array.from(new Set(task.dependsOn), (index) => index - 1))
  }

  /** Kinds parsed from JSON are one copy per task; one is enough. */
  #sameText(kind: string): string {
    const known = this.#kinds.get(kind)
    if (known !== undefined) return known
    this.#kinds.set(kind, kind)
    return kind
  }

  /** @throws InvalidInputError naming the tasks for a dependency on an unknown task or on itself, in a circle */
  finish(): CompiledTasks {
    this.#checkDependencies()
    const barriers = groupDependencies(this.#dependencies)
    const cycle = findCycle(this.#dependencies, barriers)
    if (cycle !== undefined) throw new InvalidInputError('tasks', `tasks wait for each other in a circle: ${this.#describeCycle(cycle)}`)
    const { templates, tasks } = this.#factory.finish()
    const rows = tasks.map(({ template, params }, position): TaskRow => {
      const row: TaskRow = [
        position + 1,
        this.#names[position] ?? '',
        this.#taskKinds[position] ?? '',
        this.#priorities[position] ?? 0,
        template,
        params,
        this.#steps[position] ?? 0,
        barriers.waitsFor[position]?.length ?? 0,
        barriers.groupOf[position] ?? -1,
      ]
      if (this.#optional.has(position)) row[9] = 1
      const startBy = this.#startBy.get(position)
      if (startBy !== undefined) {
        row[9] ??= 0
        row[10] = startBy
      }
      return row
    })
    const waits = barriers.waitsFor.flatMap((groups, position) => groups.map((group) => [position + 1, group]))
    return {
      taskCount: rows.length,
      stepsTotal: this.#steps.reduce((sum, steps) => sum + steps, 0),
      kinds: [...this.#kinds.keys()],
      templates,
      taskSlices: slices(rows, TASKS_PER_SLICE),
      groups: barriers.groups,
      groupDependencySlices: slices(waits, DEPENDENCIES_PER_SLICE),
      taskDependencySlices: slices(this.#older, DEPENDENCIES_PER_SLICE),
    }
  }

  #checkDependencies(): void {
    this.#dependencies.forEach((list, position) => {
      for (const other of list) {
        if (other === position) throw new InvalidInputError('tasks', `task "${this.#names[position]}" depends on itself`)
        if (!Number.isInteger(other) || other < 0 || other >= this.#names.length) {
          throw new InvalidInputError('tasks', `task "${this.#names[position]}" depends on task number ${other + 1}, which does not exist`)
        }
      }
    })
  }

  #describeCycle(cycle: number[]): string {
    const shown = cycle.length > 8 ? [...cycle.slice(0, 7), -1] : cycle
    const names = shown.map((position) => (position < 0 ? `… (${cycle.length - 7} more)` : `"${this.#names[position]}"`))
    return [...names, names[0]].join(' → ')
  }
}

function slices(rows: readonly unknown[], size: number): string[] {
  const result: string[] = []
  for (let start = 0; start < rows.length; start += size) result.push(JSON.stringify(rows.slice(start, start + size)))
  return result
}

/**
 * Compiles a list of tasks; indices count from 1 in this list.
 * @throws InvalidInputError (too many, unknown dependency, circle)
 */
export function compileTasks(tasks: Iterable<AuthoredTask>): CompiledTasks {
  const compiler = new TaskCompiler()
  for (const task of tasks) compiler.add(task)
  return compiler.finish()
}
