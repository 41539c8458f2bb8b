import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ReportedWarning } from '../../../src/shared/schemas/jobs/warning.ts'
import { AttemptRun, type AttemptEnd, type AttemptPlan, type AttemptSink } from '../../../src/main/worker/attempt/attempt.ts'
import { CommandFailedError, StoppedError, type CommandRunner } from '../../../src/main/worker/contract/commands.ts'
import { silentLogger } from '../../../src/shared/logger.ts'

let workRoot: string
beforeEach(async () => {
  workRoot = await mkdtemp(join(tmpdir(), 'framehouse-attempt-'))
})
afterEach(() => rm(workRoot, { recursive: true, force: true }))

class RecordingSink implements AttemptSink {
  settled = () => Promise.resolve()
  readonly said: string[] = []
  started(): void {
    this.said.push('started')
  }
  log(_stream: string, text: string): void {
    this.said.push(`log ${text.trimEnd()}`)
  }
  congested(): undefined {}
  progress(steps: number): void {
    this.said.push(`steps ${steps}`)
  }
  activity(text: string): void {
    this.said.push(`activity ${text}`)
  }
  output({ path, bytes }: { path: string; bytes?: number }): void {
    this.said.push(`output ${path} ${bytes}`)
  }
  warning({ code, text, count }: ReportedWarning): void {
    this.said.push(`warning ${code} ${text} ×${count}`)
  }
  inputs(): void {}
  handOver(): void {}
  finished({ outcome, reason }: AttemptEnd): void {
    this.said.push(`finished ${outcome}${reason && `: ${reason}`}`)
  }
}

const task = { taskId: 't', attempt: 2, jobId: 'j', jobName: 'Job', jobType: 'x', taskName: 'Task', kind: 'k' }
const step = (name: string, totalStepCount = 0) => ({ name, parameters: {}, totalStepCount })

function run(runners: Record<string, CommandRunner>, plan: Partial<AttemptPlan> & Pick<AttemptPlan, 'commands'>) {
  const sink = new RecordingSink()
  const attempt = new AttemptRun({ task, maxRunMs: 0, maxSilenceMs: 0, ...plan }, sink, {
    registry: { find: (name) => runners[name], kinds: () => [] },
    processes: { starting() {}, started() {}, ended() {} },
    tools: { programs: {} },
    limits: { nice: 0, oomScoreAdjust: null },
    workRoot,
    workerName: 'w',
    stopGraceMs: 20,
    log: silentLogger,
    now: Date.now,
  })
  return { attempt, sink }
}

