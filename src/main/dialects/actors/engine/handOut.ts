/** What an execution gets as it starts: image, limits, environment, state and credentials of that moment (protocol 3.1, 3.2). */
import { parseTaskId } from '../../../../shared/ids.ts'
import type { ActorGrant, ActorRunParameters } from '../../../../shared/schemas/actorRun.ts'
import { NotFoundError } from '../../../engine/base/errors.ts'
import type { HandedOut, HandOutFacts } from '../../../engine/base/handOut.ts'
import type { ServerContext } from '../../../http/context.ts'
import { dbidOf, idOf, type Actor } from '../model/actor.ts'
import { mountsOf } from '../model/mounts.ts'
import type { Registry } from '../model/registry.ts'
import { ActorsSettings } from '../settings.ts'
import { inputOf } from '../store/executions.ts'
import { executionId, workerId } from '../values/ids.ts'
import { pythonText, pythonTextOfJson } from '../values/pythonText.ts'
import { exactValues } from '../views.ts'
import type { MessageInput, PullInput } from './mailbox.ts'
import type { ActorWorkers } from './workers.ts'

type Variables = Map<string, string | null>

/** Completes a task of an actor. @throws NotFoundError when the actor is gone */
export function actorHandOut(context: ServerContext, registry: Registry, workers: ActorWorkers) {
  return async (facts: HandOutFacts): Promise<HandedOut> => {
    const actor = registry.ofJob(facts.jobId)
    const text = await inputOf(context.read, facts.taskKey)
    if (!actor || text === undefined) throw new NotFoundError('actor of the job', facts.jobId)
    // Written by mailbox.ts.
    const input = JSON.parse(text) as MessageInput | PullInput
    if ('pull' in input) return { commands: [{ name: 'actor-pull', parameters: { image: withTag(input.pull) }, totalStepCount: 1 }] }
    const index = parseTaskId(facts.taskId)?.index ?? 0
    const place = await workers.begin(actor, { taskKey: facts.taskKey, index }, facts.worker)
    const token = actor.spec.token ? context.security.attemptTokens.mint(facts.taskId, facts.attempt, actor.ownerId, actor.owner) : null
    const env = environmentOf(actor, input, {
      executionId: executionId(actor.key, index),
      workerId: workerId(actor.key, place),
      token,
      configs: configsOf(context, registry, actor),
    })
    const actorGrant: ActorGrant = { env: [...env], token }
    return { commands: [{ name: 'actor-run', parameters: parametersOf(context, actor, input), totalStepCount: 1 }], actor: actorGrant }
  }
}

function parametersOf(context: ServerContext, actor: Actor, input: MessageInput): ActorRunParameters {
  const settings = context.settings.of(ActorsSettings)
  const { spec } = actor
  const memory = spec.memLimit === null ? memoryBytes(settings.actorsMemory) : memoryBytes(spec.memLimit)
  const nanoCpus = spec.maxCpus === null ? Math.round(settings.actorsCpus * 1e9) : spec.maxCpus
  const mounts = mountsOf(actor, settings.actorsMounts)
  return {
    image: withTag(spec.image),
    pull: 'missing',
    ...(input.file && { binaryMessage: input.file }),
    ...(mounts.length > 0 && {
      mounts: mounts.map(({ host_path: source, container_path: target, mode }) => ({ source, target, readOnly: mode === 'ro' })),
    }),
    ...(!spec.useContainerUid && settings.actorsUser !== '' && { user: settings.actorsUser }),
    ...(nanoCpus > 0 && { nanoCpus }),
    ...(memory > 0 && { memoryBytes: memory }),
    ...(spec.privileged && { privileged: true }),
    routingName: actor.name ?? idOf(actor),
  }
}

interface Moment {
  executionId: string
  workerId: string
  token: string | null
  /** Python text of the configs. */
  configs: string
}

/** Later ones win. Exported for tests. */
export function environmentOf(actor: Actor, input: MessageInput, moment: Moment): Variables {
  const env: Variables = new Map()
  for (const [name, value] of Object.entries(exactValues(actor.spec.defaultEnvironment)))
    env.set(name, value === null ? null : pythonText(value))
  for (const [name, value] of Object.entries(input.variables)) env.set(name, value)
  if (input.username !== undefined) env.set('_abaco_username', input.username)
  if (input.apiServer !== undefined) env.set('_abaco_api_server', input.apiServer)
  if (input.jwtHeader !== undefined) env.set('_abaco_jwt_header_name', input.jwtHeader)
  const own: Record<string, string> = {
    _abaco_execution_id: moment.executionId,
    _abaco_Content_Type: input.type,
    // Clients of Abaco look for this spelling.
    '_abaco_Content-Type': input.type,
    _abaco_actor_revision: String(actor.revision),
    _abaco_access_token: moment.token ?? '',
    _abaco_actor_dbid: dbidOf(actor),
    _abaco_actor_id: idOf(actor),
    _abaco_worker_id: moment.workerId,
    _abaco_container_repo: actor.spec.image,
    _abaco_actor_state: pythonTextOfJson(actor.state),
    _abaco_actor_name: actor.name ?? 'None',
    _actor_configs: moment.configs,
  }
  for (const [name, value] of Object.entries(own)) env.set(name, value)
  if (input.text !== undefined) env.set('MSG', input.text)
  else env.delete('MSG')
  return env
}

/** All configs that name the actor or one of its aliases, decrypted. */
function configsOf({ secrets }: Pick<ServerContext, 'secrets'>, registry: Registry, actor: Actor): string {
  const names = new Set([idOf(actor), ...registry.aliasesFor(actor).map(({ alias }) => alias)])
  const entries = registry.configsOf(actor.tenant).flatMap(({ name, value, isSecret, actors }) => {
    if (!actors.split(',').some((each) => names.has(each.trim()))) return []
    return [[name, isSecret ? (secrets.unseal(value) ?? '') : value]]
  })
  return pythonText(Object.fromEntries(entries))
}

const UNITS: Readonly<Record<string, number>> = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }

/** Docker's notation; 0: no limit. */
function memoryBytes(text: string): number {
  const match = /^(\d+)([bkmg]?)$/i.exec(text)
  return match ? Number(match[1]) * (UNITS[match[2]?.toLowerCase() || 'b'] ?? 1) : 0
}

/** Docker takes a name without tag or digest for all tags at once. */
export function withTag(image: string): string {
  const name = image.slice(image.lastIndexOf('/') + 1)
  return name.includes(':') || name.includes('@') ? image : `${image}:latest`
}
