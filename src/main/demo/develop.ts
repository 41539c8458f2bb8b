/* eslint-disable @typescript-eslint/no-non-null-assertion -- every index below is bounded by the length of its typed array */
/** From linear light to a picture: a little bloom, a vignette, a film-like tone curve, sRGB, and dither against banding. */

const BLOOM_CELL = 4
const BLOOM_THRESHOLD = 1.1
const BLOOM_STRENGTH = 0.09

/** `linear`: RGB floats, rows from the top. Answers RGB bytes. */
export function develop(linear: Float32Array, width: number, height: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(width * height * 3)
  const { grid, columns, rows } = bloomOf(linear, width, height)
  for (let y = 0; y < height; y++) {
    const v = (y + 0.5) / height - 0.5
    const gy = Math.min(rows - 1.001, Math.max(0, (y + 0.5) / BLOOM_CELL - 0.5))
    const row = Math.floor(gy)
    const below = gy - row
    for (let x = 0; x < width; x++) {
      const u = (x + 0.5) / width - 0.5
      const vignette = 1 - 0.55 * (u * u + v * v * 0.8)
      const gx = Math.min(columns - 1.001, Math.max(0, (x + 0.5) / BLOOM_CELL - 0.5))
      const column = Math.floor(gx)
      const right = gx - column
      const cell = (row * columns + column) * 3
      // By a hash, half a level each way: gradients stay smooth in 8 bits.
      let hash = Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca6b)
      hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
      hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39)
      const dither = (hash >>> 24) / 255
      for (let c = 0; c < 3; c++) {
        const at = (y * width + x) * 3 + c
        const top = grid[cell + c]! * (1 - right) + grid[cell + c + 3]! * right
        const bottom = grid[cell + c + columns * 3]! * (1 - right) + grid[cell + c + columns * 3 + 3]! * right
        const light = (linear[at]! + BLOOM_STRENGTH * (top * (1 - below) + bottom * below)) * vignette
        // Uint8 cuts the fraction, so the dither of 0–1 rounds as well.
        out[at] = Math.min(255, LEVELS[Math.min(TABLE_SIZE, Math.round(Math.sqrt(light) * TABLE_SCALE))]! + dither)
      }
    }
  }
  return out
}

/** Film-like shoulder: middle grey stays, highlights roll off to white. */
function toneCurve(x: number): number {
  const mapped = (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)
  return mapped < 0 ? 0 : mapped > 1 ? 1 : mapped
}

function encodeSrgb(x: number): number {
  return x <= 0.0031308 ? 12.92 * x : 1.055 * x ** (1 / 2.4) - 0.055
}

/** Levels 0–255 of light 0–LIGHT_MAX, by the square root of the light so that the shadows have entries enough. */
const TABLE_SIZE = 4096
const LIGHT_MAX = 16
const LEVELS = Float32Array.from({ length: TABLE_SIZE + 1 }, (_, i) => encodeSrgb(toneCurve(LIGHT_MAX * (i / TABLE_SIZE) ** 2)) * 255)
const TABLE_SCALE = TABLE_SIZE / Math.sqrt(LIGHT_MAX)

/** What is brighter than white, blurred on a coarse grid, to be read back smoothly. */
function bloomOf(linear: Float32Array, width: number, height: number) {
  const columns = Math.ceil(width / BLOOM_CELL)
  const rows = Math.ceil(height / BLOOM_CELL)
  let grid = new Float32Array(columns * rows * 3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 3
      const to = (Math.floor(y / BLOOM_CELL) * columns + Math.floor(x / BLOOM_CELL)) * 3
      for (let c = 0; c < 3; c++) {
        const over = linear[from + c]! - BLOOM_THRESHOLD
        if (over > 0) grid[to + c]! += over / (BLOOM_CELL * BLOOM_CELL)
      }
    }
  }
  // Three box blurs look like one Gaussian.
  for (let pass = 0; pass < 3; pass++) {
    grid = boxBlur(grid, columns, rows, 1, columns, 4)
    grid = boxBlur(grid, rows, columns, columns, 1, 4)
  }
  return { grid, columns, rows }
}

/** Blurs lines of `count` cells that lie `step` apart; there are `lines` of them, `lineStep` apart. */
function boxBlur(grid: Float32Array<ArrayBuffer>, count: number, lines: number, step: number, lineStep: number, radius: number) {
  const out = new Float32Array(grid.length)
  const share = 1 / (2 * radius + 1)
  for (let line = 0; line < lines; line++) {
    for (let c = 0; c < 3; c++) {
      const base = line * lineStep * 3 + c
      let sum = 0
      for (let i = -radius; i <= radius; i++) sum += i >= 0 && i < count ? grid[base + i * step * 3]! : 0
      for (let i = 0; i < count; i++) {
        out[base + i * step * 3] = sum * share
        const leaving = i - radius
        const coming = i + radius + 1
        if (leaving >= 0) sum -= grid[base + leaving * step * 3]!
        if (coming < count) sum += grid[base + coming * step * 3]!
      }
    }
  }
  return out
}
