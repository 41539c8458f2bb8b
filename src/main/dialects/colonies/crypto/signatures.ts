/**
 * Identities and signatures of the Colonies protocol: secp256k1 with public-key recovery over SHA3-256. `secp256k1` uses
 * a native binary where one fits and JavaScript elsewhere.
 */
import { randomBytes } from 'node:crypto'
import secp256k1 from 'secp256k1'
import { sha3, sha3Hex } from './sha3.ts'

/** A signature that cannot be one. A wrong signature usually still recovers some id: that one then has no rights. */
export class SignatureError extends Error {}

const PRIVATE_KEY = /^[0-9a-f]{64}$/i
const SIGNATURE = /^(?:[0-9a-f]{2})*$/i
const SIGNATURE_BYTES = 65
/** Half of the curve's order: the larger of the two possible values of s is refused. */
const HALF_ORDER = Buffer.from('7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0', 'hex')

/** The id that belongs to this public key, 64 hex digits: the hash of the key's text, not of its bytes. */
export function idOfPublicKey(publicKey: Uint8Array): string {
  return sha3Hex(Buffer.from(publicKey).toString('hex'))
}

/** @param privateKey 64 hex digits @throws SignatureError when it is no key */
export function idOfPrivateKey(privateKey: string): string {
  return idOfPublicKey(secp256k1.publicKeyCreate(keyBytes(privateKey), false))
}

/** A new private key, 64 hex digits. */
export function newPrivateKey(): string {
  for (;;) {
    const key = sha3(randomBytes(32))
    if (secp256k1.privateKeyVerify(key)) return key.toString('hex')
  }
}

/** The signature of a text, 130 hex digits: r, s and the recovery id. */
export function sign(text: string, privateKey: string): string {
  const { signature, recid } = secp256k1.ecdsaSign(sha3(text), keyBytes(privateKey))
  return Buffer.concat([signature, Buffer.of(recid)]).toString('hex')
}

/** The bytes of a signature that may be one: r, s and the recovery id. @throws SignatureError */
export function splitSignature(signature: string): Buffer {
  if (!SIGNATURE.test(signature)) throw new SignatureError('the signature is not hexadecimal')
  const bytes = Buffer.from(signature, 'hex')
  const recovery = bytes[SIGNATURE_BYTES - 1]
  if (bytes.length !== SIGNATURE_BYTES || recovery === undefined) throw new SignatureError('Invalid signature length')
  if (recovery > 3) throw new SignatureError('Invalid signature recovery id')
  if (bytes.compare(HALF_ORDER, 0, 32, 32, 64) > 0) throw new SignatureError('Signature s value is over half the order')
  return bytes
}

/** The public key of the signer of a text with this hash. @throws SignatureError */
export function recoverKey(hash: Uint8Array, signature: Buffer): Uint8Array {
  try {
    return secp256k1.ecdsaRecover(signature.subarray(0, SIGNATURE_BYTES - 1), signature[SIGNATURE_BYTES - 1] ?? 0, hash, false)
  } catch {
    throw new SignatureError('Invalid signature')
  }
}

/** The id of the signer of a text with this hash. @throws SignatureError */
export function recoverId(hash: Uint8Array, signature: string): string {
  return idOfPublicKey(recoverKey(hash, splitSignature(signature)))
}

function keyBytes(privateKey: string): Buffer {
  const key = Buffer.from(privateKey, 'hex')
  if (!PRIVATE_KEY.test(privateKey) || !secp256k1.privateKeyVerify(key)) throw new SignatureError('not a private key')
  return key
}
