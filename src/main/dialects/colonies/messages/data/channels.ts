/** Channels: protocol 3.10. */
import type { EntryRow } from '../../store/entries.ts'
import { ColoniesError } from '../../wire/errors.ts'
import { anything, int64, integer, text } from '../../wire/lenient.ts'
import { wireTime } from '../../wire/values.ts'
import { DONE, message } from '../message.ts'

export const CHANNEL_MESSAGES = [
  message(
    'channelappendmsg',
    { processid: text, name: text, sequence: int64, inreplyto: int64, payload: anything, payloadtype: text },
    async ({ channels }, { processid, name, sequence, inreplyto: replyTo, payload, payloadtype: type }, { signer }) => {
      await channels.append(processid, name, signer, { sequence, replyTo, payload: bytesOf(payload), type })
      return DONE
    },
  ),
  message(
    'channelreadmsg',
    { processid: text, name: text, afterseq: int64, limit: integer },
    async ({ channels }, { processid, name, afterseq, limit }, { signer }) =>
      (await channels.read(processid, name, signer, afterseq, limit)).map(entryView),
  ),
]

export function entryView({ sequence, replyTo, at, senderId, payload, type }: EntryRow): Record<string, unknown> {
  return {
    sequence: BigInt(sequence),
    inreplyto: BigInt(replyTo),
    timestamp: wireTime(at),
    senderid: senderId,
    payload: payload.toString('base64'),
    type,
  }
}

/** pycolonies sends a list of byte values, others base64. @throws ColoniesError 400 */
function bytesOf(payload: unknown): Buffer {
  if (payload === null) return Buffer.alloc(0)
  if (typeof payload === 'string') {
    if (payload.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(payload))
      throw new ColoniesError(400, 'payload is not base64: invalid JSON')
    return Buffer.from(payload, 'base64')
  }
  const isBytes = Array.isArray(payload) && payload.every((each) => Number.isInteger(each) && each >= 0 && each <= 255)
  if (!isBytes) throw new ColoniesError(400, 'payload must be a list of bytes or base64: invalid JSON')
  return Buffer.from(payload)
}