describe('an attempt', () => {
  it('runs its commands in order, counts a step for each that does not count its own, and tells its end last', async () => {
    const { attempt, sink } = run(
      {
        plain: async (_command, context) => context.log('stdout', 'plain'),
        counting: async (_command, context) => {
          context.progress(2)
          context.progress(0)
          context.progress(-1)
          context.progress(1)
        },
      },
      { commands: [step('plain'), step('counting', 3), step('plain')] },
    )
    await attempt.done
    expect(sink.said).toEqual(['started', 'log plain', 'steps 1', 'steps 3', 'steps 4', 'log plain', 'steps 5', 'finished success'])
  })

  it('learns what it is, in its environment too', async () => {
    let env: unknown
    const { attempt } = run({ look: async (_command, context) => void (env = context.env) }, { commands: [step('look')] })
    await attempt.done
    expect(env).toEqual({
      FRAMEHOUSE_JOB_ID: 'j',
      FRAMEHOUSE_JOB_NAME: 'Job',
      FRAMEHOUSE_TASK_ID: 't',
      FRAMEHOUSE_TASK_NAME: 'Task',
      FRAMEHOUSE_ATTEMPT: '2',
      FRAMEHOUSE_WORKER: 'w',
    })
  })

  it('has an empty folder of its own, which is gone afterwards', async () => {
    let folder = ''
    const { attempt } = run(
      {
        use: async (_command, context) => {
          folder = await context.workDir()
          await writeFile(join(folder, 'scratch'), 'x')
        },
        again: async (_command, context) => {
          expect(await context.workDir()).toBe(folder)
          expect(await readdir(folder)).toEqual(['scratch'])
        },
      },
      { commands: [step('use'), step('again')] },
    )
    expect((await attempt.done).outcome).toBe('success')
    expect(folder.startsWith(workRoot)).toBe(true)
    await expect.poll(() => existsSync(folder)).toBe(false)
  })

  it('tells of saved files with their size before its end, also of one that cannot be looked at', async () => {
    const file = join(workRoot, 'image.png')
    await writeFile(file, 'twelve bytes')
    const { attempt, sink } = run(
      {
        save: async (_command, context) => {
          context.output({ path: file })
          context.output({ path: '/no/such/file.png' })
          context.output({ path: 'known', bytes: 5 })
        },
      },
      { commands: [step('save')] },
    )
    await attempt.done
    expect(sink.said.slice().sort()).toEqual([
      'finished success',
      'output /no/such/file.png undefined',
      `output ${file} 12`,
      'output known 5',
      'started',
      'steps 1',
    ])
    expect(sink.said.at(-1)).toBe('finished success')
  })

  it.each<[string, unknown, string]>([
    ['a failure of the work', new CommandFailedError('src does not exist'), 'finished exit-code: src does not exist'],
    ['a defect', new TypeError('x is undefined'), 'finished could-not-start: x is undefined'],
    ['something that is no error', 'oops', 'finished could-not-start: oops'],
  ])('ends with what it failed with: %s', async (_case, error, expected) => {
    const { attempt, sink } = run({ fail: () => Promise.reject(error) }, { commands: [step('fail'), step('fail')] })
    await attempt.done
    expect(sink.said).toEqual(['started', expected])
  })

  it('ends with the first reason for which it was stopped, whatever its command throws then', async () => {
    const { attempt, sink } = run(
      {
        hold: (_command, context) =>
          new Promise((_resolve, reject) => context.signal.addEventListener('abort', () => reject(new Error('killed')), { once: true })),
      },
      { commands: [step('hold')] },
    )
    attempt.stop(new StoppedError('first'))
    attempt.stop(new StoppedError('second'))
    await attempt.done
    expect(sink.said).toEqual(['started', 'finished stopped: first'])
  })

  it('does not wait for ever for a command that will not end', async () => {
    const { attempt, sink } = run({ deaf: () => new Promise(() => {}) }, { commands: [step('deaf')] })
    attempt.stop(new StoppedError('enough'))
    await attempt.done
    expect(sink.said.at(-1)).toBe('finished stopped: enough')
  })

  it('a sign of life of any kind puts off the end for silence', async () => {
    const signs: CommandRunner = async (_command, context) => {
      const kinds = [
        () => context.log('stdout', 'x'),
        () => context.progress(1),
        () => context.activity('x'),
        () => context.alive(),
        () => context.output({ path: 'x', bytes: 1 }),
      ]
      for (const sign of kinds) {
        await new Promise((resolve) => setTimeout(resolve, 60))
        sign()
      }
      context.signal.throwIfAborted()
    }
    const { attempt } = run({ signs }, { commands: [step('signs', 1)], maxSilenceMs: 200 })
    expect((await attempt.done).outcome).toBe('success')
  })

  it('ends when its log reaches the limit: what was written up to it is reported whole, and what comes later is not', async () => {
    let signal: AbortSignal | undefined
    const flood: CommandRunner = async (_command, context) => {
      ;({ signal } = context)
      for (let line = 0; !context.signal.aborted; line++) context.write('stdout', `${line}\n`)
      context.write('stdout', 'after\n')
      context.log('farm', 'last words')
      throw context.signal.reason
    }
    const { attempt, sink } = run({ flood }, { commands: [step('flood'), step('flood')], maxLogBytes: 7 })
    expect(await attempt.done).toMatchObject({ outcome: 'log-limit', exitCode: null, reason: 'its log reached the limit of 7 B' })
    expect(signal?.aborted).toBe(true)
    expect(sink.said).toEqual([
      'started',
      'log 0',
      'log 1',
      'log 2',
      'log 3',
      'log The task is ended: its log reached the limit of 7 B. What it writes from here on is not kept.',
      'log last words',
      'finished log-limit: its log reached the limit of 7 B',
    ])
  })
})
