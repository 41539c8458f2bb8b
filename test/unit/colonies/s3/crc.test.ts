import { randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { Crc32c, Crc64Nvme, joinCrcs } from '../../../../src/main/files/content/crc.ts'
import { digest } from '../../../../src/main/dialects/colonies/s3/objects/checksums.ts'
import { Digests } from '../../../../src/main/files/content/digests.ts'
import { createHash } from 'node:crypto'

const CHECK = Buffer.from('123456789')
const of = (crc: Crc32c | Crc64Nvme, ...parts: Uint8Array[]): string => {
  for (const part of parts) crc.update(part)
  return crc.digest().toString('hex')
}

describe('checks', () => {
  it('have the published values', () => {
    expect(of(new Crc32c(), CHECK)).toBe('e3069283')
    expect(of(new Crc64Nvme(), CHECK)).toBe('ae8b14860a799888')
    expect(of(new Crc32c(), Buffer.alloc(32))).toBe('8a9136aa')
    expect(digest('crc32', CHECK).toString('hex')).toBe('cbf43926')
  })

  it('do not depend on how the bytes come', () => {
    const bytes = randomBytes(10_000)
    for (const make of [() => new Crc32c(), () => new Crc64Nvme()]) {
      const whole = of(make(), bytes)
      for (const cut of [0, 1, 7, 8, 9, 4_999, 10_000]) expect(of(make(), bytes.subarray(0, cut), bytes.subarray(cut))).toBe(whole)
    }
  })

  it.each(['crc32', 'crc32c', 'crc64nvme'] as const)('%s of two texts follows from those of each', (name) => {
    for (const [a, b] of [
      [0, 5],
      [5, 0],
      [1, 1],
      [1_000, 333],
      [77, 70_000],
    ] as const) {
      const [first, second] = [randomBytes(a), randomBytes(b)]
      const joined = joinCrcs(name, digest(name, first), digest(name, second), b)
      expect(joined.toString('hex')).toBe(digest(name, Buffer.concat([first, second])).toString('hex'))
    }
    expect(digest('crc32', CHECK).readUInt32BE()).toBe(crc32(CHECK))
  })
})

it('pieces end where they are cut', () => {
  const digests = new Digests(['sha256', 'md5', 'crc32c'])
  const bytes = randomBytes(100)
  const sha = (from: number, to: number): string => createHash('sha256').update(bytes.subarray(from, to)).digest('hex')
  expect(digests.update(bytes.subarray(0, 40), [10, 30])).toEqual([sha(0, 10), sha(10, 30)])
  expect(digests.update(bytes.subarray(40), [20, 60, 60])).toEqual([sha(30, 60), sha(60, 100), sha(0, 0)])
  expect(digests.finish()).toMatchObject({ sha256: sha(0, 100), md5: createHash('md5').update(bytes).digest('hex') })
})
