/** What a look into a picture file comes to. */

/** `whole`: it decodes to its end. `damaged`: proven. `unchecked`: nothing here can decode that format; never a failure. */
export type Verdict = Whole | Damaged | Unchecked

export interface Whole {
  state: 'whole'
  /** What the file is by its content, e.g. `PNG`, whatever its name ends with. */
  format: string
  /** In pixels; of an OpenEXR file the display window. */
  width: number
  height: number
  /** Of movies: how many pictures were decoded. */
  frames?: number
  /** Left out where the check had no pixels at hand. */
  facts?: PictureFacts
}

export interface Damaged {
  state: 'damaged'
  /** For people, without the path: `ends after 4 bytes`. */
  reason: string
}

export interface Unchecked {
  state: 'unchecked'
  reason: string
}

/** What may hint at a picture that is whole but wrong. Differences too small to see count as none. */
export interface PictureFacts {
  /** One colour, and that is black (or nothing at all: transparent black). */
  allBlack: boolean
  /** Every pixel has the same colour and opacity. */
  oneColour: boolean
}

export interface Size {
  width: number
  height: number
}

/** Thrown by the format readers: the file is proven damaged. The message is the verdict's reason. */
export class DamagedError extends Error {
  override readonly name = 'DamagedError'
}

/** Thrown by the format readers: the file may be whole, but uses something that no reader here knows. */
export class UncheckedError extends Error {
  override readonly name = 'UncheckedError'
}

/** The verdict that an error stands for. @throws the error itself when it is about something else, such as the disk */
export function verdictOf(error: unknown): Verdict {
  if (error instanceof DamagedError) return { state: 'damaged', reason: error.message }
  if (error instanceof UncheckedError) return { state: 'unchecked', reason: error.message }
  throw error
}

/** A file of the wrong size is damaged, however well it decodes. `others`: sizes that are as good as the verdict's own. */
export function requireSize(verdict: Verdict, wanted: Partial<Size>, others: readonly Size[] = []): Verdict {
  if (verdict.state !== 'whole') return verdict
  const fits = (size: Size) => (wanted.width ?? size.width) === size.width && (wanted.height ?? size.height) === size.height
  if (fits(verdict) || others.some(fits)) return verdict
  const { width = verdict.width, height = verdict.height } = wanted
  return { state: 'damaged', reason: `is ${verdict.width} × ${verdict.height} pixels instead of ${width} × ${height}` }
}
