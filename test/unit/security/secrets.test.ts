import { describe, expect, it } from 'vitest'
import { hashSecret, hashToken, randomToken, UNMATCHABLE_HASH, verifySecret } from '../../../src/main/security/tokens/secrets.ts'

describe('secrets', () => {
  it.each(['machine', 'password'] as const)('a %s hash matches its secret and no other', async (cost) => {
    const stored = await hashSecret('correct horse', cost)
    expect(stored).not.toContain('correct')
    expect(await verifySecret('correct horse', stored)).toBe(true)
    expect(await verifySecret('correct horsf', stored)).toBe(false)
    expect(await verifySecret('', stored)).toBe(false)
  })

  it('two hashes of one secret differ', async () => {
    expect(await hashSecret('a')).not.toBe(await hashSecret('a'))
  })

  it('composed and decomposed letters are the same password', async () => {
    expect(await verifySecret('cafe\u0301', await hashSecret('caf\u00e9'))).toBe(true)
  })

  it.each(['', 'scrypt', 'scrypt$10$x', 'bcrypt$10$aaaa$bbbb', 'scrypt$99$AAAA$AAAA', 'scrypt$x$AAAA$AAAA', UNMATCHABLE_HASH])(
    'the stored text "%s" matches nothing',
    async (stored) => {
      expect(await verifySecret('', stored)).toBe(false)
      expect(await verifySecret('x', stored)).toBe(false)
    },
  )

  it('a secret longer than any real one is refused without hashing it', async () => {
    const long = 'x'.repeat(2000)
    expect(await verifySecret(long, await hashSecret(long.slice(0, 1000)))).toBe(false)
  })

  it('tokens are unique, fit into a URL path and hash to a look-up key', () => {
    const token = randomToken('fht')
    expect(token).toMatch(/^fht_[A-Za-z0-9_-]{43}$/)
    expect(randomToken('fht')).not.toBe(token)
    expect(hashToken(token)).toBe(hashToken(token))
    expect(hashToken(token)).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })
})
