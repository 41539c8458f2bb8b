/**
 * Bodies: small ones are parsed at once, large ones in a thread, so that other requests do not wait for them. What makes
 * them large is a channel's payload as a list of numbers; the thread turns it into base64 and hashes what is signed.
 */
import { Worker } from 'node:worker_threads'
import { sha3InPieces } from '../crypto/sha3.ts'
import { ColoniesError } from '../wire/errors.ts'
import { parseMessage, parseRequest, type RequestParts } from '../wire/request.ts'

/** Parsing more than this at once would be felt by other requests. */
const LARGE_BYTES = 1_048_576
/** Large bodies that are read at the same time; each takes several times its size. */
const MOST_THREADS = 2
const THREAD_MEMORY_MB = 1_024

/** Runs in a thread of its own, as text, so that no build has to find a file for it. */
const THREAD = `
const { parentPort, workerData } = require('node:worker_threads')
const { createHash, getHashes } = require('node:crypto')
const body = Buffer.from(workerData)
let envelope
try { envelope = JSON.parse(body.toString('utf8')) } catch { envelope = undefined }
const lower = {}
if (typeof envelope === 'object' && envelope !== null) for (const key of Object.keys(envelope)) lower[key.toLowerCase()] = envelope[key]
const { payloadtype, payload, signature } = lower
const texts = [payloadtype, payload, signature].every((each) => typeof each === 'string')
if (!texts || payload.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(payload)) parentPort.postMessage({ refused: true })
else {
  const text = Buffer.from(payload, 'base64').toString('utf8').replace(/"payload"\\s*:\\s*\\[([\\d,\\s]*)\\]/i, (whole, list) => {
    const bytes = list.trim() === '' ? [] : list.split(',').map(Number)
    return bytes.every((each) => each <= 255) ? '"payload":"' + Buffer.from(bytes).toString('base64') + '"' : whole
  })
  const digest = getHashes().includes('sha3-256') ? createHash('sha3-256').update(payload).digest() : undefined
  parentPort.postMessage({ type: payloadtype, signature, text, digest, payload: digest ? '' : payload })
}
`

type Answer =
  { refused: true } | { refused?: undefined; type: string; signature: string; text: string; digest?: Uint8Array; payload: string }

let running = 0
const waiting: (() => void)[] = []

/** @throws ColoniesError 400 */
export async function parseBody(body: Buffer): Promise<RequestParts> {
  if (body.length <= LARGE_BYTES) return parseRequest(body.toString('utf8'))
  if (running >= MOST_THREADS) await new Promise<void>((resolve) => waiting.push(resolve))
  running++
  try {
    const answer = await inThread(body)
    if (answer.refused) throw new ColoniesError(400, 'the request is no envelope with a base64 payload: invalid JSON')
    const { type, signature, text, payload } = answer
    return { type, payload, signature, message: parseMessage(text), digest: answer.digest ?? (await sha3InPieces(payload)) }
  } finally {
    running--
    waiting.shift()?.()
  }
}

function inThread(body: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const resourceLimits = { maxOldGenerationSizeMb: THREAD_MEMORY_MB }
    const worker = new Worker(THREAD, { eval: true, workerData: body, env: {}, execArgv: [], resourceLimits })
    worker.once('message', (answer: Answer) => {
      resolve(answer)
      void worker.terminate()
    })
    // It ran out of its memory: the body holds something else than a payload.
    worker.once('error', () => reject(new ColoniesError(400, 'the request is too complex')))
  })
}
