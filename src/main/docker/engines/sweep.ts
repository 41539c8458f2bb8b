/** Our containers are identified by their labels: those that belong to no attempt are removed. */
import { ask, type Engine } from './engine.ts'
import { statusOf } from '../errors.ts'

export const LABELS = {
  /** The worker's data folder: who may remove it. */
  owner: 'framehouse.owner',
  job: 'framehouse.job',
  task: 'framehouse.task',
  attempt: 'framehouse.attempt',
} as const

/**
 * Removes this owner's containers that belong to no attempt of `held` (`taskId attempt`), including running ones: their attempts
 * were reassigned. Returns the ids. @throws EngineUnreachableError
 */
export async function sweep(engine: Engine, owner: string, held: () => ReadonlySet<string>): Promise<string[]> {
  const filters = { label: [`${LABELS.owner}=${owner}`] }
  const found = await ask(engine, 'cannot list the containers', engine.docker.listContainers({ all: true, filters }))
  // Queried after the list was made: an attempt that began meanwhile is not in the list.
  const answered = held()
  const left = found.filter(({ Labels }) => !answered.has(`${Labels[LABELS.task]} ${Labels[LABELS.attempt]}`))
  await Promise.all(
    left.map(({ Id }) =>
      engine.docker
        .getContainer(Id)
        .remove({ force: true, v: true })
        .catch((error: unknown) => {
          if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error
        }),
    ),
  )
  return left.map(({ Id }) => Id)
}
