/** From the submission of a job to the moment an idle worker of ours has its first task in hand. */
import type { ManagerProcess } from '../support/managerProcess.ts'
import { requestText } from './rawClient.ts'
import { percentile, sleep } from './statistics.ts'
import { closeAll, nativeWorkers } from './workers.ts'

export interface LatencyResult {
  p50Ms: number
  p99Ms: number
}

const ROUNDS = 200

export async function measureStartLatency(manager: ManagerProcess): Promise<LatencyResult> {
  const workers = await nativeWorkers(manager, 1, 'misc')
  const [worker] = workers
  if (!worker) throw new Error('no worker')
  const latencies: number[] = []
  let seq = 0
  for (let round = 0; round < ROUNDS; round++) {
    const reply = worker.client.send(
      requestText('POST', '/api/v1/agent/take', { auth: worker.auth, body: '{"slots":1,"waitMs":30000,"running":[]}' }),
    )
    await sleep(10) // the long poll waits at the manager before the job comes
    const began = performance.now()
    const submitted = manager.json('POST', '/api/v1/jobs', {
      name: 'latency',
      type: 'echo-sleep-test',
      settings: { message: 'go', sleep_repeats: 0 },
    })
    const { body } = await reply
    latencies.push(performance.now() - began)
    await submitted
    const taskId = /"taskId":"([^"]+)"/.exec(body)?.[1]
    if (taskId === undefined) throw new Error(`no task: ${body}`)
    const finished = { type: 'finished', at: 1, outcome: 'success', exitCode: 0, reason: '' }
    const report = JSON.stringify({ reports: [{ seq: ++seq, taskId, attempt: 1, event: finished }] })
    await worker.client.send(requestText('POST', '/api/v1/agent/report', { auth: worker.auth, body: report }))
  }
  closeAll(workers)
  return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) }
}
