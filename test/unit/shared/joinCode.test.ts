/** Join codes, as they are written and typed. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readJoinCode, writeJoinCode } from '../../../src/shared/lan/joinCode.ts'

const FINGERPRINT = `AB:CD:EF:01:23:45:67:89:${'00:'.repeat(24).slice(0, -1)}`
const SECRET = '0123456789abcdef'

describe('a join code', () => {
  it('has 26 characters and holds the beginning of the fingerprint and the secret', () => {
    const code = writeJoinCode(FINGERPRINT, SECRET)
    expect(code).toMatch(/^([0-9A-Z]{5}-){5}[0-9A-Z]$/)
    expect(readJoinCode(code)).toEqual({ authorityPrefix: 'ABCDEF0123456789', secret: SECRET })
  })

  it('is read however a person types it', () => {
    const code = writeJoinCode(FINGERPRINT, SECRET)
    const expected = readJoinCode(code)
    for (const typed of [
      code.toLowerCase(),
      code.replaceAll('-', ''),
      ` ${code.replaceAll('-', ' ')} `,
      code.replaceAll('0', 'o').replaceAll('1', 'l'),
    ]) {
      expect(readJoinCode(typed)).toEqual(expected)
    }
  })

  it.each(['', 'hello', 'A'.repeat(25), 'A'.repeat(27), `${'A'.repeat(25)}U`, `${'0'.repeat(25)}1`, '/home/anna/farm.join'])(
    'is not %j',
    (text) => {
      expect(readJoinCode(text)).toBeUndefined()
    },
  )

  it('comes back from any 128 bits', () => {
    const hex = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('hex'))
    fc.assert(
      fc.property(hex, (bits) => {
        const read = readJoinCode(writeJoinCode(bits.slice(0, 16) + '0'.repeat(48), bits.slice(16)))
        expect(read).toEqual({ authorityPrefix: bits.slice(0, 16).toUpperCase(), secret: bits.slice(16) })
      }),
    )
  })
})
