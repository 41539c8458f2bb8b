/** A request as it arrives: envelope, payload, message. Nothing here knows what messages mean. */
import { decode, text } from './lenient.ts'
import { Type } from 'typebox'
import { parseExact } from './exactJson.ts'
import { ColoniesError } from './errors.ts'
import { InvalidInputError } from '../../../engine/base/errors.ts'

/** Parsed, and not verified yet. */
export interface RequestParts {
  type: string
  /** The base64 text that is signed. */
  payload: string
  signature: string
  /** The decoded payload. */
  message: unknown
  /** The payload's hash, if it was computed on the way. */
  digest?: Uint8Array
}

const Envelope = Type.Object({ payloadtype: text, payload: text, signature: text })
const MessageHead = Type.Object({ msgtype: text })
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/

/** @throws ColoniesError 400 */
export function parseRequest(body: string): RequestParts {
  const { payloadtype: type, payload, signature } = decode(Envelope, parse(body, 'the request'))
  if (payload.length % 4 !== 0 || !BASE64.test(payload)) throw new ColoniesError(400, 'the payload is not base64: invalid JSON')
  return { type, payload, signature, message: parseMessage(Buffer.from(payload, 'base64').toString('utf8')) }
}

/** @param json the decoded payload @throws ColoniesError 400 */
export function parseMessage(json: string): unknown {
  return parse(json, 'the payload')
}

/** A signed payload says itself what it is for, so that it cannot be sent as something else. @throws ColoniesError 400 */
export function assertType({ type, message }: Pick<RequestParts, 'type' | 'message'>): void {
  if (decode(MessageHead, message).msgtype !== type) {
    throw new ColoniesError(400, `${type}: msg.MsgType does not match payloadType`)
  }
}

function parse(json: string, what: string): unknown {
  try {
    return parseExact(json)
  } catch (error) {
    if (error instanceof InvalidInputError) throw new ColoniesError(400, `${what}: ${error.message}, invalid JSON`)
    throw error
  }
}
