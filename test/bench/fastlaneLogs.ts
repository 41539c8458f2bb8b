/** What Fastlane's outputs cost at a log of a million lines, against the native log route of the same manager. */
import type { ManagerProcess } from '../support/managerProcess.ts'
import { requestText } from './rawClient.ts'
import { percentile } from './statistics.ts'
import { closeAll, nativeWorkers } from './workers.ts'

export interface OutputResult {
  nativeP95Ms: number
  /** By route: p95 in milliseconds. */
  routes: { name: string; p95Ms: number }[]
  megabytes: number
}

const LINES = 1_000_000
const LINES_PER_REPORT = 2_000
const ROUNDS = 40

export async function measureOutputs(manager: ManagerProcess): Promise<OutputResult> {
  const { taskId, path } = await floodedRun(manager)
  const native = `/api/v1/tasks/${taskId}/attempts/1/log`
  const routes = [
    { name: 'job details', url: path },
    { name: 'execution details', url: `${path}executions/${taskId}/` },
    { name: 'stdout', url: `${path}stdout/` },
  ].map((route) => ({ ...route, times: [] as number[] }))
  const nativeTimes: number[] = []
  let bytes = 0
  // In turns, so that what else the machine does falls on all of them. The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    const seen = await timed(manager, native)
    bytes = seen.bytes
    if (round > 0) nativeTimes.push(seen.ms)
    for (const { url, times } of routes) {
      const { ms } = await timed(manager, url)
      if (round > 0) times.push(ms)
    }
  }
  return {
    nativeP95Ms: percentile(nativeTimes, 0.95),
    routes: routes.map(({ name, times }) => ({ name, p95Ms: percentile(times, 0.95) })),
    megabytes: bytes / 1e6,
  }
}

/** A run of Fastlane's whose container wrote a million lines; a simulated worker plays the container. */
async function floodedRun(manager: ManagerProcess): Promise<{ taskId: string; path: string }> {
  const workers = await nativeWorkers(manager, 1, 'container')
  const [worker] = workers
  if (!worker) throw new Error('no worker')
  const { client, auth } = worker
  const { jobId } = await manager.json<{ jobId: string }>('POST', '/tasks/bench/', { image: 'busybox', command: 'seq 1000000' })
  const taken = await client.send(requestText('POST', '/api/v1/agent/take', { auth, body: '{"slots":1,"waitMs":5000,"running":[]}' }))
  const taskId = /"taskId":"([^"]+)"/.exec(taken.body)?.[1] ?? ''
  let seq = 0
  const say = async (event: object): Promise<void> => {
    const reports = [{ seq: ++seq, taskId, attempt: 1, event: { at: Date.now(), ...event } }]
    const reply = await client.send(requestText('POST', '/api/v1/agent/report', { auth, body: JSON.stringify({ reports }) }))
    if (reply.status !== 200) throw new Error(`report: ${reply.status} ${reply.body}`)
  }
  for (let line = 0; line < LINES; line += LINES_PER_REPORT) {
    const text = Array.from({ length: LINES_PER_REPORT }, (_, at) => `${line + at + 1}\n`).join('')
    await say({ type: 'log', stream: 'stdout', text })
  }
  await say({ type: 'finished', outcome: 'success', exitCode: 0, reason: '' })
  closeAll(workers)
  return { taskId, path: `/tasks/bench/jobs/${jobId}/` }
}

async function timed(manager: ManagerProcess, path: string): Promise<{ ms: number; bytes: number }> {
  const began = performance.now()
  const reply = await fetch(manager.url + path)
  const { byteLength } = await reply.arrayBuffer()
  if (!reply.ok) throw new Error(`${path}: ${reply.status}`)
  return { ms: performance.now() - began, bytes: byteLength }
}
