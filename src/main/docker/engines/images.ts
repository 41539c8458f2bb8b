/** Images of an engine: listing, pulling with the manager's registry credentials, and which digest a run used. */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { ContainerImage } from '../../../shared/schemas/container.ts'
import { ask, type Engine } from './engine.ts'
import { EngineRefusedError, isConnectionFailure, translate } from '../errors.ts'
import type { RegistryAuth } from '../executor.ts'
import { parseImageReference } from '../../../shared/text/imageReference.ts'

/** More would make each sign-on large; the newest come first. */
const MAX_IMAGES = 500

export async function listImages(engine: Engine): Promise<ContainerImage[]> {
  const images = await ask(engine, 'cannot list the images', engine.docker.listImages())
  return images
    .toSorted((a, b) => b.Created - a.Created)
    .slice(0, MAX_IMAGES)
    .map((image) => ({
      id: image.Id,
      tags: (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>'),
      digests: (image.RepoDigests ?? []).filter((digest) => !digest.startsWith('<none>')),
      bytes: image.Size,
      createdAt: image.Created > 0 ? new Date(image.Created * 1000).toISOString() : null,
    }))
}

/** One line of a pull's progress; an error comes as a line, too, with status 200. */
const Progress = Type.Object({
  error: Type.Optional(Type.String()),
  id: Type.Optional(Type.String()),
  status: Type.Optional(Type.String()),
})
const ACTIVITY_EVERY_MS = 500

/** @throws EngineRefusedError with the registry's words, EngineUnreachableError, the signal's reason */
export async function pullImage(
  engine: Engine,
  image: string,
  authOf: (registry: string) => RegistryAuth | undefined,
  onActivity: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const what = `cannot pull ${image}`
  const { name, tag, isDigest, registry } = parseImageReference(image)
  const auth = authOf(registry)
  const reference = isDigest ? `${name}@${tag}` : `${name}:${tag}`
  const stream = await ask(engine, what, engine.docker.pull(reference, auth && { authconfig: { ...auth, serveraddress: registry } }))
  let toldAt = 0
  let problem: string | undefined
  const onEvent = (event: unknown) => {
    if (!Value.Check(Progress, event)) return
    problem ??= event.error
    if (event.status === undefined || Date.now() - toldAt < ACTIVITY_EVERY_MS) return
    toldAt = Date.now()
    onActivity(`pulling ${image}: ${[event.id, event.status].filter(Boolean).join(' ')}`)
  }
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      // A half pulled image is not tagged; what was fetched is used next time.
      if ('destroy' in stream && typeof stream.destroy === 'function') stream.destroy()
      reject(signal.reason instanceof Error ? signal.reason : new Error('stopped'))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
    engine.docker.modem.followProgress(
      stream,
      (error: Error | null) => {
        signal.removeEventListener('abort', onAbort)
        if (error)
          reject(
            isConnectionFailure(error) ? translate(error, what, engine.host) : new EngineRefusedError(`${what}: ${error.message}`, 500),
          )
        else if (problem !== undefined) reject(new EngineRefusedError(`${what}: ${problem}`, 500))
        else resolve()
      },
      onEvent,
    )
  })
}

const DIGESTS = new WeakMap<Engine, Map<string, Promise<string[]>>>()
const MAX_CACHED = 1000

/** The registry's digest of an image that ran; null for one that came from no registry. An id always has the same content, so it is queried once. */
export async function digestOf(engine: Engine, imageId: string, image: string): Promise<string | null> {
  let known = DIGESTS.get(engine)
  if (!known) DIGESTS.set(engine, (known = new Map()))
  let asked = known.get(imageId)
  if (asked === undefined) {
    if (known.size >= MAX_CACHED) known.clear()
    asked = engine.docker
      .getImage(imageId)
      .inspect()
      .then(({ RepoDigests }) => RepoDigests ?? [])
      .catch(() => {
        known.delete(imageId)
        return []
      })
    known.set(imageId, asked)
  }
  const digests = await asked
  const { name } = parseImageReference(image)
  return digests.find((digest) => digest.startsWith(`${name}@`)) ?? digests[0] ?? null
}
