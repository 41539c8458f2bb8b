/**
 * The light of a rendered picture as the renderer wrote it, small enough for a browser: linear half floats, so that
 * users can inspect exposure and single channels. A worker creates it with the previews, the manager stores it unread, the
 * GUI tone-maps it. Layout: `FHL1`, length of the header (u32), header (JSON), then a zlib stream of the planes, layer by
 * layer and channel by channel: all low bytes of a plane, then all high bytes. Numbers are little-endian.
 */
import { Type, type Static } from 'typebox'
import { Value } from 'typebox/value'

export const LIGHT_MAGIC = 'FHL1'
/** Larger files are rejected. */
export const MAX_LIGHT_BYTES = 8 * 1_048_576

export const LightHeader = Type.Object({
  width: Type.Integer({ minimum: 1, maximum: 4096 }),
  height: Type.Integer({ minimum: 1, maximum: 16_384 }),
  /** The picture first. A layer has R, G, B, or these and A, or Y alone. */
  layers: Type.Array(Type.Object({ name: Type.String(), channels: Type.Array(Type.String(), { minItems: 1, maxItems: 4 }) }), {
    minItems: 1,
    maxItems: 16,
  }),
})
export type LightHeader = Static<typeof LightHeader>

/** Header and the compressed planes of such a file. @throws Error when it is not a scene light */
export function splitLight(bytes: Uint8Array): { header: LightHeader; packed: Uint8Array } {
  const magic = String.fromCharCode(...bytes.subarray(0, 4))
  if (bytes.length < 8 || magic !== LIGHT_MAGIC) throw new Error('not a scene light')
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true)
  if (8 + length > bytes.length) throw new Error('the scene light is truncated')
  const header: unknown = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
  if (!Value.Check(LightHeader, header)) throw new Error('the header of the scene light is invalid')
  return { header, packed: bytes.subarray(8 + length) }
}

/** The planes of a decompressed body, as half floats, in the order of the header. @throws Error when bytes are missing */
export function planesOf(header: LightHeader, body: Uint8Array): Uint16Array[][] {
  const size = header.width * header.height
  const count = header.layers.reduce((sum, layer) => sum + layer.channels.length, 0)
  if (body.length < count * size * 2) throw new Error('the scene light is truncated')
  let at = 0
  return header.layers.map((layer) =>
    layer.channels.map(() => {
      const plane = new Uint16Array(size)
      for (let i = 0; i < size; i++) plane[i] = (body[at + i] ?? 0) | ((body[at + size + i] ?? 0) << 8)
      at += size * 2
      return plane
    }),
  )
}

const FLOAT = new Float32Array(1)
const BITS = new Uint32Array(FLOAT.buffer)

/** Rounds to the nearest half float; clamps values that are too large, and maps NaN to 0. */
export function toHalf(value: number): number {
  if (!(Math.abs(value) <= 65_504)) return Number.isNaN(value) ? 0 : value > 0 ? 0x7bff : 0xfbff
  FLOAT[0] = value
  const bits = BITS[0] ?? 0
  const sign = (bits >>> 16) & 0x8000
  const exponent = ((bits >>> 23) & 0xff) - 112
  const mantissa = bits & 0x7fffff
  if (exponent <= 0) {
    // Below 2⁻¹⁴ the steps have a constant size.
    return sign | Math.round(Math.abs(value) * 2 ** 24)
  }
  // Rounding may carry into the exponent, which is correct.
  return sign | Math.min(0x7bff, ((exponent << 10) | (mantissa >>> 13)) + ((mantissa >>> 12) & 1))
}

/** The value of a half float. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1
  const exponent = (half >>> 10) & 0x1f
  const mantissa = half & 0x3ff
  if (exponent === 0) return sign * mantissa * 2 ** -24
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15)
}
