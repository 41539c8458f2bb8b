/**
 * Command lists of tasks as templates with holes. The tasks of a job differ in a few values (a frame range, a file
 * name); what they share is stored once. A text hole keeps what all its values have in common, so a path that differs
 * in a number costs the number. A job of 100,000 frames thus takes a few MB instead of 60.
 *
 * A template's body is JSON: `{"commands": [...], "holes": [{"path": [0, "parameters", "args", 3], "before"?, "after"?}]}`;
 * a task's params are a JSON array with one value per hole, or null where there are none.
 */
import type { Command } from '../../../shared/schemas/jobs/task.ts'

/** Where in the command list a value goes; `before` and `after` surround it when it is a text. */
interface Hole {
  path: (string | number)[]
  before?: string
  after?: string
}

interface TemplateBody {
  commands: unknown
  holes: Hole[]
}

/** Beyond this number of shapes, further tasks carry their whole command list as params of one catch-all template. */
const MAX_SHAPES = 256

/** Tasks of one shape: the first one's values, and per task what differs from them. */
interface Shape {
  readonly commands: unknown
  readonly paths: (string | number)[][]
  readonly values: unknown[]
  /** Indices into `paths` of values that differ between tasks. */
  readonly varying: Set<number>
}

interface Member {
  shape: number
  /** Value index, value, value index, value, …; only what differs from the shape's first task. */
  differences: unknown[]
}

export interface FactoredCommands {
  /** JSON texts. */
  templates: string[]
  /** Per task, in the order of `add`: its template and its params (JSON or null). */
  tasks: { template: number; params: string | null }[]
}

/** A command list that was added in full; others can be given as what differs from it. */
export interface CommandReference {
  readonly shape: number
  /** Its leaves in the order of `collect`. */
  readonly values: readonly unknown[]
}

/** Collects command lists one by one and factors them at the end; memory grows with what differs, not with the lists. */
export class CommandFactory {
  readonly #shapes: Shape[] = []
  readonly #shapeBySignature = new Map<string, number>()
  readonly #members: Member[] = []
  #catchAll: number | undefined

  /** Adds the next task's commands; they must be plain JSON values. */
  add(commands: readonly Command[]): CommandReference {
    const leaves: Leaves = { values: [], signature: '' }
    collect(commands, leaves)
    let shape = this.#shapeBySignature.get(leaves.signature)
    if (shape === undefined && this.#shapes.length < MAX_SHAPES) {
      shape = this.#addShape(commands, leafPaths(commands), leaves.values)
      this.#shapeBySignature.set(leaves.signature, shape)
    }
    if (shape === undefined) {
      this.#catchAll ??= this.#addShape(null, [[]], [undefined])
      return this.#addMember(this.#catchAll, [commands])
    }
    return this.#addMember(shape, leaves.values)
  }

  /**
   * Adds a task whose commands differ from the reference in single values: leaf number, value, leaf number, value, …
   * @throws RangeError for a leaf that the reference does not have, TypeError for a value that is no single one
   */
  addLike(reference: CommandReference, differences: readonly unknown[]): void {
    const values = [...reference.values]
    for (let i = 0; i < differences.length; i += 2) {
      const leaf = differences[i]
      const value = differences[i + 1]
      if (typeof leaf !== 'number' || !(leaf in values) || reference.shape === this.#catchAll)
        throw new RangeError(`no leaf ${String(leaf)}`)
      if (isContainer(value) || isContainer(values[leaf])) throw new TypeError(`leaf ${leaf} is not a single value`)
      values[leaf] = value
    }
    this.#addMember(reference.shape, values)
  }

  #addShape(commands: unknown, paths: (string | number)[][], values: unknown[]): number {
    this.#shapes.push({ commands, paths, values, varying: new Set() })
    return this.#shapes.length - 1
  }

