/** The envelopes around requests and replies: base64 of JSON, with a signature over the base64 text as it was received. */
import { stringifyExact } from './exactJson.ts'

export function replyEnvelope(type: string, value: unknown): string {
  const payload = Buffer.from(stringifyExact(value), 'utf8').toString('base64')
  return `{"payloadtype":${JSON.stringify(type)},"payload":"${payload}","error":false}`
}

export function errorEnvelope(error: { status: number; message: string }): string {
  const payload = Buffer.from(JSON.stringify(error), 'utf8').toString('base64')
  return `{"payloadtype":"error","payload":"${payload}","error":true}`
}
