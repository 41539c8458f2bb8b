/** How the rows of a PNG's pixels are laid out and filtered. */

/** First column and row, and the steps between them, of the passes of an interlaced picture. */
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

/** Rows of each pass and bytes of a row, without its filter byte. A pass without pixels has no rows. */
export function pngPasses(width: number, height: number, bitsPerPixel: number, interlaced: boolean): { rows: number; rowBytes: number }[] {
  const pass = (columns: number, rows: number) => ({ rows: columns === 0 ? 0 : rows, rowBytes: Math.ceil((columns * bitsPerPixel) / 8) })
  if (!interlaced) return [pass(width, height)]
  return ADAM7.map(([x, y, stepX, stepY]) =>
    pass(Math.max(0, Math.ceil((width - x) / stepX)), Math.max(0, Math.ceil((height - y) / stepY))),
  )
}

/** Takes the filter off a row in place; both rows begin with their filter byte. */
export function unfilterRow(row: Uint8Array, previous: Uint8Array, pixelBytes: number): void {
  const filter = row[0] ?? 0
  if (filter === 0) return
  for (let at = 1; at < row.length; at++) {
    const left = at > pixelBytes ? (row[at - pixelBytes] ?? 0) : 0
    const above = previous[at] ?? 0
    const aboveLeft = at > pixelBytes ? (previous[at - pixelBytes] ?? 0) : 0
    row[at] = (row[at] ?? 0) + guess(filter, left, above, aboveLeft)
  }
}

function guess(filter: number, left: number, above: number, aboveLeft: number): number {
  if (filter === 1) return left
  if (filter === 2) return above
  if (filter === 3) return (left + above) >> 1
  const estimate = left + above - aboveLeft
  const toLeft = Math.abs(estimate - left)
  const toAbove = Math.abs(estimate - above)
  const toAboveLeft = Math.abs(estimate - aboveLeft)
  if (toLeft <= toAbove && toLeft <= toAboveLeft) return left
  return toAbove <= toAboveLeft ? above : aboveLeft
}
