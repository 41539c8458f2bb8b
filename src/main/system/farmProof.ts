/**
 * How a farm proves to a worker at a new address that it is the one the worker knows, before the worker sends its
 * secret there. Each worker receives its own key when it signs on; an address that claims to be the farm must answer a
 * random question with it. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'

/** What only the farm and this worker know. Hex. @param farmKey the farm's own key */
export function workerKeyOf(farmKey: string, workerId: string): string {
  return createHmac('sha256', farmKey).update(`worker:${workerId.toLowerCase()}`).digest('hex')
}

/** The answer to a worker's question. Hex. */
export function proofOf(workerKey: string, question: string): string {
  return createHmac('sha256', workerKey).update(`question:${question}`).digest('hex')
}

export function isProof(workerKey: string, question: string, answer: string): boolean {
  const expected = Buffer.from(proofOf(workerKey, question))
  const given = Buffer.from(answer)
  return expected.length === given.length && timingSafeEqual(expected, given)
}
