/** The Colonies protocol's identities and signatures, against vectors that other implementations made. */
import { describe, expect, it } from 'vitest'
import { sha3_256 } from '@noble/hashes/sha3.js'
import { sha3Hex } from '../../../src/main/dialects/colonies/crypto/sha3.ts'
import { idOfPrivateKey, newPrivateKey, recoverId, sign, SignatureError } from '../../../src/main/dialects/colonies/crypto/signatures.ts'
import { sha3 } from '../../../src/main/dialects/colonies/crypto/sha3.ts'
import { Recovery } from '../../../src/main/dialects/colonies/crypto/recovery.ts'
import { Verifier } from '../../../src/main/dialects/colonies/crypto/verifier.ts'

const ONE = '0000000000000000000000000000000000000000000000000000000000000001'
const LEADING_ZEROS = '00000000000000000000000000000000000000000000000000000000deadbeef'

const IDENTITIES = [
  ['fcc79953d8a751bf41db661592dc34d30004b1a651ffa0725b03ac227641499d', '039231c7644e04b6895471dd5335cf332681c54e27f81fac54f9067b3f2c0103'],
  ['ba949fa134981372d6da62b6a56f336ab4d843b22c02a4257dcf7d0d73097514', '4787a5071856a4acf702b2ffcea422e3237a679c681314113d86139461290cf4'],
  ['ddf7f7791208083b6a9ed975a72684f6406a269cfa36f1b1c32045c0a71fff05', '3fc05cf3df4b494e95d6a3d297a34f19938f7daa7422ab0d4f794454133341ac'],
  ['6d2fb6f546bacfd98c68769e61e0b44a697a30596c018a50e28200aa59b01c0a', '4fef2b5a82d134d058c1883c72d6d9caf77cd59ca82d73105017590dea3dcb87'],
  ['d6eb959e9aec2e6fdc44b5862b269e987b8a4d6f2baca542d8acaa97ee5e74f6', '5d6568f883451ae2e407d1a0a7992e414f2a67b69d0e6e9176d353b98f06f696'],
  [ONE, '2036f5bc759cfb3589fb4e2342bc9b3c843c5ef27dc8ded538de328a7567089b'],
  [LEADING_ZEROS, '0de0467e3c84c30937413a7712d16ef59c275be90a8a37d05152010726d44cd7'],
] as const

const SIGNATURES = [
  [
    IDENTITIES[4][0],
    'hello',
    'e713a1bb015fecabb5a084b0fe6d6e7271fca6f79525a634183cfdb175fe69241f4da161779d8e6b761200e1cf93766010a19072fa778f9643363e2cfadd640900',
  ],
  [
    IDENTITIES[3][0],
    'hello',
    'fd89b449020c50c7fadb6efca7da15b47e3375a71d63729d9b70c0f4f66380547d32d8fc5526bfaef013b5caeeb1de911a0d3c829a72c20ad920130953a60a8b01',
  ],
  [
    IDENTITIES[0][0],
    'eyJtc2d0eXBlIjogImdldGNvbG9uaWVzbXNnIn0=',
    '82a2287f7fa7aad2f7a476c2b91743d67792c4f1f580f7cad92ecc6c3504bc6f2f542e984ed0d7d8b5a90a6fc1a381bb18e29dceabb6e97600395d37706732af01',
  ],
  [
    LEADING_ZEROS,
    'hello world',
    'beee14849f8073c18b0eb1144a3199cafc0c59e33f26f3c6c1fa0f73a5c1683524f567edf11df2e69862c46de5ce191bd18c53ae90aae9064fc525c7263c18f401',
  ],
  [
    IDENTITIES[1][0],
    'åäö ☃',
    '78997d7857835cfb4a3b7e900209b17ed9e90b03295df1963eb5376f8da9dd1842cb8be4863adb7a81f501f71c91bfbf2b069dc764f0718f4e39a4fbe3811be601',
  ],
  [
    ONE,
    '',
    'ab1a548e7964281d13c2e4c3d260fdf29acd9d6e8d21edc63522c972ab3d2aba0e94f1d6c7a3282498a7f15eaabda6ed2c60adf28208d7f3ffcaef36a23d1eb200',
  ],
] as const

const HELLO_BY_ANOTHER_NONCE =
  '997eca36736d465e0e8d64e6d657ff4c939c8f5cad4272797ea0fe372bfd8d0953d21b3d06ded5dd80aee8cfa3a9be7ce615ce690eb64184fe15962943fe541300'

