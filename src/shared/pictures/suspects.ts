/**
 * Finds frames of a job that may be wrong although their files are intact: black, of one colour, or far from their neighbours in file
 * size or render time. Pure; manager and tests use the same function. A suspicion is a hint for people, so effects that a film uses
 * on purpose (a fade, a title on black, a cut) must not raise one.
 */
export interface FrameRecord {
  /** Names the frame in the answer. */
  path: string
  taskId: string
  frame: number | null
  /** Frames are compared within one view. */
  view: string
  bytes: number | null
  renderedMs: number | null
  allBlack: boolean | null
  oneColour: boolean | null
  /** A previous attempt made the same picture, so this is how the frame looks. */
  confirmed: boolean
}

export type SuspectReason = 'all-black' | 'one-colour' | 'file-size' | 'render-time'

export interface Suspect<F extends FrameRecord = FrameRecord> {
  frame: F
  reason: SuspectReason
  /** Sizes (bytes) and times (ms): the frame's value, and the median of its neighbours. */
  value: number | null
  usual: number | null
  /** The frames before and after that it was compared with, nearest last and first. */
  neighbours: F[]
}

/** Number of neighbours compared on each side. */
const REACH = 4
/** With fewer neighbours there is no usual value. */
const ENOUGH = 4
/** A longer run of black frames between others is a pause in the film. */
const LONGEST_RUN = 12
/** How many times above or below the usual value is suspicious, and how far it must be in units of the neighbours' own spread. */
const FAR = 5
const FAR_SPREADS = 6
/** Smaller differences do not matter. */
const LEAST_BYTES = 4096
const LEAST_MS = 10_000

/** The suspects among all main frames of a job, in order. Frames without a number are not compared. */
export function suspectFrames<F extends FrameRecord>(frames: readonly F[]): Suspect<F>[] {
  const views = new Map<string, F[]>()
  for (const frame of frames) {
    if (frame.frame === null) continue
    const view = views.get(frame.view)
    if (view) view.push(frame)
    else views.set(frame.view, [frame])
  }
  const suspects = [...views.values()].flatMap((view) => suspectsOfView(view.toSorted((a, b) => (a.frame ?? 0) - (b.frame ?? 0))))
  return suspects.filter(({ frame }) => !frame.confirmed)
}

function suspectsOfView<F extends FrameRecord>(frames: readonly F[]): Suspect<F>[] {
  const flat = flatSuspects(frames)
  const suspects: Suspect<F>[] = []
  for (const [index, frame] of frames.entries()) {
    const neighbours = [...frames.slice(Math.max(0, index - REACH), index), ...frames.slice(index + 1, index + 1 + REACH)]
    const reason = flat.get(index)
    if (reason !== undefined) suspects.push({ frame, reason, value: null, usual: null, neighbours })
    // A flat picture is small and quick, so its size and time add no evidence. Next to one, and at either end, a fade may be in progress.
    const beside = [frames[index - 1], frames[index + 1]]
    if (isFlat(frame) || beside.some((other) => other === undefined || isFlat(other))) continue
    const others = neighbours.filter((other) => !isFlat(other))
    const size = farFrom(
      frame.bytes,
      others.map(({ bytes }) => bytes),
      LEAST_BYTES,
    )
    if (size !== undefined) suspects.push({ frame, reason: 'file-size', value: frame.bytes, usual: size, neighbours })
    const time = farFrom(
      frame.renderedMs,
      others.map(({ renderedMs }) => renderedMs),
      LEAST_MS,
    )
    if (time !== undefined) suspects.push({ frame, reason: 'render-time', value: frame.renderedMs, usual: time, neighbours })
  }
  return suspects
}

const isFlat = ({ allBlack, oneColour }: FrameRecord): boolean => allBlack === true || oneColour === true

/**
 * Index → reason. A run of flat frames is suspicious when it is short and lies between pictures that are much larger on both sides:
 * a fade comes and goes in small steps, and begins or ends a shot. So is a job that has only black frames.
 */
function flatSuspects(frames: readonly FrameRecord[]): Map<number, SuspectReason> {
  const suspects = new Map<number, SuspectReason>()
  const reasonOf = (frame: FrameRecord | undefined): SuspectReason => (frame?.allBlack ? 'all-black' : 'one-colour')
  if (frames.length > 0 && frames.every(({ allBlack }) => allBlack === true)) {
    return new Map(frames.map((_, index) => [index, 'all-black']))
  }
  for (let from = 0; from < frames.length; from++) {
    const first = frames[from]
    if (!first || !isFlat(first)) continue
    let to = from
    while (to + 1 < frames.length && isFlat(frames[to + 1] ?? first)) to++
    const before = frames[from - 1]
    const after = frames[to + 1]
    const isSudden = (other: FrameRecord) => (other.bytes ?? Infinity) >= FAR * (first.bytes ?? 0)
    if (before && after && to - from < LONGEST_RUN && isSudden(before) && isSudden(after)) {
      for (let index = from; index <= to; index++) suspects.set(index, reasonOf(frames[index]))
    }
    from = to
  }
  return suspects
}

/** The usual value, when this one is far from it. */
function farFrom(value: number | null, others: readonly (number | null)[], least: number): number | undefined {
  const known = others.filter((other) => other !== null)
  if (value === null || known.length < ENOUGH) return undefined
  const usual = median(known)
  // The neighbours' own spread: when they differ a lot among themselves, nothing is far.
  const spread = median(known.map((other) => Math.abs(other - usual)))
  const distance = Math.abs(value - usual)
  const ratio = value > usual ? value / Math.max(usual, 1) : usual / Math.max(value, 1)
  const isOutside = value > 2 * Math.max(...known) || 2 * value < Math.min(...known)
  return isOutside && distance >= least && ratio >= FAR && distance > FAR_SPREADS * spread ? usual : undefined
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}
