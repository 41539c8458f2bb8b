/** A CommandContext for tests of commands: records what the command tells and makes real folders. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { NewWarning } from '../../src/shared/schemas/jobs/warning.ts'
import type { Command, CommandContext, OutputFile, Sessions, ToolSettings } from '../../src/main/worker/contract/commands.ts'
import type { Existing, Inputs } from '../../src/shared/schemas/jobs/existing.ts'
import { StoppedError } from '../../src/main/worker/contract/commands.ts'

export interface RecordedContext extends CommandContext {
  /** Everything logged, as one text. */
  readonly text: string
  readonly entries: { stream: string; text: string }[]
  readonly steps: number
  readonly activities: string[]
  readonly outputs: OutputFile[]
  readonly warnings: NewWarning[]
  readonly results: unknown[]
  readonly inputsTold: Inputs[]
  readonly handedOver: Buffer[]
  readonly numbers: Map<string, number>
  readonly pids: { started: number[]; ended: number[] }
  /** Aborts as a cancellation does. */
  stop(reason?: string): void
}

/** A folder of the test's own, removed afterwards. */
export async function tempFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'framehouse-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A command as a job type would author it. */
export function commandOf(name: string, parameters: Record<string, unknown>, totalStepCount = 0): Command {
  return { name, parameters, totalStepCount }
}

export async function recordedContext(
  options: {
    tools?: ToolSettings
    env?: Record<string, string>
    sessions?: Sessions
    taskId?: string
    existing?: Existing
    task?: Partial<RecordedContext['task']>
  } = {},
): Promise<RecordedContext> {
  const folder = await tempFolder()
  const controller = new AbortController()
  const recorded = {
    entries: [] as RecordedContext['entries'],
    activities: [] as string[],
    outputs: [] as OutputFile[],
    warnings: [] as NewWarning[],
    results: [] as unknown[],
    inputsTold: [] as Inputs[],
    handedOver: [] as Buffer[],
    numbers: new Map<string, number>(),
    pids: { started: [] as number[], ended: [] as number[] },
  }
  const pids = new Map<string, number>()
  let steps = 0
  return {
    ...recorded,
    get text() {
      return recorded.entries.map((entry) => entry.text).join('')
    },
    get steps() {
      return steps
    },
    stop: (reason = 'the task was cancelled') => controller.abort(new StoppedError(reason)),
    task: {
      taskId: options.taskId ?? '00000001-1c3d-4e5f-8a9b-0c1d2e3f4a5b',
      attempt: 1,
      jobId: '9b2f63aa-1c3d-4e5f-8a9b-0c1d2e3f4a5b',
      jobName: 'a job',
      jobType: 'test',
      taskName: 'a task',
      kind: 'misc',
      ...options.task,
    },
    sessions: options.sessions,
    signal: controller.signal,
    log: (stream, text) => void recorded.entries.push({ stream, text: text.endsWith('\n') ? text : `${text}\n` }),
    write: (stream, text) => void recorded.entries.push({ stream, text }),
    congested: () => undefined,
    progress: (delta) => {
      steps += delta
    },
    activity: (text) => void recorded.activities.push(text),
    alive: () => undefined,
    output: (file) => void recorded.outputs.push(file),
    warn: (warning) => void recorded.warnings.push(warning),
    existing: options.existing ?? { mode: 'replace' },
    inputs: (inputs) => void recorded.inputsTold.push(inputs),
    handOver: (bytes) => void recorded.handedOver.push(bytes),
    result: (value) => void recorded.results.push(value),
    metrics: {
      add: (name, amount) => void recorded.numbers.set(name, (recorded.numbers.get(name) ?? 0) + amount),
      max: (name, amount) => void recorded.numbers.set(name, Math.max(recorded.numbers.get(name) ?? 0, amount)),
    },
    processes: {
      starting: () => undefined,
      started: (cookie, pid) => {
        pids.set(cookie, pid)
        recorded.pids.started.push(pid)
      },
      ended: (cookie) => recorded.pids.ended.push(...[pids.get(cookie)].filter((pid) => pid !== undefined)),
    },
    workDir: async () => {
      const work = join(folder, 'work')
      await mkdir(work, { recursive: true })
      return work
    },
    tools: options.tools ?? { programs: {} },
    limits: { nice: 5, oomScoreAdjust: 300 },
    env: options.env ?? {},
    now: () => Date.now(),
  }
}

/** Resolves when `condition` holds; looks every 20 ms. @throws Error after `limitMs` */
export async function until(condition: () => boolean | Promise<boolean>, what: string, limitMs = 60_000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