describe('identities', () => {
  it.each(IDENTITIES)('the key %s has its known id', (key, id) => {
    expect(idOfPrivateKey(key)).toBe(id)
  })

  it('new keys are different, and are keys', () => {
    const [one, two] = [newPrivateKey(), newPrivateKey()]
    expect(one).not.toBe(two)
    expect(idOfPrivateKey(one)).toMatch(/^[0-9a-f]{64}$/)
  })

  it.each([
    ['zero', '0'.repeat(64)],
    ['the order of the curve', 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141'],
    ['short', 'abcd'],
    ['no hex', 'x'.repeat(64)],
  ])('a key that is %s is refused', (_what, key) => expect(() => idOfPrivateKey(key)).toThrow(SignatureError))
})

describe('signatures', () => {
  it.each(SIGNATURES)('key %s signs %j as other implementations do, and its id is recovered', (key, text, signature) => {
    expect(sign(text, key)).toBe(signature)
    expect(recoverId(sha3(text), signature)).toBe(idOfPrivateKey(key))
  })

  it('a signature made with another nonce is valid too', () => {
    expect(recoverId(sha3('hello'), HELLO_BY_ANOTHER_NONCE)).toBe(IDENTITIES[4][1])
  })

  it('the hash is SHA3-256, by Node and by the library alike', () => {
    const hello = '3338be694f50c5f338814986cdf0686453a888b84f424d792af4b9202398f392'
    expect(sha3Hex('hello')).toBe(hello)
    expect(Buffer.from(sha3_256(Buffer.from('hello'))).toString('hex')).toBe(hello)
  })

  it.each([
    ['no hex', 'x'.repeat(130)],
    ['too short', 'ab'.repeat(64)],
    ['too long', 'ab'.repeat(66)],
    ['empty', ''],
    ['with a recovery id that does not exist', `${SIGNATURES[0][2].slice(0, 128)}04`],
    ['with the larger s', `${SIGNATURES[0][2].slice(0, 64)}${'f'.repeat(60)}000000`.slice(0, 128) + '00'],
    ['all zeros', '0'.repeat(130)],
  ])('a signature that is %s is refused', (_what, signature) => {
    expect(() => recoverId(sha3('hello'), signature)).toThrow(SignatureError)
  })

  it('a signature of another text recovers another identity', () => {
    expect(recoverId(sha3('goodbye'), SIGNATURES[0][2])).not.toBe(IDENTITIES[4][1])
  })
})

describe('the cache of verified signatures', () => {
  const verifierOf = (mostKept?: number): Verifier => {
    const recovery = { signer: (hash: Uint8Array, signature: string) => Promise.resolve(recoverId(hash, signature)) }
    return new Verifier(recovery, mostKept)
  }

  it('knows a payload that it has seen, and no other with the same signature', async () => {
    const verifier = verifierOf()
    const [key, text, signature] = SIGNATURES[0]
    expect(await verifier.signer(text, signature)).toBe(idOfPrivateKey(key))
    expect(await verifier.signer(text, signature)).toBe(idOfPrivateKey(key))
    expect(verifier.hits).toBe(1)
    expect(await verifier.signer('goodbye', signature)).not.toBe(idOfPrivateKey(key))
    expect(verifier.misses).toBe(2)
  })

  it('keeps the newest ones only', async () => {
    const verifier = verifierOf(1)
    for (const [, text, signature] of [SIGNATURES[0], SIGNATURES[1], SIGNATURES[0]]) await verifier.signer(text, signature)
    expect(verifier.hits).toBe(0)
  })
})

describe('recovery of many at once', () => {
  const key = newPrivateKey()
  const signed = (text: string): [Uint8Array, string] => [sha3(text), sign(text, key)]
  const texts = Array.from({ length: 50 }, (_, n) => `text ${n}`)
  const broken: unknown[] = []
  const recoveryOf = (module?: string): Recovery => new Recovery((error) => broken.push(error), module)

  it('finds the same as one by one, in a thread, and refuses what is wrong without harm to the others', async () => {
    const recovery = recoveryOf()
    const wrong = `${'0'.repeat(128)}00`
    const found = await Promise.allSettled([
      ...texts.map((text) => recovery.signer(...signed(text))),
      recovery.signer(sha3('x'), wrong),
      recovery.signer(sha3('x'), 'no hex'),
      recovery.signer(...signed('last')),
    ])
    const id = { status: 'fulfilled', value: idOfPrivateKey(key) }
    const refused = { status: 'rejected', reason: expect.any(SignatureError) }
    expect(found).toEqual([...texts.map(() => id), refused, refused, id])
    expect(await recovery.signer(...signed('alone'))).toBe(id.value)
    expect(broken).toEqual([])
    recovery.close()
    expect(await Promise.all(texts.map((text) => recovery.signer(...signed(text))))).toEqual(texts.map(() => id.value))
  })

  it('goes on without the thread when it cannot run', async () => {
    const recovery = recoveryOf('/no/such/file.js')
    const all = () => Promise.all(texts.map((text) => recovery.signer(...signed(text))))
    expect(await all()).toEqual(texts.map(() => idOfPrivateKey(key)))
    expect(broken).toHaveLength(1)
    expect(await all()).toEqual(texts.map(() => idOfPrivateKey(key)))
  })
})