  #addMember(index: number, values: unknown[]): CommandReference {
    const shape = this.#shapes[index]
    if (shape === undefined) throw new Error(`no shape ${index}`)
    const differences: unknown[] = []
    values.forEach((value, leaf) => {
      // Leaves that are not single values (empty lists and objects) are part of the signature and cannot differ.
      if (value === shape.values[leaf] || isEmptyContainer(value)) return
      differences.push(leaf, value)
      shape.varying.add(leaf)
    })
    this.#members.push({ shape: index, differences })
    return { shape: index, values }
  }

  /** The templates and every task's params. */
  finish(): FactoredCommands {
    const plans = this.#planHoles()
    return {
      templates: this.#shapes.map((shape, index) => JSON.stringify(templateBody(shape, plans[index] ?? []))),
      tasks: this.#members.map(({ shape, differences }) => ({
        template: shape,
        params: paramsText(this.#shapes[shape], plans[shape] ?? [], differences),
      })),
    }
  }

  /** For each shape its holes, with what all texts in a hole begin and end with. */
  #planHoles(): PlannedHole[][] {
    const plans = this.#shapes.map((shape) =>
      [...shape.varying].sort((a, b) => a - b).map((leaf): PlannedHole => ({ leaf, common: commonOf(shape.values[leaf]) })),
    )
    const byLeaf = plans.map((plan) => new Map(plan.map((hole) => [hole.leaf, hole])))
    for (const { shape, differences } of this.#members) {
      for (let i = 0; i < differences.length; i += 2) {
        // Written by #addMember: even places hold leaf numbers.
        const hole = byLeaf[shape]?.get(differences[i] as number)
        if (hole?.common) hole.common = narrow(hole.common, differences[i + 1])
      }
    }
    for (const hole of plans.flat()) if (hole.common) keepWorthwhile(hole.common)
    return plans
  }
}

interface PlannedHole {
  leaf: number
  /** Undefined when a value in it is not a text. */
  common: Common | undefined
}

/** How much of the start and of the end all texts of a hole share. */
interface Common {
  readonly text: string
  before: number
  after: number
  shortest: number
}

function commonOf(value: unknown): Common | undefined {
  return typeof value === 'string' ? { text: value, before: value.length, after: value.length, shortest: value.length } : undefined
}

function narrow(common: Common, value: unknown): Common | undefined {
  if (typeof value !== 'string') return undefined
  const { text } = common
  let before = 0
  const beforeMax = Math.min(common.before, value.length)
  while (before < beforeMax && text.charCodeAt(before) === value.charCodeAt(before)) before++
  let after = 0
  const afterMax = Math.min(common.after, value.length)
  while (after < afterMax && text.charCodeAt(text.length - 1 - after) === value.charCodeAt(value.length - 1 - after)) after++
  common.before = before
  common.after = after
  common.shortest = Math.min(common.shortest, value.length)
  return common
}

/** Start and end may not overlap in the shortest text, nor cut a character that takes two code units. */
function keepWorthwhile(common: Common): void {
  const { text } = common
  common.after = Math.min(common.after, common.shortest - common.before)
  if (common.before > 0 && isHighSurrogate(text.charCodeAt(common.before - 1))) common.before--
  if (common.after > 0 && isLowSurrogate(text.charCodeAt(text.length - common.after))) common.after--
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff
}

function templateBody(shape: Shape, plan: PlannedHole[]): TemplateBody {
  const holes = plan.map(({ leaf, common }): Hole => {
    const hole: Hole = { path: shape.paths[leaf] ?? [] }
    if (common && common.before > 0) hole.before = common.text.slice(0, common.before)
    if (common && common.after > 0) hole.after = common.text.slice(common.text.length - common.after)
    return hole
  })
  // Values in holes are stored with each task; the template's own value there is never read.
  const commands = plan.reduce(
    (value: unknown, { leaf }) => withValue(value, shape.paths[leaf] ?? [], null),
    structuredClone(shape.commands),
  )
  return { commands, holes }
}

