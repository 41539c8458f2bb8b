/**
 * Cleans up an engine by the policy of the worker's owner (off by default): images that the farm pulled and does not use,
 * and containers of other workers that ended long ago. Only what the farm brought: an image that was built or
 * tagged there is never touched, since it could not be pulled again.
 */
import { statfs } from 'node:fs/promises'
import type { ContainerConfig } from '../config.ts'
import { ask, type Engine } from './engine.ts'
import { statusOf, wordsOf } from '../errors.ts'
import { LABELS } from './sweep.ts'

/** An image that the farm pulled onto an engine, under the name that was requested. */
export interface PulledImage {
  engine: string
  reference: string
  /** Milliseconds since the epoch. */
  usedAt: number
}

/** Where the list of images is stored between two runs of the worker. */
export interface ImageLedger {
  load(): Promise<PulledImage[]>
  save(images: readonly PulledImage[]): Promise<void>
}

export type PrunePolicy = ContainerConfig['prune']

export interface PrunerOptions {
  engine: Engine
  policy: PrunePolicy
  /** This worker's own id: its containers are handled elsewhere (sweep.ts). */
  owner: string
  images: PulledImages
  log: { info(facts: object, message: string): void; warn(facts: object, message: string): void }
  now(): number
}

const DAY_MS = 86_400_000
const GIB = 1024 ** 3
/** Days are counted, so a use is not recorded more often. */
const SAME_USE_MS = 3_600_000

/** Those of `images` that were not used for this many days (0: none). Pure. */
export function unusedImages(images: readonly PulledImage[], days: number, now: number): PulledImage[] {
  return days === 0 ? [] : images.filter(({ usedAt }) => now - usedAt >= days * DAY_MS)
}

/** What was pulled onto all engines of a worker, and when it was used last. */
export class PulledImages {
  private known: Promise<Map<string, PulledImage>> | undefined

  constructor(
    private readonly ledger: ImageLedger,
    private readonly now: () => number,
  ) {}

  /** A container of this image is about to run. An image that we did not pull does not count. */
  async used(engine: string, reference: string, wasPulled: boolean): Promise<void> {
    const known = await this.load()
    const key = keyOf(engine, reference)
    const before = known.get(key)
    if (!wasPulled && (before === undefined || this.now() - before.usedAt < SAME_USE_MS)) return
    known.set(key, { engine, reference, usedAt: this.now() })
    await this.ledger.save([...known.values()])
  }

  async forget({ engine, reference }: PulledImage): Promise<void> {
    const known = await this.load()
    known.delete(keyOf(engine, reference))
    await this.ledger.save([...known.values()])
  }

  /** Those of one engine, the one that was used longest ago first. */
  async of(engine: string): Promise<PulledImage[]> {
    const known = await this.load()
    return [...known.values()].filter((image) => image.engine === engine).toSorted((a, b) => a.usedAt - b.usedAt)
  }

  private load(): Promise<Map<string, PulledImage>> {
    this.known ??= this.ledger.load().then((images) => new Map(images.map((image) => [keyOf(image.engine, image.reference), image])))
    return this.known
  }
}

export class Pruner {
  constructor(private readonly options: PrunerOptions) {}

  /** Removes what the policy says, once. Failures are logged: the next run tries again. */
  async run(): Promise<void> {
    const { engine, log, policy } = this.options
    try {
      const images = [...(await this.pruneUnused()), ...(await this.makeRoom())]
      if (images.length > 0) log.info({ engine: engine.name, images }, 'removed images that were not used')
      const containers = policy.containerDays > 0 ? await this.pruneContainers() : []
      if (containers.length > 0) log.info({ engine: engine.name, containers }, 'removed containers that ended long ago')
    } catch (error) {
      log.warn({ err: error, engine: engine.name }, 'cannot clean up the engine')
    }
  }

  private async pruneUnused(): Promise<string[]> {
    const { engine, images, now, policy } = this.options
    const removed: string[] = []
    for (const image of unusedImages(await images.of(engine.name), policy.imageDays, now())) {
      if (await this.remove(image)) removed.push(image.reference)
    }
    return removed
  }

  /** The images that were used longest ago go until the disk of the engine has the room that the policy asks for. */
  private async makeRoom(): Promise<string[]> {
    const { engine, images, policy } = this.options
    // Only of an engine on this machine is the disk to be seen.
    if (policy.minFreeGiB === 0 || !engine.isLocal) return []
    const { DockerRootDir } = await ask(engine, 'cannot ask the engine', engine.docker.info() as Promise<{ DockerRootDir: string }>)
    const removed: string[] = []
    for (const image of await images.of(engine.name)) {
      const { bavail, bsize } = await statfs(DockerRootDir)
      if (bavail * bsize >= policy.minFreeGiB * GIB) break
      if (await this.remove(image)) removed.push(image.reference)
    }
    return removed
  }

  /** Never by force: what a container uses, running or not, stays. */
  private async remove(image: PulledImage): Promise<boolean> {
    const { engine, images } = this.options
    try {
      await engine.docker.getImage(image.reference).remove()
    } catch (error) {
      if (statusOf(error) === 409) return false
      if (statusOf(error) !== 404) throw new Error(`cannot remove the image ${image.reference}: ${wordsOf(error)}`, { cause: error })
    }
    await images.forget(image)
    return true
  }

  /** Of workers that do not come back for them. */
  private async pruneContainers(): Promise<string[]> {
    const { engine, now, owner, policy } = this.options
    const filters = { label: [LABELS.owner], status: ['exited', 'dead'] }
    const found = await ask(engine, 'cannot list the containers', engine.docker.listContainers({ all: true, filters }))
    const removed: string[] = []
    for (const { Id, Labels } of found) {
      if (Labels[LABELS.owner] === owner) continue
      const container = engine.docker.getContainer(Id)
      try {
        const { State } = await container.inspect()
        if (now() - Date.parse(State.FinishedAt) < policy.containerDays * DAY_MS) continue
        await container.remove({ v: true })
        removed.push(Id)
      } catch (error) {
        // Its own worker may have come back for it.
        if (statusOf(error) !== 404 && statusOf(error) !== 409) throw error
      }
    }
    return removed
  }
}

function keyOf(engine: string, reference: string): string {
  return `${engine} ${reference}`
}
