/** Synchronous messages: the reply waits for the first result, or for the end and the log. */
import { taskPublicId } from '../../../../shared/ids.ts'
import { popResult } from '../../../store/queries/jobs/attemptResults.ts'
import type { Call } from '../http/api.ts'
import type { Actor } from '../model/actor.ts'
import type { Parts } from '../routes/parts.ts'
import { findExecution } from '../store/executions.ts'
import { logOf } from './logs.ts'

/** In case an event was missed. */
const LOOK_MS = 1_000

/** Sends the first result as it is, else the log once the execution has ended. */
export async function answerWhenDone({ api }: Parts, { reply }: Call, actor: Actor, number: number): Promise<undefined> {
  const { context } = api
  const taskId = taskPublicId(actor.jobId, number)
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  for (;;) {
    const change = nextChange(context.farm, taskId, gone.signal)
    try {
      const row = await findExecution(context.read, actor.key, number)
      const result = row && (await popResult(context.writer, row.taskId))
      if (result) {
        await reply.type('application/octet-stream').send(result)
        return
      }
      if (!row || row.status === 'COMPLETE' || row.status === 'ERROR') {
        const log = row ? await logOf(context, actor, row) : ''
        // What a program printed is shown as text, never as a page of ours.
        await reply
          .headers({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': "sandbox; default-src 'none'" })
          .send(log)
        return
      }
      await change.happened
      if (gone.signal.aborted) return
    } finally {
      change.stop()
    }
  }
}

type Farm = Parts['api']['context']['farm']

/** The task changes its status or hands over a result, the caller leaves, or some time passes. */
function nextChange(farm: Farm, taskId: string, gone: AbortSignal): { happened: Promise<void>; stop(): void } {
  const stops: (() => void)[] = []
  const happened = new Promise<void>((resolve) => {
    stops.push(
      farm.on('task', (event) => {
        if (event.taskId === taskId) resolve()
      }),
      farm.on('result', (event) => {
        if (event.taskId === taskId) resolve()
      }),
    )
    const timer = setTimeout(resolve, LOOK_MS)
    const leave = (): void => resolve()
    gone.addEventListener('abort', leave)
    stops.push(
      () => clearTimeout(timer),
      () => gone.removeEventListener('abort', leave),
    )
  })
  return {
    happened,
    stop: () => {
      for (const stop of stops) stop()
    },
  }
}
