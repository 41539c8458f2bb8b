/** `actor-pull`: fetches an actor's image, or finds it on the engine, before messages need it. */
import { ActorPullParameters, type ActorPullResult } from '../../../../shared/schemas/actorRun.ts'
import { pullImage } from '../../../docker/engines/images.ts'
import type { Engine } from '../../../docker/engines/engine.ts'
import type { Engines } from '../../../docker/engines/engines.ts'
import { EngineUnreachableError } from '../../../docker/errors.ts'
import type { CommandContext, CommandRunner } from '../../contract/commands.ts'
import type { ActorHost } from '../../gateway/actorHost.ts'
import { asCommandError } from '../../tools/containers/runSupport.ts'
import { readParameters } from '../parameters.ts'

/** The command for a worker with these engines. */
export function actorPull(engines: Engines, host: ActorHost): CommandRunner {
  return async (command, context) => {
    const { image, routingName } = readParameters(ActorPullParameters, command)
    const { task, signal } = context
    let isAway = false
    const lent = await engines
      .acquire(routingName ?? task.jobName, [...(task.container?.blacklist ?? []), ...host.unsuited()], undefined, signal)
      .catch((error: unknown) => {
        throw asCommandError(error)
      })
    try {
      context.result((await fetchImage(lent.engine, image, context)) satisfies ActorPullResult)
      engines.noteImage(lent.engine, image, true)
    } catch (error) {
      isAway = error instanceof EngineUnreachableError
      throw asCommandError(error)
    } finally {
      lent.release(isAway)
    }
  }
}

async function fetchImage(engine: Engine, image: string, { task, signal, activity }: CommandContext): Promise<ActorPullResult> {
  const auth = (registry: string) => task.container?.registries.find((known) => known.registry === registry)
  const failure = await pullImage(engine, image, auth, activity, signal).then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
  const found = await engine.docker
    .getImage(image)
    .inspect()
    .catch(() => undefined)
  if (failure !== undefined && (found === undefined || signal.aborted)) throw failure.error
  return { imageId: found?.Id ?? '', pulled: failure === undefined }
}
