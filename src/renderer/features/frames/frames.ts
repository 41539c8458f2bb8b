/**
 * The frame grid's model: one cell a frame, in flat typed arrays, so that 100,000 frames cost a few MB and an event
 * changes one cell. A task whose name ends in a range (`render-1-10`, `render-4`, `render-1-9x4,20`, `render--3..-1`) has a
 * cell for each of its frames; any other task has one cell. Pure: no DOM, no fetching.
 */
import { FrameRangeError, listFrames } from '../../../shared/frames/frameRange.ts'
import type { StateKey } from '../../ui/design/tokens.ts'

/** One character a task, as the grid resource sends them. */
export const TASK_CODES = {
  q: 'queued',
  a: 'running',
  c: 'done',
  f: 'failed',
  x: 'cancelled',
  s: 'retrying',
  p: 'paused',
} as const satisfies Record<string, StateKey>
export type TaskCode = keyof typeof TASK_CODES
export const CELL_STATES: readonly StateKey[] = ['queued', 'running', 'done', 'failed', 'cancelled', 'retrying', 'paused', 'waiting']
const CODE_TO_STATE: Record<string, number> = { q: 0, a: 1, c: 2, f: 3, x: 4, s: 5, p: 6 }
const DONE = 2

/** No frame number: a task that is not about frames. */
export const NO_FRAME = -2_147_483_648
const MAX_FRAMES_PER_TASK = 100_000
const NO_FRAMES: number[] = []

/** The one frame of a name like `render-42`, found without an expression (a job may have 100,000 of them); −1: look closer. */
function singleFrame(name: string): number {
  const digit = (at: number) => name.charCodeAt(at) >= 48 && name.charCodeAt(at) <= 57
  let at = name.length
  while (at > 0 && digit(at - 1)) at--
  if (at === name.length || at < 2 || name[at - 1] !== '-' || digit(at - 2) || ',.-'.includes(name.charAt(at - 2))) return -1
  return Number(name.slice(at))
}

const RANGE = String.raw`-?\d+(?:(?:-|\.\.)-?\d+(?:x\d+)?)?`
const ENDS_IN_RANGES = new RegExp(String.raw`(?:^|[^0-9,x.-])-?(${RANGE}(?:,${RANGE})*)$`)

/** The frames that a task's name ends with: `render-1-3` → [1, 2, 3]. Empty when it ends with none. */
export function framesOfTaskName(name: string): number[] {
  const match = ENDS_IN_RANGES.exec(name)
  if (!match?.[1]) return []
  try {
    return listFrames(match[1], MAX_FRAMES_PER_TASK)
  } catch (error) {
    if (error instanceof FrameRangeError) return []
    throw error
  }
}

export interface GridReply {
  statuses: string
  names: string[]
  /** [task index from 1, frame or null, frame id] of each frame whose preview is ready. */
  frames: [number, number | null, number][]
  /** [task index from 1, frame or null, k or u] of each frame that was kept or is unchecked. */
  marks: [number, number | null, 'k' | 'u'][]
}

/** Remarks on a frame that counts: its file existed before and was kept, or could not be checked. */
export type FrameMark = 'kept' | 'unchecked'

export class FrameModel {
  /** Cells, in the order of tasks. */
  readonly size: number
  readonly states: Uint8Array
  /** Task index (from 1) of each cell. */
  readonly tasks: Int32Array
  /** Frame number of each cell, or NO_FRAME. */
  readonly numbers: Int32Array
  /** Id of the newest frame record with a preview; 0: none. */
  readonly frameIds: Float64Array
  readonly names: string[]
  /** By cell; most have none. */
  private readonly marks = new Map<number, FrameMark>()
  private readonly taskCodes: Uint8Array
  /** First cell of each task, by index from 1; one more entry marks the end. */
  private readonly firstCell: Int32Array

  constructor(reply: GridReply) {
    this.names = reply.names
    const singles = reply.names.map(singleFrame)
    const perTask = reply.names.map((name, i) => ((singles[i] ?? -1) >= 0 ? NO_FRAMES : framesOfTaskName(name)))
    const taskCount = reply.statuses.length
    this.taskCodes = new Uint8Array(taskCount + 1)
    this.firstCell = new Int32Array(taskCount + 2)
    let size = 0
    for (let task = 1; task <= taskCount; task++) {
      this.firstCell[task] = size
      size += Math.max(1, perTask[task - 1]?.length ?? 0)
    }
    this.firstCell[taskCount + 1] = size
    this.size = size
    this.states = new Uint8Array(size)
    this.tasks = new Int32Array(size)
    this.numbers = new Int32Array(size).fill(NO_FRAME)
    this.frameIds = new Float64Array(size)
    for (let task = 1; task <= taskCount; task++) {
      const first = this.firstCell[task] ?? 0
      const frames = perTask[task - 1] ?? []
      const cells = Math.max(1, frames.length)
      for (let i = 0; i < cells; i++) {
        this.tasks[first + i] = task
        const single = singles[task - 1] ?? -1
        const number = single >= 0 ? single : frames[i]
        if (number !== undefined) this.numbers[first + i] = number
      }
      this.setTask(task, reply.statuses[task - 1] ?? 'q')
    }
    for (const [task, frame, id] of reply.frames) this.setFrame(task, frame, id)
    for (const [task, frame, mark] of reply.marks) this.setMark(task, frame, mark === 'k' ? 'kept' : 'unchecked')
  }

