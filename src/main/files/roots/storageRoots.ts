/**
 * Has workers prove that they see the farm's storage: the manager writes a random marker into each root, and every worker reads it at
 * the path that the root has on its system. Another folder at the same path is noticed so. Roots that the manager cannot write to
 * exclude no worker.
 */
import { Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Logger } from '../../../shared/logger.ts'
import { toPlatform } from '../../../shared/paths/crosspath.ts'
import { READ_MARKERS } from '../../../shared/schemas/agent.ts'
import { FarmError } from '../../engine/base/errors.ts'
import type { FarmEngine } from '../../engine/base/farmEngine.ts'
import type { WorkerState } from '../../engine/base/model.ts'
import type { VariableHost } from '../../engine/compile/variables.ts'
import type { RootProof } from '../../engine/rules/storageRoots.ts'
import type { Every } from '../../engine/timers.ts'
import type { StorageProofs } from '../../engine/workers/storageProofs.ts'
import { lookAtMarker, markerName, writeMarker } from './marker.ts'
import { rootPaths, type RootSettings } from './rootPaths.ts'

/** How often the markers and the workers' answers are looked at. */
const CHECK_MS = 5_000
/** A worker that sees everything is asked again after this long. */
const PROVEN_MS = 600_000
/** One that does not is asked soon, and then ever more rarely: network disks show a new file late, and people mount what is missing. */
const RETRY_MS = [5_000, 10_000, 20_000, 30_000]
/** Workers that are asked at once: all of a large farm sign on after a restart. */
const ASKED_AT_ONCE = 50
const MAX_RUN_MS = 15_000

const Answer = Type.Array(Type.Object({ text: Type.Union([Type.String(), Type.Null()]), problem: Type.String() }))

export interface StorageRootsParts {
  farm: Pick<FarmEngine, 'workers' | 'on'>
  proofs: StorageProofs
  settings: { current(): RootSettings; onChange(listener: () => void): void }
  host(): VariableHost
  farmId: string
  randomText(): string
  now(): number
  log: Logger
}

interface Root {
  path: string
  text: string
  device: number
}

interface Asked {
  /** The sign-on that it was asked after, and the markers that it was asked for. */
  signedOnAt: number
  marks: number
  nextAt: number
  tries: number
}

export class StorageRoots {
  private roots = new Map<string, Root>()
  /** Counts the changes of the roots: answers to an older question are nothing. */
  private marks = 0
  /** The settings that the paths of roots come from. */
  private stamp = ''
  private readonly asked = new Map<number, Asked>()
  private readonly asking = new Set<number>()
  /** A worker is due that was not asked: too many others were. */
  private behind = false
  private running: Promise<void> | undefined
  private again = false
  private stops: (() => void)[] = []

  constructor(private readonly parts: StorageRootsParts) {}

  /** Marks the roots, before workers sign on. */
  async start(every: Every): Promise<void> {
    await this.mark()
    this.parts.settings.onChange(() => this.wake())
    const { farm } = this.parts
    const seen = (workerId: string): void => {
      const worker = farm.workers.find(workerId)
      if (worker !== undefined) this.askIfDue(worker)
    }
    this.stops = [farm.on('worker', ({ workerId }) => seen(workerId)), every(CHECK_MS, () => this.wake())]
  }

  async stop(): Promise<void> {
    for (const stop of this.stops.splice(0)) stop()
    await this.running
  }

  private wake(): void {
    this.again = true
    this.running ??= this.run().finally(() => (this.running = undefined))
  }

  private async run(): Promise<void> {
    while (this.again) {
      this.again = false
      await this.mark()
      this.askWorkers()
    }
  }

