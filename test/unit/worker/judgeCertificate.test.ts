import { describe, expect, it } from 'vitest'
import { CertificateRefusedError, judgeCertificate } from '../../../src/main/worker/pinnedManager.ts'

const A = 'AA:01'
const B = 'BB:02'

describe('judgeCertificate', () => {
  it.each([
    ['the first one is kept where nobody vouches for it', { fingerprint: A, vouchedFor: false }, undefined, undefined, 'pin'],
    ['the one that was kept is trusted', { fingerprint: A, vouchedFor: false }, undefined, A, 'trusted'],
    ['another one than was kept is refused', { fingerprint: B, vouchedFor: false }, undefined, A, /is BB:02, but it was AA:01/],
    ['one that an authority vouches for is trusted, and not kept', { fingerprint: A, vouchedFor: true }, undefined, undefined, 'trusted'],
    ['also in place of a kept one: authorities renew theirs', { fingerprint: B, vouchedFor: true }, undefined, A, 'trusted'],
    ['the expected one is kept', { fingerprint: A, vouchedFor: false }, A, undefined, 'pin'],
    ['the expected one takes the place of a kept one', { fingerprint: B, vouchedFor: false }, B, A, 'pin'],
    ['the expected one that was kept is trusted', { fingerprint: A, vouchedFor: false }, A, A, 'trusted'],
    ['another one than expected is refused at the first time', { fingerprint: B, vouchedFor: false }, A, undefined, /is BB:02, not AA:01/],
    ['also where it was kept', { fingerprint: B, vouchedFor: false }, A, B, /is BB:02, not AA:01/],
    ['also where an authority vouches for it', { fingerprint: B, vouchedFor: true }, A, undefined, /is BB:02, not AA:01/],
  ] as const)('%s', (_name, shown, expected, pinned, verdict) => {
    const judge = () => judgeCertificate(shown, { expected, pinned })
    if (typeof verdict === 'string') expect(judge()).toBe(verdict)
    else {
      expect(judge).toThrow(CertificateRefusedError)
      expect(judge).toThrow(verdict)
    }
  })
})
