/** Has a worker answer a question of the manager: which workers can, and the command as that worker's platform needs it. */
import { UnavailableError } from '../base/errors.ts'
import type { WorkerQuestion } from '../base/farmRecords.ts'
import type { Assignments } from '../jobs/assignments.ts'
import type { WorkerRequests } from './workerRequests.ts'
import type { WorkerRoster } from './workerRoster.ts'

interface Parts {
  roster: WorkerRoster
  assignments: Assignments
  requests: WorkerRequests
}

/** @throws NotFoundError; UnavailableError for a worker that is not approved, not online or not of this program */
export async function askWorker(
  { roster, assignments, requests }: Parts,
  workerId: string,
  { checkoutId, ...question }: WorkerQuestion,
): Promise<unknown> {
  const worker = roster.need(workerId)
  if (worker.adapter !== 'native' || worker.approvedAt === null || worker.status === 'offline' || worker.status === 'error') {
    throw new UnavailableError(`worker "${worker.name}" cannot be reached: it is not an approved, online worker of this program`)
  }
  const [command = question.command] = assignments.expand([question.command], worker.platform)
  return requests.ask(worker, {
    ...question,
    command,
    ...(checkoutId !== undefined && { checkout: assignments.checkout(checkoutId, worker.platform) }),
  })
}