  /** Writes the markers that are not there. A root that was unmounted here keeps its marker: workers may see it all the same. */
  private async mark(): Promise<void> {
    const { settings, host, log, randomText } = this.parts
    const wanted = rootPaths(settings.current(), host().platform, host())
    const name = markerName(this.parts.farmId)
    const found = new Map<string, Root>()
    const { sharedStoragePath, variables } = settings.current()
    const stamp = JSON.stringify([sharedStoragePath, variables])
    let changed = stamp !== this.stamp
    for (const [root, path] of wanted) {
      const before = this.roots.get(root)
      const known = before?.path === path ? before : undefined
      if (known !== undefined && (await lookAtMarker(path, name, known.text, known.device)) !== 'gone') {
        found.set(root, known)
        continue
      }
      const text = randomText()
      const result = await writeMarker(path, name, text)
      if (result.marked) found.set(root, { path, text, device: result.device })
      else if (known !== undefined) log.warn({ root, path, problem: result.problem }, 'a storage root can no longer be marked')
      changed ||= result.marked || known !== undefined
    }
    if (!changed) return
    this.stamp = stamp
    this.roots = found
    this.marks++
    this.parts.proofs.setMarked(new Map([...found].map(([root, { path }]) => [root, path])))
  }

  private askWorkers(): void {
    this.behind = false
    if (this.roots.size === 0) return
    for (const worker of this.parts.farm.workers.all()) this.askIfDue(worker)
  }

  private askIfDue(worker: WorkerState): void {
    if (this.roots.size === 0 || worker.adapter !== 'native' || worker.approvedAt === null || this.asking.has(worker.id)) return
    if (worker.status === 'offline' || worker.status === 'error') return
    const signedOnAt = this.parts.farm.workers.signedOnAt(worker.publicId)
    if (signedOnAt === undefined) return
    const last = this.asked.get(worker.id)
    const isNew = last?.signedOnAt !== signedOnAt || last.marks !== this.marks
    if (!isNew && this.parts.now() < last.nextAt) return
    if (this.asking.size >= ASKED_AT_ONCE) this.behind = true
    else void this.ask(worker, signedOnAt, last)
  }

  private async ask(worker: WorkerState, signedOnAt: number, last: Asked | undefined): Promise<void> {
    const { marks } = this
    this.asking.add(worker.id)
    try {
      const proofs = await this.proofsOf(worker)
      const isNew = last?.signedOnAt !== signedOnAt || last.marks !== marks
      const tries = [...proofs.values()].every(({ seen }) => seen) ? 0 : isNew ? 1 : last.tries + 1
      const pause = tries === 0 ? PROVEN_MS : (RETRY_MS[Math.min(tries, RETRY_MS.length) - 1] ?? PROVEN_MS)
      this.asked.set(worker.id, { signedOnAt, marks, tries, nextAt: this.parts.now() + pause })
      if (marks === this.marks) this.parts.proofs.setProofs(worker.id, proofs)
    } finally {
      this.asking.delete(worker.id)
    }
    if (marks !== this.marks) this.askIfDue(worker)
    if (this.behind && this.asking.size <= ASKED_AT_ONCE / 2) this.askWorkers()
  }

  private async proofsOf(worker: WorkerState): Promise<Map<string, RootProof>> {
    const { farm, settings, host, farmId } = this.parts
    const paths = rootPaths(settings.current(), worker.platform, host())
    const roots = [...this.roots]
    const files = roots.flatMap(([root]) => {
      const path = paths.get(root)
      return path === undefined ? [] : [toPlatform(`${path}/${markerName(farmId)}`, worker.platform)]
    })
    const answers = await this.read(farm, worker, files)
    const proofs = new Map<string, RootProof>()
    for (const [root, { text }] of roots) {
      const path = paths.get(root)
      if (path === undefined) proofs.set(root, { seen: false, path: `{${root}}`, problem: 'no-path' })
      else if (typeof answers === 'string') proofs.set(root, { seen: false, path, problem: answers })
      else {
        const answer = answers.shift()
        const problem = answer === undefined ? 'unknown' : answer.text === null ? answer.problem : 'other'
        proofs.set(root, answer?.text === text ? { seen: true } : { seen: false, path, problem })
      }
    }
    return proofs
  }

  /** What the worker read, or why there is no answer. */
  private async read(farm: StorageRootsParts['farm'], worker: WorkerState, files: readonly string[]) {
    if (files.length === 0) return []
    try {
      const command = { name: READ_MARKERS, parameters: { files }, totalStepCount: 0 }
      const answer = await farm.workers.ask(worker.publicId, { command, maxRunMs: MAX_RUN_MS })
      return Value.Check(Answer, answer) && answer.length === files.length ? answer : 'it sent an invalid answer'
    } catch (error) {
      if (error instanceof FarmError) return error.message
      throw error
    }
  }
}
