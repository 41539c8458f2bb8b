/**
 * Follows a log with server-sent events. Each event's data is a JSON object: `{position, text}` for new bytes (system/rawText.ts), with the
 * event id as the position to resume from after a reconnect, and `event: end` when the attempt has ended. The text is
 * read from the log itself; the engine's events only trigger reading.
 */
import type { ServerResponse } from 'node:http'
import { pause } from '../../../../shared/async.ts'
import { wholeCharacters } from '../../../../shared/text/utf8.ts'
import { decodeRaw } from '../../../system/rawText.ts'
import type { ServerContext } from '../../../http/context.ts'

const READ_BYTES = 262_144
/** Comments keep proxies and the reader's own timeout from closing an idle stream. */
const KEEPALIVE_MS = 15_000
/** The log is checked once more this long after an attempt's end, for late lines. */
const LINGER_MS = 1_000

export interface Followed {
  taskId: string
  attempt: number
  /** Byte to start at. */
  from: number
}

/** Resolves when the client has disconnected, or the attempt has ended and everything was sent. Never rejects. */
export async function followLog(context: ServerContext, { taskId, attempt, from }: Followed, response: ServerResponse): Promise<void> {
  let position = from
  let wake: (() => void) | undefined
  let changed = true
  let ended = false
  const nudge = () => {
    changed = true
    wake?.()
  }
  const stops = [
    context.farm.on('log', (event) => event.taskId === taskId && event.attempt === attempt && nudge()),
    context.farm.on('task', (event) => event.taskId === taskId && event.status !== 'active' && nudge()),
  ]
  const keepalive = setInterval(() => response.write(': still here\n\n'), KEEPALIVE_MS)
  response.once('close', nudge)
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-accel-buffering': 'no',
  })
  response.flushHeaders()
  try {
    while (!response.destroyed) {
      changed = false
      position = await sendNew(context, { taskId, attempt, from: position }, ended, response)
      if (ended) break
      ended = await hasEnded(context, taskId, attempt)
      if (ended) await Promise.race([pause(LINGER_MS), waitForWake()])
      else if (!changed) await waitForWake()
    }
    if (!response.destroyed) response.end('event: end\ndata: {}\n\n')
  } catch (error) {
    context.log.warn({ err: error, taskId, attempt }, 'following a log failed')
    response.destroy()
  } finally {
    clearInterval(keepalive)
    for (const stop of stops) stop()
  }

  function waitForWake(): Promise<void> {
    return new Promise((resolve) => {
      wake = resolve
    })
  }
}

/**
 * Sends whole characters from `from` on, or everything at the `end`; waits while the client is slow; returns the new
 * position.
 */
async function sendNew(
  { logs }: ServerContext,
  { taskId, attempt, from }: Followed,
  end: boolean,
  response: ServerResponse,
): Promise<number> {
  let position = from
  for (;;) {
    const bytes = await logs.read(taskId, attempt, position, READ_BYTES)
    const length = end && bytes.length < READ_BYTES ? bytes.length : wholeCharacters(bytes)
    if (length === 0 || response.destroyed) return position
    const data = JSON.stringify({ position, text: decodeRaw(bytes.subarray(0, length)) })
    position += length
    if (!response.write(`id: ${position}\ndata: ${data}\n\n`)) await drained(response)
  }
}

async function hasEnded({ read }: ServerContext, taskId: string, attempt: number): Promise<boolean> {
  const row = await read.get<{ status: string }>(
    `select a.status from jobs j join tasks t on t.job_id = j.id join attempts a on a.task_id = t.id
     where substr(j.public_id, 10) = ? and t.idx = ? and a.number = ?`,
    [taskId.slice(9), Number.parseInt(taskId.slice(0, 8), 16), attempt],
  )
  return row?.status !== 'active'
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
  })
}
