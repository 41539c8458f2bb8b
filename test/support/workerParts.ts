/** What tests of the agent need around it: commands that do as the test says, a logger that remembers, a data folder. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deferred, type Deferred } from '../../src/shared/async.ts'
import { startWorker, type RunningWorker, type WorkerConfig, type WorkerDeps } from '../../src/main/worker/index.ts'
import type { CommandContext, CommandRunner } from '../../src/main/worker/contract/commands.ts'
import type { Logger } from '../../src/shared/logger.ts'
import { killGroupOf, killMarked, killTree, startMark } from '../../src/main/worker/tools/process/processTree.ts'

/** Commands by name, made of functions. `hold` runs until the test lets it end (or it is stopped). */
export class TestCommands {
  readonly started: CommandContext[] = []
  private readonly holds = new Map<string, Deferred<void>>()
  private readonly runners = new Map<string, CommandRunner>([
    [
      'say',
      async (command, context) => {
        context.log('stdout', `${String(command.parameters.text)}\n`)
      },
    ],
    [
      'hold',
      async (_command, context) => {
        this.started.push(context)
        const hold = deferred<void>()
        this.holds.set(context.task.taskId, hold)
        context.signal.addEventListener('abort', () => hold.reject(context.signal.reason), { once: true })
        if (context.signal.aborted) throw context.signal.reason
        await hold.promise
      },
    ],
  ])

  set(name: string, runner: CommandRunner): void {
    this.runners.set(name, runner)
  }

  find(name: string): CommandRunner | undefined {
    return this.runners.get(name)
  }

  kinds(): string[] {
    return ['test']
  }

  /** Lets a `hold` end well. */
  release(taskId: string): void {
    this.holds.get(taskId)?.resolve()
  }

  /** Whether the `hold` of this task was begun. */
  isHeld(taskId: string): boolean {
    return this.holds.has(taskId)
  }
}

export function command(name: string, parameters: Record<string, unknown> = {}, totalStepCount = 0) {
  return { name, parameters, totalStepCount }
}

export class RecordingLogger implements Logger {
  readonly lines: string[] = []
  debug(): void {}
  info(facts: object, message: string): void {
    this.add('info', facts, message)
  }
  warn(facts: object, message: string): void {
    this.add('warn', facts, message)
  }
  error(facts: object, message: string): void {
    this.add('error', facts, message)
  }
  private add(level: string, facts: object, message: string): void {
    const error = 'err' in facts && facts.err instanceof Error ? `: ${facts.err.stack ?? facts.err.message}` : ''
    this.lines.push(`${level} ${message}${error}`)
  }
}

export interface TestWorker {
  worker: RunningWorker
  commands: TestCommands
  log: RecordingLogger
  dataDir: string
}

/** Starts agents for one test and ends all of them, with their folders, in `cleanUp`. */
export class WorkerLab {
  private readonly folders: string[] = []
  private readonly workers: RunningWorker[] = []

  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'framehouse-worker-'))
    this.folders.push(folder)
    return folder
  }

  async start(config: Partial<WorkerConfig> & { managerUrl: string }, parts: Partial<WorkerDeps> = {}): Promise<TestWorker> {
    const commands = new TestCommands()
    const log = new RecordingLogger()
    const dataDir = config.dataDir ?? (await this.folder())
    const worker = await startWorker(
      { name: 'tester', ...config, dataDir },
      { createRegistry: () => commands, processes: { startMark, killTree, killMarked, killGroupOf }, ...parts, log, version: '0.0.0-test' },
    )
    this.workers.push(worker)
    return { worker, commands, log, dataDir }
  }

  async cleanUp(): Promise<void> {
    await Promise.all(this.workers.splice(0).map((worker) => worker.stop()))
    await Promise.all(this.folders.splice(0).map((folder) => rm(folder, { recursive: true, force: true, maxRetries: 5 })))
  }
}
