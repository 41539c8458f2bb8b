import { describe, expect, it } from 'vitest'
import { inflateSync } from 'node:zlib'
import { fromHalf, planesOf, splitLight, toHalf } from '../../../src/shared/pictures/sceneLight.ts'
import { packLight, shrink } from '../../../src/main/worker/tools/pictures/sceneLight.ts'

describe('half floats', () => {
  it.each([0, 1, -1, 0.5, 2, 1024, 65_504, -65_504, 2 ** -14, 2 ** -24, 3 * 2 ** -24, 1 + 1 / 1024])('%f is kept exactly', (value) => {
    expect(fromHalf(toHalf(value))).toBe(value)
  })

  it('are the nearest ones: never further away than half a step', () => {
    for (let value = 1e-5; value < 60_000; value *= 1.0137) {
      const step = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(value)) - 10))
      expect(Math.abs(fromHalf(toHalf(value)) - value), String(value)).toBeLessThanOrEqual(step / 2 + 1e-12)
    }
  })

  it.each<[number, number]>([
    [1e9, 65_504],
    [-1e9, -65_504],
    [Number.POSITIVE_INFINITY, 65_504],
    [Number.NaN, 0],
    [1e-12, 0],
  ])('%f becomes %f', (value, kept) => {
    expect(fromHalf(toHalf(value))).toBe(kept)
  })
})

describe('the packed light of a picture', () => {
  const picture = {
    width: 2,
    height: 1,
    channels: ['R', 'G', 'B'],
    planes: [Float32Array.of(0.25, 16), Float32Array.of(0, 1), Float32Array.of(-2, 0.5)],
  }
  const unpack = (bytes: Uint8Array) => {
    const { header, packed } = splitLight(bytes)
    return { header, planes: planesOf(header, inflateSync(packed)) }
  }

  it('comes back as it was, layer by layer', async () => {
    const normal = { ...picture, planes: [Float32Array.of(1, 2), Float32Array.of(3, 4), Float32Array.of(5, 6)] }
    const { header, planes } = unpack(
      await packLight([
        { name: '', picture },
        { name: 'View.Normal', picture: normal },
      ]),
    )
    expect(header).toEqual({
      width: 2,
      height: 1,
      layers: [
        { name: '', channels: ['R', 'G', 'B'] },
        { name: 'View.Normal', channels: ['R', 'G', 'B'] },
      ],
    })
    expect(planes.map((layer) => layer.map((plane) => [...plane].map(fromHalf)))).toEqual([
      [
        [0.25, 16],
        [0, 1],
        [-2, 0.5],
      ],
      [
        [1, 2],
        [3, 4],
        [5, 6],
      ],
    ])
  })

  it('leaves out layers of another size than the picture', async () => {
    const other = { width: 1, height: 1, channels: ['Y'], planes: [Float32Array.of(1)] }
    expect(
      unpack(
        await packLight([
          { name: '', picture },
          { name: 'odd', picture: other },
        ]),
      ).header.layers,
    ).toHaveLength(1)
  })

  it.each<[string, (whole: Buffer) => Uint8Array]>([
    ['nothing', () => new Uint8Array(0)],
    ['a JPEG', () => Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0, 0)],
    ['a header that is cut off', (whole) => whole.subarray(0, 20)],
    ['a header that is none', (whole) => Buffer.concat([whole.subarray(0, 8), Buffer.from('{}'.padEnd(whole.readUInt32LE(4)))])],
  ])('is refused when it is %s', async (_, change) => {
    const whole = await packLight([{ name: '', picture }])
    expect(() => splitLight(change(whole))).toThrow()
  })

  it('is refused when planes are missing', async () => {
    const { header, packed } = splitLight(await packLight([{ name: '', picture }]))
    expect(() => planesOf(header, inflateSync(packed).subarray(1))).toThrow(/truncated/)
  })
})

it('shrinking averages light, and leaves small pictures alone', () => {
  const big = { width: 4, height: 2, channels: ['Y'], planes: [Float32Array.of(0, 2, 100, 0, 4, 2, 0, 0)] }
  expect(shrink(big, 2)).toEqual({ width: 2, height: 1, channels: ['Y'], planes: [Float32Array.of(2, 25)] })
  expect(shrink(big, 8)).toBe(big)
})