  get taskCount(): number {
    return this.taskCodes.length - 1
  }

  /** A task changed its status. Cells whose frame is there already stay done while their task still runs. */
  setTask(task: number, code: string): void {
    const state = CODE_TO_STATE[code]
    if (state === undefined || task < 1 || task > this.taskCount) return
    this.taskCodes[task] = state
    const running = state === CODE_TO_STATE['a']
    for (let cell = this.firstCell[task] ?? 0; cell < (this.firstCell[task + 1] ?? 0); cell++) {
      this.states[cell] = running && (this.frameIds[cell] ?? 0) > 0 && this.tasksCells(task) > 1 ? DONE : state
    }
  }

  /** A frame's preview came. Returns its cell, or −1. */
  setFrame(task: number, frame: number | null, id: number): number {
    const cell = this.cellOf(task, frame)
    if (cell < 0) return -1
    if (id >= (this.frameIds[cell] ?? 0)) this.frameIds[cell] = id
    if (this.taskCodes[task] === CODE_TO_STATE['a'] && this.tasksCells(task) > 1) this.states[cell] = DONE
    return cell
  }

  /** What is known of the newest file of a frame; undefined: nothing that people should know. */
  setMark(task: number, frame: number | null, mark: FrameMark | undefined): void {
    const cell = this.cellOf(task, frame)
    if (cell < 0) return
    if (mark === undefined) this.marks.delete(cell)
    else this.marks.set(cell, mark)
  }

  markOf(cell: number): FrameMark | undefined {
    return this.marks.get(cell)
  }

  cellOf(task: number, frame: number | null): number {
    if (task < 1 || task > this.taskCount) return -1
    const first = this.firstCell[task] ?? 0
    const end = this.firstCell[task + 1] ?? 0
    if (frame === null) return first
    const guess = first + frame - (this.numbers[first] ?? 0)
    if (guess >= first && guess < end && this.numbers[guess] === frame) return guess
    for (let cell = first; cell < end; cell++) if (this.numbers[cell] === frame) return cell
    return end - first === 1 ? first : -1
  }

  stateOf(cell: number): StateKey {
    return CELL_STATES[this.states[cell] ?? 0] ?? 'queued'
  }

  /** What the cell is called: its frame number, else its task's name. */
  labelOf(cell: number): string {
    const number = this.numbers[cell]
    if (number !== undefined && number !== NO_FRAME) return String(number)
    return this.names[(this.tasks[cell] ?? 1) - 1] ?? ''
  }

  private tasksCells(task: number): number {
    return (this.firstCell[task + 1] ?? 0) - (this.firstCell[task] ?? 0)
  }
}

/** How the grid is laid out in a box of `width` × `height` pixels: cell size, columns, rows; whether thumbnails fit. */
export interface GridLayout {
  cellWidth: number
  cellHeight: number
  gap: number
  columns: number
  rows: number
  thumbnails: boolean
}

const THUMB_WIDTHS = [240, 200, 176, 152, 128, 112, 96, 80, 72, 64, 56, 48, 40]
const SQUARES = [24, 20, 16, 14, 12, 10, 8, 6, 5]

/** The largest cells that show everything without scrolling; below 40 pixels cells become squares; the smallest ones scroll. */
export function layoutGrid(cells: number, width: number, height: number, aspect = 16 / 9, zoom = 0): GridLayout {
  const sizes: { w: number; h: number; gap: number; thumbnails: boolean }[] = [
    ...THUMB_WIDTHS.map((w) => ({ w, h: w, gap: w < 64 ? 2 : 4, thumbnails: true })),
    ...SQUARES.map((w) => ({ w, h: w, gap: w > 8 ? 2 : 1, thumbnails: false })),
  ]
  const shape = (size: (typeof sizes)[number]): GridLayout => {
    const columns = Math.max(1, Math.floor((width + size.gap) / (size.w + size.gap)))
    // What a row leaves over is given to its images: the last one ends where the sheet does.
    const cellWidth = size.thumbnails && cells > columns ? Math.floor((width + size.gap) / columns) - size.gap : size.w
    const cellHeight = size.thumbnails ? Math.round(cellWidth / aspect) : size.h
    return { cellWidth, cellHeight, gap: size.gap, columns, rows: Math.ceil(cells / columns), thumbnails: size.thumbnails }
  }
  let fit = sizes.findIndex((size) => {
    const l = shape(size)
    return size.w <= width && l.rows * (l.cellHeight + l.gap) - l.gap <= height
  })
  if (fit < 0) fit = sizes.length - 1
  const chosen = sizes[Math.min(sizes.length - 1, Math.max(0, fit - zoom))]
  // The list is never empty; the fallback satisfies the compiler.
  return shape(chosen ?? { w: 8, h: 8, gap: 1, thumbnails: false })
}

/**
 * The cell that a key leads to from `cursor` (−1: none yet, the first key shows where one is), or −1 for other keys.
 * `page` is the number of cells in sight.
 */
export function cellAfterKey(key: string, cursor: number, shape: { columns: number; page: number; size: number }): number {
  const { columns, page, size } = shape
  const steps: Partial<Record<string, number>> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -page,
    PageDown: page,
    Home: -size,
    End: size,
  }
  const step = steps[key]
  if (step === undefined || size === 0) return -1
  if (cursor < 0 && key !== 'End') return 0
  return Math.min(size - 1, Math.max(0, cursor + step))
}