function paramsText(shape: Shape | undefined, plan: PlannedHole[], differences: unknown[]): string | null {
  if (shape === undefined || plan.length === 0) return null
  let next = 0
  const values = plan.map(({ leaf, common }) => {
    let value = shape.values[leaf]
    if (differences[next] === leaf) {
      value = differences[next + 1]
      next += 2
    }
    return common && typeof value === 'string' ? value.slice(common.before, value.length - common.after) : value
  })
  return JSON.stringify(values)
}

interface Leaves {
  values: unknown[]
  signature: string
}

/** Walks a JSON value: its leaves in order, and a signature equal for lists that differ in leaves only. */
function collect(value: unknown, into: Leaves): void {
  if (Array.isArray(value) && value.length > 0) {
    into.signature += '['
    for (const item of value) collect(item, into)
    into.signature += ']'
  } else if (isFilledObject(value)) {
    into.signature += '{'
    for (const [key, item] of Object.entries(value)) {
      into.signature += JSON.stringify(key)
      collect(item, into)
    }
    into.signature += '}'
  } else {
    into.values.push(value)
    into.signature += isEmptyContainer(value) ? JSON.stringify(value) : ','
  }
}

/** The paths of the leaves that `collect` finds, in the same order. */
function leafPaths(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  if (Array.isArray(value) && value.length > 0) return value.flatMap((item, index) => leafPaths(item, [...path, index]))
  if (isFilledObject(value)) return Object.entries(value).flatMap(([key, item]) => leafPaths(item, [...path, key]))
  return [path]
}

function isFilledObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function isEmptyContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0
}

/** Puts a value at a path that exists; an empty path replaces everything. */
function withValue(root: unknown, path: readonly (string | number)[], value: unknown): unknown {
  const last = path.at(-1)
  if (last === undefined) return value
  let at = root
  for (const key of path.slice(0, -1)) at = typeof at === 'object' && at !== null ? ownValue(at, key) : undefined
  if (typeof at === 'object' && at !== null) setOwn(at, last, value)
  return root
}

/** The commands of one task. `params` is its JSON text, null where the template has no holes. */
export function expandCommands(template: string, params: string | null): Command[] {
  return prepareTemplate(template)(params)
}

/** A template parsed once for many tasks. The returned commands share common parts between tasks and must not be changed. */
export type PreparedTemplate = (params: string | null) => Command[]

export function prepareTemplate(template: string): PreparedTemplate {
  // Template and params were written by CommandFactory and are read from our own database.
  const body = JSON.parse(template) as TemplateBody
  const plan = planFilling(body.holes)
  return (params) => fill(plan, body.commands, params === null ? [] : (JSON.parse(params) as unknown[])) as Command[]
}

/** Which members of a value are replaced: by the value of a hole, or by a copy in which others are. */
interface Filling {
  hole?: { index: number; before: string; after: string }
  readonly members: Map<string | number, Filling>
}

function planFilling(holes: readonly Hole[]): Filling {
  const root: Filling = { members: new Map() }
  holes.forEach(({ path, before = '', after = '' }, index) => {
    let at = root
    for (const key of path) {
      let next = at.members.get(key)
      if (!next) at.members.set(key, (next = { members: new Map() }))
      at = next
    }
    at.hole = { index, before, after }
  })
  return root
}

function fill(plan: Filling, value: unknown, values: readonly unknown[]): unknown {
  if (plan.hole) {
    const own = values[plan.hole.index]
    return typeof own === 'string' ? `${plan.hole.before}${own}${plan.hole.after}` : own
  }
  if (plan.members.size === 0 || typeof value !== 'object' || value === null) return value
  const copy: object = Array.isArray(value) ? [...(value as unknown[])] : { ...value }
  for (const [key, member] of plan.members) setOwn(copy, key, fill(member, ownValue(value, key), values))
  return copy
}

/** Own properties only, whatever a key's name is. */
function setOwn(target: object, key: string | number, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  // A plain object or a list of ours; Reflect.set would be a slow equivalent on the path of every assignment.
  else (target as Record<string | number, unknown>)[key] = value
}

function ownValue(at: object, key: string | number): unknown {
  return Object.hasOwn(at, key) ? Reflect.get(at, key) : undefined
}
