/** Talks with the guard in a fresh Blender (resources/sessions/blender_guard.py) through files of a folder of the attempt. */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { LoadedFacts, RenderPlan, type RenderAnswer } from './blenderFacts.ts'
import { readSessionScript } from '../../apps/scripts.ts'

export interface GuardListener {
  loaded(facts: LoadedFacts): Promise<void>
  /** Decides what becomes of a render that is about to begin. */
  plan(number: number, plan: RenderPlan): Promise<RenderAnswer>
}

const LOOK_EVERY_MS = 25

export class Guard {
  private timer: NodeJS.Timeout | undefined
  private looking: Promise<void> = Promise.resolve()
  private stopped = false
  private failed: unknown

  private constructor(
    private readonly folder: string,
    private readonly waitsFor: Map<string, (message: unknown) => Promise<void>>,
  ) {}

  /** Path of the script that the steps in the command line run. */
  get script(): string {
    return join(this.folder, 'blender_guard.py')
  }

  /** Prepares the folder and begins to listen. `renders`: how many the command line asks for. */
  static async start(folder: string, renders: number, listener: GuardListener): Promise<Guard> {
    await mkdir(folder, { recursive: true })
    for (const name of ['blender_guard.py', 'blender_facts.py', 'blender_places.py'])
      await writeFile(join(folder, name), await readSessionScript(name))
    const waitsFor = new Map<string, (message: unknown) => Promise<void>>()
    const guard = new Guard(folder, waitsFor)
    waitsFor.set('loaded.json', (message) => listener.loaded(checked(LoadedFacts, message)))
    for (let number = 0; number < renders; number++) {
      waitsFor.set(`plan-${number}.json`, async (message) => {
        const answer = await listener.plan(number, checked(RenderPlan, message))
        await guard.answer(number, answer)
      })
    }
    guard.again()
    return guard
  }

  /** Ends it, after a last look at what was written. @throws what the listener threw */
  async stop(): Promise<void> {
    this.stopped = true
    clearTimeout(this.timer)
    await this.looking
    if (this.failed === undefined) await this.look()
    if (this.failed !== undefined) throw this.failed
  }

  private again(): void {
    this.timer = setTimeout(() => {
      this.looking = this.look().then(() => {
        if (!this.stopped && this.waitsFor.size > 0) this.again()
      })
    }, LOOK_EVERY_MS)
  }

  private async look(): Promise<void> {
    for (const [name, take] of this.waitsFor) {
      const text = await readFile(join(this.folder, name), 'utf8').catch(() => undefined)
      if (text === undefined) continue
      this.waitsFor.delete(name)
      try {
        await take(JSON.parse(text))
      } catch (error) {
        this.failed ??= error
        const number = /^plan-(\d+)/.exec(name)?.[1]
        const stop = error instanceof Error ? error.message : String(error)
        if (number !== undefined) await this.answer(Number(number), { stop }).catch(() => undefined)
      }
    }
  }

  /** Under its name only when it is whole. */
  private async answer(number: number, answer: RenderAnswer): Promise<void> {
    const path = join(this.folder, `answer-${number}.json`)
    await writeFile(`${path}.new`, JSON.stringify(answer))
    await rename(`${path}.new`, path)
  }
}

function checked<T extends TSchema>(schema: T, message: unknown): Static<T> {
  return Value.Parse(schema, message)
}
