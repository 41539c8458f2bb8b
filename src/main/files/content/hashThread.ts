/** A thread that hashes: several contents at once, each in the order of its bytes. */
import { parentPort } from 'node:worker_threads'
import { Digests, type DigestName, type DigestValues } from './digests.ts'

/** `bytes` are shared and must stay as they are until the reply. */
export type HashRequest =
  | { job: number; op: 'begin'; names: readonly DigestName[] }
  | { job: number; op: 'update'; bytes: SharedArrayBuffer; length: number; cuts: readonly number[] | undefined }
  | { job: number; op: 'finish' | 'drop' }
export type HashReply = { job: number; pieces: string[] } | { job: number; values: DigestValues }

const jobs = new Map<number, Digests>()

parentPort?.on('message', (request: HashRequest) => {
  const { job } = request
  const answer = (reply: HashReply): void => parentPort?.postMessage(reply)
  if (request.op === 'begin') jobs.set(job, new Digests(request.names))
  else if (request.op === 'update') {
    const { bytes, length, cuts } = request
    answer({ job, pieces: jobs.get(job)?.update(Buffer.from(bytes, 0, length), cuts) ?? [] })
  } else {
    const digests = jobs.get(job)
    jobs.delete(job)
    if (request.op === 'finish') answer({ job, values: digests?.finish() ?? {} })
  }
})
