import { describe, expect, it } from 'vitest'
import { CertificateRefusedError, judgeCertificate, type Trust } from '../../../src/main/worker/link/pinnedManager.ts'
import type { ShownCertificate } from '../../../src/main/system/farmTrust.ts'

const A = 'AA:01'
const B = 'BB:02'
const FARM = 'FA:01:02:03'
const OTHER_FARM = 'FB:01:02:03'
const owners = (fingerprint: string, vouchedFor = false): ShownCertificate => ({ fingerprint, authority: undefined, vouchedFor })
const ofFarm = (authority: string, fingerprint = A): ShownCertificate => ({ fingerprint, authority, vouchedFor: false })

describe('judgeCertificate', () => {
  const rows: [string, ShownCertificate, Trust, 'trusted' | 'pin' | 'ask' | RegExp][] = [
    ['the first one is kept where no authority vouches for it', owners(A), {}, 'pin'],
    ['the one that was kept is trusted', owners(A), { pinned: { fingerprint: A } }, 'trusted'],
    ['another one than was kept is refused', owners(B), { pinned: { fingerprint: A } }, /is BB:02, but it was AA:01/],
    ['one that an authority vouches for is trusted, and not kept', owners(A, true), {}, 'trusted'],
    ['also in place of a kept one: authorities renew theirs', owners(B, true), { pinned: { fingerprint: A } }, 'trusted'],
    ['the expected one is kept', owners(A), { expected: A }, 'pin'],
    ['the expected one takes the place of a kept one', owners(B), { expected: B, pinned: { fingerprint: A } }, 'pin'],
    ['the expected one that was kept is trusted', owners(A), { expected: A, pinned: { fingerprint: A } }, 'trusted'],
    ['another one than expected is refused at the first time', owners(B), { expected: A }, /is BB:02, not AA:01/],
    ['also where it was kept', owners(B), { expected: A, pinned: { fingerprint: B } }, /is BB:02, not AA:01/],
    ['also where an authority vouches for it', owners(B, true), { expected: A }, /is BB:02, not AA:01/],
    ["a farm's authority is kept", ofFarm(FARM), {}, 'pin'],
    ["a farm's new certificate is trusted", ofFarm(FARM, B), { pinned: { authority: FARM } }, 'trusted'],
    ["another farm's is refused", ofFarm(OTHER_FARM), { pinned: { authority: FARM } }, /is FB:01:02:03, but it was FA:01:02:03/],
    ['a certificate without the authority is refused', owners(A), { pinned: { authority: FARM } }, /is AA:01, but it was FA:01:02:03/],
    ['an authority in place of a kept certificate has to be vouched for', ofFarm(FARM, B), { pinned: { fingerprint: A } }, 'ask'],
    ['the expected authority is kept', ofFarm(FARM), { expected: FARM }, 'pin'],
    ['a farm may be expected by its certificate of today, and its authority is kept', ofFarm(FARM, A), { expected: A }, 'pin'],
    ['another authority than expected is refused', ofFarm(OTHER_FARM), { expected: FARM }, /not FA:01:02:03 as --fingerprint says/],
  ]
  it.each(rows)('%s', (_name, shown, trust, verdict) => {
    const judge = () => judgeCertificate(shown, trust)
    if (typeof verdict === 'string') expect(judge()).toBe(verdict)
    else {
      expect(judge).toThrow(CertificateRefusedError)
      expect(judge).toThrow(verdict)
    }
  })
})
