/** Submitting large jobs, and what other clients feel meanwhile. */
import type { ManagerProcess } from '../support/managerProcess.ts'
import { submitFrames } from './handOut.ts'
import { RawClient, requestText } from './rawClient.ts'
import { meanwhile, percentile } from './statistics.ts'

export interface SubmitResult {
  seconds: number
  othersP99Ms: number
}

export async function measureSubmit(manager: ManagerProcess, tasks: number): Promise<SubmitResult> {
  const client = await RawClient.open(manager.port)
  const list = requestText('GET', '/api/v1/jobs?limit=20')
  const began = performance.now()
  let seconds = 0
  const work = submitFrames(manager, tasks).then(() => (seconds = (performance.now() - began) / 1000))
  const { latencies } = await meanwhile(work, () => client.send(list))
  client.close()
  return { seconds, othersP99Ms: percentile(latencies, 0.99) }
}
