/** Log lines from a worker through the manager to a listener. */
import { WebSocket } from 'undici'
import type { ManagerProcess } from '../support/managerProcess.ts'
import { submitFrames } from './handOut.ts'
import { requestText } from './rawClient.ts'
import { percentile, sleep } from './statistics.ts'
import { closeAll, nativeWorkers } from './workers.ts'

export interface LogResult {
  linesPerSecond: number
  lost: number
  toListenerP99Ms: number
}

const LINES = 400_000
const LINES_PER_REPORT = 1_000

export async function measureLogs(manager: ManagerProcess): Promise<LogResult> {
  await submitFrames(manager, 1, 'logs')
  const workers = await nativeWorkers(manager, 1, 'blender')
  const [worker] = workers
  if (!worker) throw new Error('no worker')
  const { client, auth } = worker
  const taken = await client.send(requestText('POST', '/api/v1/agent/take', { auth, body: '{"slots":1,"waitMs":0,"running":[]}' }))
  const taskId = /"taskId":"([^"]+)"/.exec(taken.body)?.[1] ?? ''
  let seq = 0
  const say = async (text: string): Promise<void> => {
    const report = { seq: ++seq, taskId, attempt: 1, event: { type: 'log', at: Date.now(), stream: 'stdout', text } }
    const reply = await client.send(requestText('POST', '/api/v1/agent/report', { auth, body: JSON.stringify({ reports: [report] }) }))
    if (reply.status !== 200) throw new Error(`report: ${reply.status} ${reply.body}`)
  }
  const latencies = await listenWhile(manager, taskId, say)
  const lines = Array.from(
    { length: LINES_PER_REPORT },
    (_, at) => `Fra:1 Mem:22.39M (Peak 23.41M) | Time:00:00.17 | Rendering ${at} / ${LINES_PER_REPORT} samples\n`,
  ).join('')
  const began = performance.now()
  for (let sent = 0; sent < LINES; sent += LINES_PER_REPORT) await say(lines)
  const seconds = (performance.now() - began) / 1000
  const { items } = await manager.json<{ items: { number: number; logLines: number }[] }>('GET', `/api/v1/tasks/${taskId}/attempts`)
  closeAll(workers)
  const expected = LINES + latencies.length
  return { linesPerSecond: LINES / seconds, lost: expected - (items[0]?.logLines ?? 0), toListenerP99Ms: percentile(latencies, 0.99) }
}

async function listenWhile(manager: ManagerProcess, taskId: string, say: (text: string) => Promise<void>): Promise<number[]> {
  const socket = new WebSocket(`ws://127.0.0.1:${manager.port}/api/v1/events`)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', () => reject(new Error('the event socket was refused')))
  })
  let heard: (() => void) | undefined
  socket.addEventListener('message', ({ data }) => {
    if (String(data).includes('"type":"log"')) heard?.()
  })
  socket.send(JSON.stringify({ watch: [taskId] }))
  await sleep(200)
  const latencies: number[] = []
  for (let i = 0; i < 200; i++) {
    const began = performance.now()
    const arrived = new Promise<void>((resolve) => (heard = resolve))
    await Promise.all([say(`line ${i}\n`), arrived])
    latencies.push(performance.now() - began)
  }
  socket.close()
  return latencies
}
