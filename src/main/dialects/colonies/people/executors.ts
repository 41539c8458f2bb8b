/** Executors: an approved one is an external worker of the farm. */
import type { ApiContext } from '../../../http/context.ts'
import { NotFoundError } from '../../../engine/base/errors.ts'
import type { Queues } from '../processes/queues.ts'
import { ColoniesSettings } from '../settings.ts'
import { ColoniesError } from '../wire/errors.ts'
import { isId } from '../wire/values.ts'
import { APPROVED, REJECTED, UNREGISTERED, type Colony, type Executor, type NewExecutor, type Registry } from './registry.ts'

const LONGEST_NAME = 200

export class Executors {
  constructor(
    private readonly context: Pick<ApiContext, 'farm' | 'settings' | 'now'>,
    private readonly registry: Registry,
    private readonly queues: Queues,
  ) {}

  /** @throws ColoniesError 400 */
  async add(colony: Colony, input: NewExecutor): Promise<Executor> {
    const { executorId, name, type } = input
    if (!isId(executorId)) throw new ColoniesError(400, 'executorid must be 64 hexadecimal digits in lower case')
    checkName(name, 'executorname')
    if (type === '' || type.length > LONGEST_NAME) throw new ColoniesError(400, 'executortype is missing or too long')
    const before = colony.executors.get(name)
    if (before) {
      if (!this.context.settings.of(ColoniesSettings).coloniesReregister) {
        throw new ColoniesError(400, `Executor with name <${name}> in Colony <${colony.name}> already exists`)
      }
      await this.dismiss(before)
    }
    return this.registry.addExecutor(colony, input)
  }

  /** @throws ColoniesError 400 for one that was removed */
  async approve(executor: Executor): Promise<void> {
    const { farm } = this.context
    assertRegistered(executor)
    if (executor.workerId === '') {
      const worker = await farm.workers.register({
        adapter: 'external',
        name: `${executor.colony.name}/${executor.name}`,
        secretHash: '',
        platform: '',
        address: '',
        kinds: [],
        machine: null,
        approved: true,
      })
      await this.registry.changeExecutor(executor, { workerId: worker.publicId })
    } else {
      await farm.workers.requestStatus(executor.workerId, 'awake', false)
    }
    await farm.external.serve(executor.workerId, this.queues.kindsOf(executor))
    await this.registry.changeExecutor(executor, { status: APPROVED })
  }

  /** It keeps what it holds, and gets no more. @throws ColoniesError 400 for one that was removed */
  async reject(executor: Executor): Promise<void> {
    assertRegistered(executor)
    await this.registry.changeExecutor(executor, { status: REJECTED })
    if (executor.workerId === '') return
    await this.context.farm.workers.requestStatus(executor.workerId, 'asleep', false)
    this.context.farm.external.nudge(executor.workerId)
  }

  /** What it holds waits for another one. It stays in lists, as unregistered. */
  async remove(executor: Executor): Promise<void> {
    await this.dismiss(executor)
    await this.registry.changeExecutor(executor, { status: UNREGISTERED })
  }

  /** What it serves follows from its type and its place. */
  async refresh(executor: Executor): Promise<void> {
    if (executor.status !== APPROVED || executor.workerId === '') return
    await this.context.farm.external.serve(executor.workerId, this.queues.kindsOf(executor))
  }

  /** It called: every signed call counts. */
  heard(executor: Executor): void {
    executor.heardAt = this.context.now()
    if (executor.workerId !== '' && this.context.farm.workers.find(executor.workerId)) this.context.farm.workers.seen(executor.workerId)
  }

  private async dismiss({ workerId }: Executor): Promise<void> {
    if (workerId === '') return
    await this.context.farm.workers.delete(workerId).catch((error: unknown) => {
      // Removed on the Workers page.
      if (!(error instanceof NotFoundError)) throw error
    })
  }
}

/** @throws ColoniesError 400 */
export function checkName(name: string, field: string): void {
  if (name === '') throw new ColoniesError(400, `${field} is missing`)
  if (name.length > LONGEST_NAME) throw new ColoniesError(400, `${field} has more than ${LONGEST_NAME} characters`)
}

function assertRegistered({ name, status }: Executor): void {
  if (status === UNREGISTERED) throw new ColoniesError(400, `Executor with name <${name}> was removed; it must register again`)
}
