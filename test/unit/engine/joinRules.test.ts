import { describe, expect, it } from 'vitest'
import { joinDecision, placeOf } from '../../../src/main/engine/rules/workers/joinRules.ts'

const LIMITS = { inAll: 6, perAddress: 4 }
const waiting = (address: string, createdAt: number, lastSeenAt: number | null = null) => ({ address, createdAt, lastSeenAt })

describe('who may wait for approval', () => {
  it('so many of one address, however much room there is', () => {
    const four = [1, 2, 3, 4].map((at) => waiting('10.0.0.9', at))
    expect(joinDecision(four, '10.0.0.9', LIMITS)).toMatchObject({ kind: 'refuse' })
    expect(joinDecision(four, '10.0.0.8', LIMITS)).toEqual({ kind: 'admit', drop: null })
  })

  it('when the list is full, an address with fewer takes the place of the longest silent one of the address with the most', () => {
    const silent = waiting('10.0.0.9', 2)
    const heard = waiting('10.0.0.9', 1, 50)
    const full = [heard, silent, waiting('10.0.0.9', 3), waiting('10.0.0.9', 4), waiting('10.0.0.7', 0), waiting('10.0.0.6', 0)]
    const decision = joinDecision(full, '10.0.0.8', LIMITS)
    expect(decision).toEqual({ kind: 'admit', drop: silent })
  })

  it('when everyone has as many, the newcomer waits', () => {
    const full = [1, 2, 3, 4, 5, 6].map((n) => waiting(`10.0.0.${n}`, n))
    expect(joinDecision(full, '10.0.0.1', { inAll: 6, perAddress: 4 })).toMatchObject({ kind: 'refuse' })
  })

  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s counts as %s', (address, place) => expect(placeOf(address)).toBe(place))
})
